/** `init`: begins a project in the working directory. What is there already is left as it is, and said. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { exitCodes } from "../../engine/exit-codes.ts";
import type { Command } from "../command.ts";
import { publishedSchema } from "../help/published-schemas.ts";
import { ignoreLines } from "../project/git-ignore.ts";
import { configName, fromCwd } from "../project/project.ts";
import type { WrittenFile } from "../project/written-file.ts";
import {
  configText,
  ignoredPaths,
  preCommitFile,
  preCommitText,
  workflowFile,
  workflowText,
} from "../scaffold/project-templates.ts";
import { textTable } from "../terminal/text-table.ts";

export default function init(command: Command): number {
  const { cwd } = command;
  const write = (path: string, text: string): WrittenFile => writeNew(cwd, path, text);
  const files: WrittenFile[] = [
    write(configName, configText),
    // Editors read them: the first line of every runbook points here.
    write("schemas/runbook.v1.schema.json", publishedSchema("runbook")),
    write("schemas/config.v1.schema.json", publishedSchema("config")),
    ignore(cwd),
    write(workflowFile, workflowText),
    write(preCommitFile, preCommitText),
  ];
  mkdirSync(join(cwd, "runbooks"), { recursive: true });
  if (command.output === "json") command.json({ format: "runbook.written/1.0", files });
  else command.print(textTable(files.map(({ file, status, detail }) => [status, file, detail ?? ""])));
  command.say("next: runbook new my-runbook · runbook doctor");
  return exitCodes.ok;
}

function writeNew(cwd: string, path: string, text: string): WrittenFile {
  const file = join(cwd, path);
  const shown = fromCwd(cwd, file);
  mkdirSync(dirname(file), { recursive: true });
  try {
    writeFileSync(file, text, { flag: "wx", mode: 0o644 });
    return { file: shown, status: "written", detail: null };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if (readText(file) === text) return { file: shown, status: "unchanged", detail: null };
    const hint =
      path === preCommitFile ? "add the hook runbook-validate: runbook help hooks" : "there already; left as it is";
    return { file: shown, status: "kept", detail: hint };
  }
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

/** Adds only the lines that are not there. */
function ignore(cwd: string): WrittenFile {
  const file = join(cwd, ".gitignore");
  const shown = fromCwd(cwd, file);
  const there = new Set(ignoreLines(cwd).map((line) => line.replace(/^\/|\/$/g, "")));
  const missing = ignoredPaths.filter((path) => !there.has(path.replace(/\/$/, "")));
  if (missing.length === 0) return { file: shown, status: "unchanged", detail: null };
  const before = existsSync(file) ? (readText(file) ?? "") : null;
  const start = before !== null && before !== "" && !before.endsWith("\n") ? "\n" : "";
  appendFileSync(file, `${start}${missing.join("\n")}\n`);
  return { file: shown, status: before === null ? "written" : "added-to", detail: missing.join(" ") };
}
