/** Which files `validate` looks at, and what is wrong in them. */
import { isUtf8 } from "node:buffer";
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { replaceFile } from "../../host/durable-file.ts";
import type { Diagnostic } from "../../language/diagnostic.ts";
import { configSchemaPath, type Fixed, fixRunbook, runbookSchemaPath } from "../../language/fix.ts";
import { loadConfig } from "../../language/load-config.ts";
import { loadRunbook } from "../../language/load-runbook.ts";
import type { TextOf } from "../../language/render.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../errors.ts";
import { catalogue } from "./catalogue.ts";
import { configName, fromCwd, loadWholeRunbook, noRunbook, type Project, runbookFiles } from "./project.ts";

export interface FileToCheck {
  /** Absolute. */
  readonly path: string;
  /** As messages name it: relative to where the command runs. */
  readonly shown: string;
}

/** A text of this size is no runbook; it is not even read. The language's own limit is 1 MiB. */
const largestFileBytes = 16 * 1024 * 1024;

/** The named files and folders; without any, the project file and every runbook. Throws `CommandError` (3). */
export function filesToCheck(command: Command): FileToCheck[] {
  const { cwd, args } = command;
  const named = args.words.length > 0;
  const paths = named
    ? args.words.flatMap((word) => pathsOf(cwd, word))
    : projectFiles(openedProject(command), command.cwd);
  const unique = [...new Set(paths)];
  const problems = unique.flatMap((path) => {
    const problem = unreadable(path);
    return problem === null ? [] : [`${fromCwd(cwd, path)} cannot be read: ${problem}`];
  });
  if (problems.length > 0) throw new CommandError("invalid", problems.join("\n"), "runbook validate");
  return unique.map((path) => ({ path, shown: fromCwd(cwd, path) }));
}

function projectFiles(project: Project, cwd: string): string[] {
  const runbooks = runbookFiles(project);
  if (runbooks.length === 0) throw noRunbook(project, cwd);
  return [...(project.hasConfig ? [join(project.dir, configName)] : []), ...runbooks];
}

function pathsOf(cwd: string, word: string): string[] {
  const path = resolve(cwd, word);
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => /\.ya?ml$/.test(name));
  if (names.length === 0) throw new CommandError("invalid", `there is no runbook in ${word}`, "runbook new my-runbook");
  return names.sort().map((name) => join(path, name));
}

/** Why a file is no text that can be checked; null when it is. */
function unreadable(path: string): string | null {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return "it is not a file";
    if (stat.size > largestFileBytes) return `it has ${stat.size} bytes; a runbook has at most 1 MiB`;
    return isUtf8(readFileSync(path)) ? null : "it is not UTF-8 text";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return "there is no such file";
    if (code === "EACCES") return "permission denied";
    return error instanceof Error ? error.message : String(error);
  }
}

/** The project, or why its file cannot be read. */
function openedProject(command: Command): Project {
  try {
    return command.project;
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new CommandError("invalid", `${path ?? configName} cannot be read: ${code}`, "runbook validate");
  }
}

/**
 * What is wrong in the files, by file in the given order, then by position; what two files find in one shared text is
 * told once. Errors of the project file are told even when it was not named: without it nothing else is checked fully.
 */
export async function checkFiles(
  command: Command,
  files: readonly FileToCheck[],
): Promise<{ readonly diagnostics: readonly Diagnostic[]; readonly textOf: TextOf }> {
  const project = openedProject(command);
  const found: Diagnostic[] = project.configDiagnostics.filter((item) => item.severity === "error");
  for (const { path, shown } of files) {
    const loaded =
      basename(path) === configName
        ? loadConfig({
            file: shown,
            text: readFileSync(path, "utf8"),
            ...(project.pluginProblem && { pluginProblem: project.pluginProblem }),
          })
        : (await loadWholeRunbook(project, command.cwd, path)).loaded;
    found.push(...loaded.diagnostics);
  }
  const order = new Map(files.map((file, index) => [file.shown, index]));
  const rank = (item: Diagnostic) => order.get(item.at.file) ?? files.length;
  const unique = new Map(
    found.map((item) => [
      JSON.stringify([item.at.file, item.at.range.start, item.at.range.end, item.code, item.message]),
      item,
    ]),
  );
  const diagnostics = [...unique.values()].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      (a.at.file < b.at.file ? -1 : a.at.file > b.at.file ? 1 : 0) ||
      a.at.range.start - b.at.range.start,
  );
  const texts = new Map<string, string | undefined>();
  const textOf: TextOf = (file) => {
    if (!texts.has(file)) texts.set(file, textOrNothing(project, file));
    return texts.get(file);
  };
  return { diagnostics, textOf };
}

function textOrNothing(project: Project, file: string): string | undefined {
  try {
    return project.textOf(file);
  } catch {
    return undefined;
  }
}

/** Repairs files in place; what was done, by file. A file that needs nothing is not written. */
export function fixFiles(
  command: Command,
  files: readonly FileToCheck[],
): { readonly shown: string; readonly applied: Fixed["applied"] }[] {
  const project = openedProject(command);
  const config = project.hasConfig && !hasErrors(project.configDiagnostics) ? project.config : undefined;
  return files.flatMap(({ path, shown }) => {
    const isConfig = basename(path) === configName;
    const before = readFileSync(path, "utf8");
    const diagnose = (text: string) => {
      const { diagnostics } = isConfig
        ? loadConfig({ file: shown, text })
        : loadRunbook({
            file: shown,
            text,
            catalogue: catalogue(),
            config,
            readInclude: (name) => includeBeside(path, name),
          });
      return diagnostics.filter((item) => item.at.file === shown);
    };
    const inProject = path === join(project.dir, configName) || dirname(path) === join(project.dir, "runbooks");
    const schema = isConfig ? configSchemaPath : runbookSchemaPath;
    const { text, applied } = fixRunbook(before, { diagnose, schema: inProject ? schema : null });
    if (text === before) return [];
    // Where a link points to is replaced, not the link.
    const file = realpathSync(path);
    replaceFile(file, text, statSync(file).mode & 0o777);
    return [{ shown, applied }];
  });
}

function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((item) => item.severity === "error");
}

function includeBeside(path: string, name: string): { path: string; text: string } | null {
  const file = join(dirname(path), `${name}.yaml`);
  return existsSync(file) ? { path: file, text: readFileSync(file, "utf8") } : null;
}
