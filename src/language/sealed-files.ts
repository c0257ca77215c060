/**
 * Files a runbook refers to, which are copied into the run and executed from there: scripts, SQL, templates. A step
 * type names such fields of `with` in `fileFields`.
 */
import { posix } from "node:path";
import type { Catalogue } from "../steps/step-type.ts";
import { patternProblem } from "./evidence-paths.ts";
import type { Findings } from "./findings.ts";
import type { Action, Runbook, Step } from "./runbook.ts";
import { escapePointer, type Source } from "./source.ts";

/** What is known of the files beside a runbook; without it nothing is looked at. */
export interface FilesBeside {
  /** Whether a regular file stands at the path, relative to the runbook's folder. */
  readonly has: (path: string) => boolean;
  /** What is wrong with a report layout, in words that end with a full stop; null = nothing. */
  readonly layoutProblem?: (path: string) => string | null;
}

/** Paths relative to the runbook's folder, in order of appearance, each once. Nested runbooks list their own. */
export function collectFiles(
  runbook: Runbook,
  catalogue: Catalogue,
  source: Source,
  findings: Findings,
  beside?: FilesBeside,
): readonly string[] {
  const files = new Set<string>();
  /** True when the file is there, or nobody looked. */
  const add = (path: unknown, pointer: string): boolean => {
    if (typeof path !== "string") return false;
    const problem = pathProblem(path);
    if (problem !== null) {
      findings.error("bad-path", source.at(pointer), problem, {
        hint: "Write a path relative to the runbook file, as a plain text.",
      });
      return false;
    }
    files.add(posix.normalize(path));
    if (beside === undefined || beside.has(path)) return true;
    findings.error("missing-file", source.at(pointer), `There is no file "${path}" beside the runbook.`, {
      hint: `It is looked for from the runbook's folder: ${posix.normalize(posix.join(posix.dirname(source.file), path))}.`,
    });
    return false;
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
  // Those of the project file are told at the project file.
  for (const key of ["append", "artifactsDir"] as const) {
    const pointer = `/evidence/${key}`;
    const path = runbook.evidence[key];
    const problem = path === null || !source.has(pointer) ? null : patternProblem(path);
    if (problem === null) continue;
    findings.error("bad-path", source.at(pointer), problem.message, { hint: problem.hint });
  }
  for (const step of [...runbook.guards, ...runbook.steps, ...runbook.always]) visit(step);
  for (const [i, item] of runbook.notify.entries())
    action({ kind: "uses", type: item.type, with: item.with }, `/notify/${i}`);
  const { report } = runbook.evidence;
  if (report !== null && add(report, "/evidence/report")) {
    const problem = beside?.layoutProblem?.(report) ?? null;
    if (problem !== null) {
      findings.error("bad-layout", source.at("/evidence/report"), problem, {
        hint: "docs/language.md names the parts and values a layout may place.",
      });
    }
  }
  return [...files];
}

function pathProblem(path: string): string | null {
  if (path.includes("${{")) return "A file that is sealed with the run cannot depend on values of the run.";
  if (path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path) || path.startsWith("~")) return `"${path}" is not relative.`;
  if (path.trim() === "" || path.endsWith("/")) return "The path names no file.";
  if (/^\.\.(?:\/\.\.)?$|^\.\.\/\.\.\//.test(posix.normalize(path))) return `"${path}" leads out of the project.`;
  return null;
}
