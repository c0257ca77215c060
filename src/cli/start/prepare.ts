/** From words to a plan: which runbook, which target, which inputs, and what the machine says. Shared by `plan` and `run`. */

import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { SandboxInfo } from "../../../sandbox/client.ts";
import { systemClock } from "../../host/clock.ts";
import { childEnvironment, loginName } from "../../host/environment.ts";
import { digestOf, type SealedConfig, type SealedFile } from "../../host/sealed-run.ts";
import { peekSecrets } from "../../host/secrets.ts";
import type { Target } from "../../language/config.ts";
import type { Runbook } from "../../language/runbook.ts";
import { placeAtStart } from "../../plan/at-start.ts";
import { buildPlan, inputValues, type PlanSubject, type PlanWorld } from "../../plan/build-plan.ts";
import type { Plan } from "../../plan/plan.ts";
import { resolveTarget } from "../../plan/target.ts";
import { windowState } from "../../steps/window-calendar.ts";
import { closest } from "../../util/closest.ts";
import { sealedName } from "../../util/sealed-name.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { catalogue } from "../project/catalogue.ts";
import { sealedPlugins } from "../project/plugins.ts";
import { loadWholeRunbook, type Project, type RunbookSource, refuseInvalid } from "../project/project.ts";
import { toolStates } from "../project/tool-states.ts";
import { type InputSources, mendedWords, resolveInputs } from "./inputs.ts";
import { secretSources } from "./secret-sources.ts";

export interface Prepared {
  readonly source: RunbookSource;
  readonly runbook: Runbook;
  readonly target: Target;
  readonly subject: PlanSubject;
  readonly sandbox: SandboxInfo | null;
  /** What a run would seal. */
  readonly files: readonly SealedFile[];
}

/** What the words of a command say; see `prepareRunbook`. */
export async function prepare(
  command: Command,
  path: Wanted["path"],
  targetName: string | undefined,
  missing: "refuse" | "unknown",
  inputWords: readonly string[] = command.args.texts("input"),
): Promise<Prepared> {
  return prepareRunbook({
    project: command.project,
    cwd: command.cwd,
    path,
    target: targetName,
    inputs: {
      flags: inputWords,
      file: command.args.text("inputs-file"),
      env: process.env,
      again: (words) => command.args.again({ without: ["input"], add: words.flatMap((word) => ["-i", word]) }),
      ask: command.terminal.interactive ? (runbook, names) => askInputs(command, runbook, names) : undefined,
    },
    missing,
    color: command.terminal.colorErr,
    retarget: (runbook, target) => {
      const typed = inputWords.map((word): [string, string] => [
        word.replace(/=.*/s, ""),
        word.replace(/^[^=]*=?/, ""),
      ]);
      const words = mendedWords(runbook, typed, []).flatMap((word) => ["-i", word]);
      return command.args.again({ verb: "plan", only: ["inputs-file"], add: ["-t", target, ...words] });
    },
  });
}

/** Loaded only for a target that is a sandbox. */
function sandboxClient() {
  return import("../../../sandbox/client.ts");
}

async function askInputs(command: Command, runbook: Runbook, names: readonly string[]) {
  // What a terminal shows is no place for a secret: those are told to be given by variable.
  if (names.some((name) => runbook.inputs[name]?.sensitive)) return null;
  return (await import("../terminal/input-prompts.ts")).askInputs(command, runbook, names);
}

export interface Wanted {
  readonly project: Project;
  readonly cwd: string;
  /** Of the runbook, absolute; or what was loaded from it before. */
  readonly path: string | RunbookSource;
  readonly target: string | undefined;
  readonly inputs: InputSources;
  /** What a required input without a value is. */
  readonly missing: "refuse" | "unknown";
  /** Whether diagnostics in errors are painted. */
  readonly color: boolean;
  /** The command that plans on this target what was asked for; absent for a program. */
  readonly retarget?: (runbook: Runbook, target: string) => string;
}

/** Everything a plan needs but the world. Throws `CommandError` (2, 3). */
export async function prepareRunbook(wanted: Wanted): Promise<Prepared> {
  const { project, cwd, path, missing } = wanted;
  const source = typeof path === "string" ? await loadWholeRunbook(project, cwd, path) : path;
  refuseInvalid(project, source.loaded.diagnostics, wanted.color);
  const runbook = source.loaded.runbook as Runbook;
  const target = chooseTarget(project, runbook, wanted.target, wanted.retarget);
  const inputs = await resolveInputs(runbook, wanted.inputs, missing);
  const sandbox = target.sandbox ? (await sandboxClient()).readSandbox(project.stateDir) : null;
  const files = filesToSeal(project, source, target);
  const subject: PlanSubject = {
    runbook,
    file: source.file,
    files: Object.fromEntries(files.map(({ path: name, content }) => [name, digestOf(content)])),
    config: project.config,
    targetName: target.name,
    target: resolveTarget(project.config, runbook, target.name, sandbox),
    inputs,
    actor: loginName(),
    catalogue: catalogue(),
  };
  return { source, runbook, target, subject, sandbox, files };
}

/** `-t`, else RUNBOOK_TARGET, else the only listed one. */
export function chooseTarget(
  project: Project,
  runbook: Runbook,
  flag: string | undefined,
  retarget: Wanted["retarget"] = (_, name) => `runbook plan ${runbook.name} -t ${name}`,
): Target {
  const listed = Object.keys(runbook.targets);
  const known = listed.length > 0 ? listed : Object.keys(project.config.targets);
  const name = flag ?? process.env["RUNBOOK_TARGET"] ?? (known.length === 1 ? known[0] : undefined);
  if (name === undefined) {
    const text = `which target? ${runbook.name} may run on ${known.join(", ") || "none: add targets"}`;
    throw new UsageError(text, retarget(runbook, known[0] ?? "NAME"));
  }
  const target = project.config.targets[name];
  if (target === undefined || !known.includes(name)) {
    const near = closest(name, known);
    const hint = near ? `. Did you mean "${near}"?` : `: it may run on ${known.join(", ") || "none"}`;
    throw new UsageError(
      `${runbook.name} does not list the target "${name}"${hint}`,
      retarget(runbook, near ?? known[0] ?? "NAME"),
    );
  }
  return target;
}

function filesToSeal(project: Project, source: RunbookSource, target: Target): SealedFile[] {
  const folder = dirname(source.path);
  const config: SealedConfig = {
    format: "runbook.sealed-config/1.0",
    project: project.dir,
    file: relative(project.dir, source.path),
    target,
    windows: project.config.windows,
    policy: { ...project.config.policy, approvers: approverKeys(project) },
    secrets: project.config.secrets,
    evidence: project.config.evidence,
  };
  return [
    { path: "runbook.yaml", content: source.text },
    ...source.loaded.includes.map(({ path, text }) => ({ path: `includes/${path.split("/").at(-1)}`, content: text })),
    ...source.loaded.files.map((name) => ({
      path: `files/${sealedName(name)}`,
      content: readFileSync(join(folder, name)),
    })),
    ...(project.plugins.length === 0 ? [] : sealedPlugins(project.plugins)),
    { path: "config.json", content: `${JSON.stringify(config, null, 2)}\n` },
  ];
}

/** Keys are sealed as text, so that a key exchanged later cannot approve this run. A missing key file cannot sign. */
export function approverKeys(project: Project): Project["config"]["policy"]["approvers"] {
  const { approvers } = project.config.policy;
  return Object.fromEntries(
    Object.entries(approvers).map(([group, people]) => [
      group,
      people.map((person) => ({ ...person, key: keyText(project, person.key) })),
    ]),
  );
}

function keyText(project: Project, key: string): string {
  if (key.startsWith("ed25519:")) return key;
  try {
    return readFileSync(resolve(project.dir, key), "utf8").trim();
  } catch {
    return "";
  }
}

/** What the machine says without running anything; `askVersions` starts the tools to ask them. */
export async function lookAround(prepared: Prepared, project: Project, askVersions: boolean): Promise<PlanWorld> {
  const { runbook, target, sandbox } = prepared;
  const env = childEnvironment(process.env, sandbox?.binDir ?? null);
  const states = await toolStates(runbook, env, project.dir, askVersions, placeOf(prepared));
  // A sandbox that never ran brings its fly when it starts.
  const tools = states.map(({ problem: _, ...tool }) =>
    target.sandbox && tool.name === "fly" ? { ...tool, found: tool.found ?? "sandbox" } : tool,
  );
  const looked = await peekSecrets(
    await secretSources({ runbook, target, providers: project.config.secrets, projectDir: project.dir, sandbox }),
  );
  const supplied = new Set(target.sandbox && sandbox === null ? (await sandboxClient()).sandboxSecretNames : []);
  const secrets = looked.map((secret) =>
    supplied.has(secret.name) && secret.status !== "found"
      ? { ...secret, status: "found" as const, provider: "sandbox" }
      : secret,
  );
  const now = systemClock().now();
  const windows: Record<string, { open: boolean; text: string }> = {};
  for (const [name, window] of Object.entries(project.config.windows)) {
    if (!JSON.stringify(runbook.guards).includes(`"${name}"`) && !JSON.stringify(runbook.steps).includes(`"${name}"`))
      continue;
    const state = await windowState(window, now);
    windows[name] = {
      open: state.open,
      text: `now ${state.nowText} is ${state.open ? "inside" : "outside"} ${state.windowText}`,
    };
  }
  return { tools, secrets, windows };
}

function placeOf({ runbook, subject }: Prepared) {
  return placeAtStart(runbook, subject.target, inputValues(subject.inputs));
}

export async function planOf(prepared: Prepared, project: Project): Promise<Plan> {
  return buildPlan(prepared.subject, await lookAround(prepared, project, false));
}
