/**
 * Plug-ins (experimental): step types of the project, one module each. A module is read once and evaluated from that
 * text, as a `data:` URL: it has no place, so it can import modules of Node only, and what is sealed with a run is all
 * of it. It runs with the rights of whoever runs the runbook.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { readSealedText, type SealedFile } from "../../host/sealed-run.ts";
import { pluginProblems, pluginType } from "../../steps/plugin-type.ts";
import type { StepType } from "../../steps/step-type.ts";
import { isObject } from "../../util/json.ts";
import { addStepTypes } from "./catalogue.ts";

const largestBytes = 1024 * 1024;

export interface LoadedPlugin {
  /** As the project file names it. */
  readonly module: string;
  readonly text: string;
  readonly stepType: StepType;
}

export interface LoadedPlugins {
  readonly plugins: readonly LoadedPlugin[];
  /** Module as the project file names it → what is wrong with it, ending with a full stop. */
  readonly problems: ReadonlyMap<string, string>;
}

/** Loads the modules of a project file. Never throws: what is wrong is told at the project file. */
export async function loadPlugins(projectDir: string, modules: readonly string[]): Promise<LoadedPlugins> {
  const plugins: LoadedPlugin[] = [];
  const problems = new Map<string, string>();
  for (const module of modules) {
    const file = fileOf(projectDir, module);
    if (file === null) {
      problems.set(module, `There is no module "${module}".`);
      continue;
    }
    const loaded = await evaluate(readFileSync(file, "utf8"));
    if ("problem" in loaded) {
      problems.set(module, loaded.problem);
      continue;
    }
    const other = plugins.find((plugin) => plugin.stepType.type === loaded.stepType.type);
    if (other !== undefined) problems.set(module, `${loaded.stepType.type} is the type of ${other.module} already.`);
    else plugins.push({ module, ...loaded });
  }
  return { plugins, problems };
}

async function evaluate(text: string): Promise<{ text: string; stepType: StepType } | { problem: string }> {
  if (Buffer.byteLength(text) > largestBytes) return { problem: "The module is larger than 1 MiB." };
  let exported: unknown;
  try {
    const { importText } = await import("./import-text.ts");
    const module = await importText(text);
    exported = module.default;
  } catch (error) {
    const why = (error instanceof Error ? error.message : String(error)).split("\n")[0]?.replace(/\.$/, "");
    const imports = /resolve module specifier|Invalid URL|relative URL/i.test(why ?? "");
    return {
      problem: imports
        ? "The module imports another one; a plug-in is one module, which may import modules of Node only (node:…)."
        : `The module does not load: ${why?.replace(/data:text\/javascript[^\s'"]*/g, "the module")}.`,
    };
  }
  const found = pluginProblems(exported);
  if (found.length > 0) return { problem: `The module is no step type: ${found.join("; ")}.` };
  return { text, stepType: pluginType(exported) };
}

/** A path from the project, or the name of a package whose entry is looked up from there. */
function fileOf(projectDir: string, module: string): string | null {
  if (/^\.{0,2}\/|\.(?:mjs|js)$/.test(module)) return existing(resolve(projectDir, module));
  for (let at = projectDir; ; at = dirname(at)) {
    const folder = join(at, "node_modules", module);
    if (existsSync(join(folder, "package.json"))) return existing(join(folder, entryOf(folder)));
    if (dirname(at) === at) return null;
  }
}

function entryOf(folder: string): string {
  const data: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const manifest = isObject(data) ? data : {};
  let entry: unknown = manifest["exports"];
  if (isObject(entry) && "." in entry) entry = entry["."];
  while (isObject(entry)) entry = entry["import"] ?? entry["default"] ?? null;
  return typeof entry === "string" ? entry : typeof manifest["main"] === "string" ? manifest["main"] : "index.js";
}

function existing(file: string): string | null {
  return statSync(file, { throwIfNoEntry: false })?.isFile() === true ? file : null;
}

/** Where a plug-in stands among the sealed files: `plugins/queue-depth.mjs`. */
export function sealedPlugins(plugins: readonly LoadedPlugin[]): SealedFile[] {
  return plugins.map(({ stepType, text }) => ({ path: sealedPath(stepType.type), content: text }));
}

function sealedPath(type: string): string {
  return `plugins/${type.slice("plugin/".length)}.mjs`;
}

/** Takes the step types a run was sealed with; `files` are its digests, which have been checked. */
export async function usePluginsOfRun(runDir: string, files: Readonly<Record<string, string>>): Promise<void> {
  const types: StepType[] = [];
  for (const path of Object.keys(files).filter((name) => /^plugins\/[a-z][a-z0-9-]*\.mjs$/.test(name))) {
    const loaded = await evaluate(readSealedText(runDir, path));
    if ("problem" in loaded) throw new Error(`the sealed plug-in ${path} cannot be used: ${loaded.problem}`);
    types.push(loaded.stepType);
  }
  addStepTypes(types);
}
