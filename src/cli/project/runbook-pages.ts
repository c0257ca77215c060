/** Runbooks as pages, and as the table of a document. */
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Config } from "../../language/config.ts";
import type { Effects, Runbook, Step } from "../../language/runbook.ts";
import { allSteps } from "../../plan/scope.ts";
import { markdownText } from "../../report/inert.ts";
import { procedureDocument, table } from "../procedure/document.ts";
import { catalogue } from "./catalogue.ts";
import { loadProjectRunbook, openProject, runbookFiles } from "./project.ts";

/** Folder of the pages, from the project's root. */
export const pagesFolder = "docs/runbooks";
/** Pages without it were written by somebody else and are never removed. */
export const pageMark = "<!-- Written by `runbook docs` from ";

const begin = "<!-- runbooks: written by scripts/generate.mjs -->";
const end = "<!-- /runbooks -->";

/** `file`: of the runbook, from the project's root. */
export function runbookPage(runbook: Runbook, file: string, targets: Config["targets"]): string {
  return `${pageMark}${file}; change it there. -->\n\n${procedureDocument(runbook, { catalogue: catalogue(), targets, file, results: null })}`;
}

/** The pages of the runbooks in `root`, and its README with their table. Throws when one of them is not valid. */
export function shippedRunbookFiles(root: string): Record<string, string> {
  const project = openProject(root, undefined);
  const files: Record<string, string> = {};
  const rows: string[][] = [];
  for (const path of runbookFiles(project)) {
    const file = relative(root, path);
    const { runbook, diagnostics } = loadProjectRunbook(project, root, path).loaded;
    if (runbook === null) throw new Error(`${file}: ${diagnostics[0]?.message ?? "not valid"}`);
    files[`${pagesFolder}/${runbook.name}.md`] = runbookPage(runbook, file, project.config.targets);
    rows.push([
      `[\`${runbook.name}\`](${pagesFolder}/${runbook.name}.md)`,
      markdownText(runbook.title),
      effectsOf(allSteps(runbook)),
      Object.keys(runbook.targets).join(", "),
    ]);
  }
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`README.md has no ${begin} … ${end}`);
  const text = table(["Runbook", "What for", "Effects", "Targets"], rows.sort());
  files["README.md"] = `${readme.slice(0, from)}${begin}\n\n${text}\n\n${readme.slice(to)}`;
  return files;
}

/** The strongest effect of a list of steps, used runbooks included; undoing does not count. */
function effectsOf(steps: readonly Step[]): Effects {
  const each = steps.map(({ action, effects }) =>
    action.kind === "group" || action.kind === "parallel"
      ? effectsOf(action.steps)
      : action.kind === "runbook"
        ? effectsOf(allSteps(action.runbook))
        : effects,
  );
  return each.includes("destructive") ? "destructive" : each.includes("write") ? "write" : "read";
}
