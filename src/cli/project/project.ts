/** The project around the working directory: its config, runbooks and state directory. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { stateDirectory } from "../../host/state-dir.ts";
import type { Config } from "../../language/config.ts";
import type { Diagnostic } from "../../language/diagnostic.ts";
import { emptyConfig, loadConfig } from "../../language/load-config.ts";
import { type LoadedRunbook, loadRunbook } from "../../language/load-runbook.ts";
import { renderText } from "../../language/render.ts";
import { toJson } from "../../language/render-formats.ts";
import { closest } from "../../util/closest.ts";
import { isObject } from "../../util/json.ts";
import { CommandError, UsageError } from "../errors.ts";
import { paint } from "../terminal/terminal.ts";
import { addStepTypes, catalogue } from "./catalogue.ts";
import type { LoadedPlugin } from "./plugins.ts";

export const configName = "runbook.config.yaml";
const runbooksFolder = "runbooks";

export interface Project {
  /** Absolute; where commands run. The working directory when there is no project file. */
  readonly dir: string;
  readonly hasConfig: boolean;
  readonly config: Config;
  readonly configDiagnostics: readonly Diagnostic[];
  /** Sealed with every run. */
  readonly plugins: readonly LoadedPlugin[];
  readonly stateDir: string;
  /** What is wrong with a module of `plugins`; absent when none is named. */
  readonly pluginProblem?: (module: string) => string | null;
  /** Text of a file that diagnostics point into. */
  readonly textOf: (file: string) => string;
}

/** Finds the project file upward from `cwd`. A broken project file is kept as diagnostics: not every verb needs it. */
export function openProject(cwd: string, stateFlag: string | undefined): Project {
  const dir = findUp(cwd);
  const file = dir === null ? null : join(dir, configName);
  const loaded = file === null ? null : loadConfig({ file: fromCwd(cwd, file), text: readConfig(file) });
  const config = loaded?.config ?? emptyConfig;
  return {
    dir: dir ?? cwd,
    hasConfig: file !== null,
    config,
    configDiagnostics: loaded?.diagnostics ?? [],
    plugins: [],
    stateDir: stateDirectory({ flag: stateFlag, env: process.env, project: dir, configured: config.state }),
    textOf: (name) => readFileSync(resolve(cwd, name), "utf8"),
  };
}

/** The project with the step types of its `plugins`; what is wrong with one is a diagnostic of the project file. */
export async function withPlugins(project: Project, cwd: string): Promise<Project> {
  if (project.config.plugins.length === 0) return project;
  const { loadPlugins } = await import("./plugins.ts");
  const { plugins, problems } = await loadPlugins(project.dir, project.config.plugins);
  addStepTypes(plugins.map((plugin) => plugin.stepType));
  const pluginProblem = (module: string) => problems.get(module) ?? null;
  const path = join(project.dir, configName);
  const { diagnostics } = loadConfig({ file: fromCwd(cwd, path), text: readConfig(path), pluginProblem });
  return { ...project, plugins, pluginProblem, configDiagnostics: diagnostics };
}

function readConfig(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new CommandError(
      "invalid",
      `the project file cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      `ls -l ${file}`,
    );
  }
}

function findUp(cwd: string): string | null {
  for (let at = cwd; ; at = dirname(at)) {
    if (existsSync(join(at, configName))) return at;
    if (dirname(at) === at) return null;
  }
}

export function fromCwd(cwd: string, file: string): string {
  return relative(cwd, file) || file;
}

/** Files of all runbooks, absolute, sorted by name. */
export function runbookFiles(project: Project): string[] {
  const folder = join(project.dir, runbooksFolder);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/** The error of a verb that needs at least one runbook. */
export function noRunbook(project: Project, cwd: string): CommandError {
  const where = fromCwd(cwd, join(project.dir, runbooksFolder));
  const why = project.hasConfig ? "" : ` (no ${configName} here or above; -C names the folder of another project)`;
  const next = project.hasConfig ? "runbook new my-runbook" : "runbook init";
  return new CommandError("invalid", `there is no runbook in ${where}${why}`, next);
}

export function runbookNames(project: Project): string[] {
  return runbookFiles(project).map((file) => nameOf(file));
}

function nameOf(file: string): string {
  return (file.split("/").at(-1) ?? "").replace(/\.ya?ml$/, "");
}

/** The file of a runbook named by name or path. Throws `UsageError` with the nearest name. */
export function findRunbook(project: Project, cwd: string, word: string): string {
  if (/\.ya?ml$/.test(word)) {
    const file = resolve(cwd, word);
    if (existsSync(file) && statSync(file).isFile()) return file;
    throw new UsageError(`${word} does not exist`, "runbook list");
  }
  const names = runbookNames(project);
  const at = names.indexOf(word);
  if (at >= 0) return runbookFiles(project)[at] as string;
  const near = closest(word, names);
  const known = names.length === 0 ? `; there is no runbook in ${join(project.dir, runbooksFolder)}` : "";
  throw new UsageError(`there is no runbook "${word}"${near ? `. Did you mean "${near}"?` : known}`, "runbook list");
}

export interface RunbookSource {
  /** Absolute path. */
  readonly path: string;
  /** As diagnostics show it. */
  readonly file: string;
  readonly text: string;
  readonly loaded: LoadedRunbook;
}

/** Loads one runbook with everything it uses. Never throws for what is wrong in it. */
export function loadProjectRunbook(
  project: Project,
  cwd: string,
  path: string,
  /** Judges the text of a report layout; without it none is looked at. */
  layoutProblem?: (text: string) => string | null,
): RunbookSource {
  const file = fromCwd(cwd, path);
  const text = readFileSync(path, "utf8");
  const loaded = loadRunbook({
    file,
    text,
    catalogue: catalogue(),
    config:
      project.hasConfig && project.configDiagnostics.every((item) => item.severity !== "error")
        ? project.config
        : undefined,
    readInclude: (name) => {
      const include = join(dirname(path), `${name}.yaml`);
      if (!existsSync(include)) return null;
      return { path: fromCwd(cwd, include), text: readFileSync(include, "utf8") };
    },
    beside: {
      has: (name) => statSync(join(dirname(path), name), { throwIfNoEntry: false })?.isFile() === true,
      ...(layoutProblem && {
        layoutProblem: (name: string) => layoutProblem(readFileSync(join(dirname(path), name), "utf8")),
      }),
    },
  });
  return { path, file, text, loaded };
}

/** `loadProjectRunbook` that also tries the report layout, whose engine is loaded only where a runbook has one. */
export async function loadWholeRunbook(project: Project, cwd: string, path: string): Promise<RunbookSource> {
  const source = loadProjectRunbook(project, cwd, path);
  const { data } = source.loaded.source;
  const evidence = isObject(data) ? data["evidence"] : null;
  if (!isObject(evidence) || evidence["report"] == null) return source;
  const { layoutProblem } = await import("../../report/layout.ts");
  return loadProjectRunbook(project, cwd, path, layoutProblem);
}

/** Errors of the project file and a runbook end a command with 3, all at once. */
export function refuseInvalid(project: Project, diagnostics: readonly Diagnostic[], color: boolean): void {
  const all = [...project.configDiagnostics, ...diagnostics];
  const errors = all.filter((item) => item.severity === "error");
  if (errors.length === 0) return;
  const count = `${errors.length} ${errors.length === 1 ? "error" : "errors"}`;
  const text = renderText(errors, project.textOf, color ? { paint } : {});
  throw new CommandError(
    "invalid",
    `${text}\n\n${count}; nothing ran`,
    `runbook validate --explain ${errors[0]?.code}`,
    toJson(all, project.textOf, new Set(all.map((item) => item.at.file)).size),
  );
}
