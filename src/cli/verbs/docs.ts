/** `docs`: every runbook as a page under `docs/runbooks/`; `--check` finds pages that are stale and writes nothing. */
import { existsSync, mkdirSync, readdirSync, readFileSync, unlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { exitCodes } from "../../engine/exit-codes.ts";
import { replaceFile } from "../../host/durable-file.ts";
import type { Runbook } from "../../language/runbook.ts";
import type { Command } from "../command.ts";
import { fromCwd, loadProjectRunbook, noRunbook, refuseInvalid, runbookFiles } from "../project/project.ts";
import { pageMark, pagesFolder, runbookPage } from "../project/runbook-pages.ts";
import type { WrittenFile } from "../project/written-file.ts";
import { counted, textTable } from "../terminal/text-table.ts";

export default function docs(command: Command): number {
  const { project, cwd, args } = command;
  const folder = join(project.dir, pagesFolder);
  const isCheck = args.on("check");
  const pages = pagesOf(command);
  const files: WrittenFile[] = [];
  for (const [name, text] of pages) {
    const file = join(folder, name);
    const before = existsSync(file) ? readFileSync(file, "utf8") : null;
    const shown = fromCwd(cwd, file);
    if (before === text) files.push({ file: shown, status: "unchanged", detail: null });
    else if (isCheck) files.push({ file: shown, status: "stale", detail: before === null ? "missing" : "differs" });
    else {
      mkdirSync(folder, { recursive: true });
      replaceFile(file, text, 0o644);
      files.push({ file: shown, status: "written", detail: null });
    }
  }
  for (const name of orphans(folder, pages)) {
    const file = join(folder, name);
    if (!isCheck) unlinkSync(file);
    files.push({ file: fromCwd(cwd, file), status: isCheck ? "stale" : "removed", detail: "its runbook is gone" });
  }
  const changed = files.filter((item) => item.status !== "unchanged");
  if (command.output === "json") command.json({ format: "runbook.written/1.0", files });
  else if (changed.length > 0)
    command.print(textTable(changed.map(({ file, status, detail }) => [status, file, detail ?? ""])));
  const stale = files.filter((item) => item.status === "stale").length;
  command.say(
    stale > 0 ? `${counted(stale, "page")} stale. next: runbook docs` : `${counted(pages.size, "page")} up to date`,
  );
  return stale > 0 ? exitCodes.failed : exitCodes.ok;
}

function pagesOf(command: Command): Map<string, string> {
  const { project, cwd } = command;
  const sources = runbookFiles(project).map((path) => loadProjectRunbook(project, cwd, path));
  if (sources.length === 0) throw noRunbook(project, cwd);
  refuseInvalid(
    project,
    sources.flatMap((source) => source.loaded.diagnostics),
    command.terminal.colorErr,
  );
  return new Map(
    sources.map((source) => {
      const runbook = source.loaded.runbook as Runbook;
      const file = relative(project.dir, source.path);
      return [`${runbook.name}.md`, runbookPage(runbook, file, project.config.targets)];
    }),
  );
}

function orphans(folder: string, pages: ReadonlyMap<string, string>): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".md") && !pages.has(name))
    .filter((name) => readFileSync(join(folder, name), "utf8").startsWith(pageMark))
    .sort();
}
