/**
 * Files a runbook refers to, which are copied into the run and executed from there: scripts, SQL, templates. A step
 * type names such fields of `with` in `fileFields`.
 */
import type { Catalogue } from "../steps/step-type.ts";
import type { Findings } from "./findings.ts";
import type { Action, Runbook, Step } from "./runbook.ts";
import { escapePointer, type Source } from "./source.ts";

/** Paths relative to the runbook's folder, in order of appearance, each once. Nested runbooks list their own. */
export function collectFiles(
  runbook: Runbook,
  catalogue: Catalogue,
  source: Source,
  findings: Findings,
): readonly string[] {
  const files = new Set<string>();
  const add = (path: unknown, pointer: string) => {
    if (typeof path !== "string") return;
    const problem = pathProblem(path);
    if (problem === null) files.add(path.replace(/^(\.\/)+/, ""));
    else
      findings.error("bad-path", source.at(pointer), problem, {
        hint: "Write a path relative to the runbook file, as a plain text.",
      });
  };
  /** A place files are kept at, which stays inside its folder. */
  const ownPath = (path: string, pointer: string) => {
    const leaves = path.startsWith("/") || path.startsWith("~") || path.split("/").includes("..");
    if (!leaves) return;
    findings.error("bad-path", source.at(pointer), `"${path}" leads out of its folder.`, {
      hint: "Write a path below it, without .. and without a leading slash.",
    });
  };
  const action = (value: Action, pointer: string) => {
    if (value.kind !== "uses") return;
    for (const field of catalogue.get(value.type)?.fileFields ?? []) {
      const given = value.with[field];
      const place = `${pointer}/with/${escapePointer(field)}`;
      if (Array.isArray(given)) for (const [i, path] of given.entries()) add(path, `${place}/${i}`);
      else add(given, place);
    }
  };
  const visit = (step: Step) => {
    action(step.action, step.pointer);
    if (step.check !== null) action(step.check.action, `${step.pointer}/check`);
    if (step.action.kind === "group" || step.action.kind === "parallel") step.action.steps.forEach(visit);
    for (const [i, glob] of step.artifacts.entries()) ownPath(glob, `${step.pointer}/artifacts/${i}`);
    step.rollback.forEach(visit);
  };
  for (const key of ["append", "artifactsDir"] as const) {
    const path = runbook.evidence[key];
    if (path !== null) ownPath(path, `/evidence/${key}`);
  }
  for (const step of [...runbook.guards, ...runbook.steps, ...runbook.always]) visit(step);
  for (const [i, item] of runbook.notify.entries())
    action({ kind: "uses", type: item.type, with: item.with }, `/notify/${i}`);
  if (runbook.evidence.report !== null) add(runbook.evidence.report, "/evidence/report");
  return [...files];
}

function pathProblem(path: string): string | null {
  if (path.includes("${{")) return "A file that is sealed with the run cannot depend on values of the run.";
  if (path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path) || path.startsWith("~")) return `"${path}" is not relative.`;
  if (path.trim() === "" || path.endsWith("/")) return "The path names no file.";
  if (path.split("/").filter((part) => part === "..").length > 1) return `"${path}" leads out of the project.`;
  return null;
}
