/** Names for completion, read from the project without validating it. Whatever cannot be read has no names. */
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { runIds, stateDirectory } from "../../host/state-dir.ts";
import { isObject } from "../../util/json.ts";
import type { Candidate } from "./complete.ts";

export interface ProjectNames {
  readonly dir: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly runbooks: readonly string[];
  readonly stateDir: string;
}

const largestBytes = 1024 * 1024;
const mostRuns = 20;
/** What stands in a shell without quoting. */
const plain = /^[\w.@/:+-]+$/;

export async function openNames(cwd: string, stateFlag: string | undefined): Promise<ProjectNames> {
  const dir = findUp(cwd);
  const config = dir === null ? {} : await readYamlMap(join(dir, "runbook.config.yaml"));
  const state = config["state"];
  return {
    dir: dir ?? cwd,
    config,
    runbooks: runbooksIn(join(dir ?? cwd, "runbooks")),
    stateDir: stateDirectory({
      flag: stateFlag,
      env: process.env,
      project: dir,
      configured: typeof state === "string" ? state : null,
    }),
  };
}

function findUp(cwd: string): string | null {
  for (let at = cwd; ; at = dirname(at)) {
    if (existsSync(join(at, "runbook.config.yaml"))) return at;
    if (dirname(at) === at) return null;
  }
}

function runbooksIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /\.ya?ml$/.test(name))
      .map((name) => name.replace(/\.ya?ml$/, ""))
      .filter((name) => plain.test(name))
      .sort();
  } catch {
    return [];
  }
}

async function readYamlMap(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    if (statSync(file).size > largestBytes) return {};
    const { parsePlainYaml } = await import("../../language/plain-yaml.ts");
    const data: unknown = parsePlainYaml(readFileSync(file, "utf8"), { isDraft: true });
    return isObject(data) ? data : {};
  } catch {
    return {};
  }
}

async function runbookMap(names: ProjectNames, runbook: string): Promise<Readonly<Record<string, unknown>>> {
  if (!names.runbooks.includes(runbook)) return {};
  const file = join(names.dir, "runbooks", runbook);
  return await readYamlMap(existsSync(`${file}.yaml`) ? `${file}.yaml` : `${file}.yml`);
}

/** Those the runbook lists; without a runbook every one of the project. */
export async function targetNames(names: ProjectNames, runbook: string | undefined): Promise<Candidate[]> {
  const own = runbook === undefined ? undefined : (await runbookMap(names, runbook))["targets"];
  const defined = isObject(names.config["targets"]) ? names.config["targets"] : {};
  const listed = Array.isArray(own) ? own.map(String) : isObject(own) ? Object.keys(own) : Object.keys(defined);
  return listed
    .filter((name) => plain.test(name))
    .map((value) => {
      const target = defined[value];
      const isProtected = isObject(target) && target["protected"] === true;
      return { value, summary: isProtected ? "protected" : "" };
    });
}

/** `reason=`, with what it is. */
export async function inputNames(names: ProjectNames, runbook: string): Promise<Candidate[]> {
  return Object.entries(await inputsOf(names, runbook))
    .filter(([name]) => plain.test(name))
    .map(([name, input]) => {
      const description = isObject(input) ? input["description"] : undefined;
      return { value: `${name}=`, summary: typeof description === "string" ? oneLine(description) : "" };
    });
}

/** Values of an enum, or of a boolean. */
export async function inputValues(names: ProjectNames, runbook: string, name: string): Promise<string[]> {
  const inputs = await inputsOf(names, runbook);
  const input = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
  if (!isObject(input)) return [];
  if (input["type"] === "boolean") return ["true", "false"];
  return Array.isArray(input["enum"]) ? input["enum"].map(String).filter((value) => plain.test(value)) : [];
}

async function inputsOf(names: ProjectNames, runbook: string): Promise<Readonly<Record<string, unknown>>> {
  const { inputs } = (await runbookMap(names, runbook)) as { inputs?: unknown };
  return isObject(inputs) ? inputs : {};
}

/** `last` and the newest runs. */
export function runNames(stateDir: string): Candidate[] {
  let ids: { id: string; mtimeMs: number }[];
  try {
    ids = runIds(stateDir).map((id) => ({ id, mtimeMs: statSync(join(stateDir, "runs", id)).mtimeMs }));
  } catch {
    ids = [];
  }
  if (ids.length === 0) return [];
  const newest = ids.sort((a, b) => b.mtimeMs - a.mtimeMs).slice(0, mostRuns);
  return [
    { value: "last", summary: "the newest run" },
    ...newest.map(({ id }) => ({ value: id, summary: aboutRun(join(stateDir, "runs", id, "journal.ndjson")) })),
  ];
}

/** From the head of the first record, which may be long. */
function aboutRun(file: string): string {
  try {
    const fd = openSync(file, "r");
    try {
      const head = Buffer.alloc(2048);
      const text = head.toString("utf8", 0, readSync(fd, head));
      const found = (key: string) => new RegExp(`"${key}":"([\\w.-]+)"`).exec(text)?.[1];
      return [found("runbook"), found("target")].filter((word) => word !== undefined).join(" on ");
    } finally {
      closeSync(fd);
    }
  } catch {
    return "";
  }
}

function oneLine(text: string): string {
  return text
    .replace(/[\s\x00-\x1f\x7f-\x9f]+/g, " ")
    .trim()
    .slice(0, 60);
}
