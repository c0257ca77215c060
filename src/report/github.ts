/**
 * A run for GitHub Actions: an annotation on the YAML line of each failed step, and the report as the step's summary.
 * Workflow commands: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 */
import type { RunRecord, StepRecord } from "../engine/run-record.ts";
import { inertLines } from "./inert.ts";
import { isGroup, stepsInOrder } from "./step-order.ts";
import { isFailed, verdictOf } from "./verdict.ts";

/** GitHub shows no more than ten of each kind per step. */
const maxAnnotations = 10;
/** The cap is 1 MiB a step; other steps of the job may write as well. */
const summaryLimitBytes = 900_000;

/** Where a step is written, relative to the repository; null = it is not written (an undo step's parent is). */
export type PlaceOf = (path: string) => { readonly file: string; readonly line: number } | null;

/** Lines for standard error or output, each one command; empty when nothing failed. */
export function githubAnnotations(record: RunRecord, placeOf: PlaceOf): string[] {
  const steps = stepsInOrder(record);
  const leaves = steps.filter((step) => !isGroup(step, steps));
  const failed = leaves.filter((step) => isFailed(step) || step.status === "indeterminate");
  const errors = failed.map((step) => annotation("error", step, record, placeOf, reasonOf(step)));
  const warnings = leaves
    .filter((step) => !failed.includes(step))
    .flatMap((step) =>
      step.checks
        .filter((check) => check.status !== "met")
        .map((check) => annotation("warning", step, record, placeOf, check.message ?? `not met: ${check.that}`)),
    );
  if (errors.length === 0 && record.finished !== null && record.result !== "succeeded") {
    const { word, detail } = verdictOf(record);
    errors.push(`::error title=${property(record.started.title)}::${data(`${word}, ${detail}`)}`);
  }
  return [...capped(errors, "error"), ...capped(warnings, "warning")];
}

function capped(lines: readonly string[], kind: string): string[] {
  if (lines.length <= maxAnnotations) return [...lines];
  const left = lines.length - maxAnnotations + 1;
  return [...lines.slice(0, maxAnnotations - 1), `::${kind}::and ${left} more; all are in the report`];
}

function annotation(
  kind: "error" | "warning",
  step: StepRecord,
  record: RunRecord,
  placeOf: PlaceOf,
  message: string,
): string {
  const place = placeOf(step.path);
  const at = place === null ? "" : `file=${property(place.file)},line=${place.line},`;
  return `::${kind} ${at}title=${property(`${record.started.runbook}: ${step.path}`)}::${data(message)}`;
}

function reasonOf(step: StepRecord): string {
  const unmet = step.checks.filter((check) => check.status !== "met" && check.severity === "error");
  const lines = unmet.map(
    (check) => check.message ?? `${check.that}: expected ${check.expected}, actual ${check.actual}`,
  );
  return [
    step.failure?.message ?? step.why ?? step.status.replace("_", " "),
    ...lines.filter((line) => line !== step.failure?.message),
  ].join("\n");
}

/** Inert, as a runner shows it in its log. `%` and newline end a command's data; a property also ends at `:` and `,`. */
function data(text: string): string {
  return inertLines(text.replace(/\r\n/g, "\n")).replace(/%/g, "%25").replace(/\n/g, "%0A");
}

function property(text: string): string {
  return data(text).replace(/:/g, "%3A").replace(/,/g, "%2C");
}

/** The report, cut at a line below the cap, saying so. `dir`: where the whole is. */
export function githubSummary(markdown: string, dir: string, limitBytes = summaryLimitBytes): string {
  if (Buffer.byteLength(markdown) <= limitBytes) return markdown;
  const note = `\n\n**Cut here: the whole report is larger than a step summary may be.** It is report.md in ${"`"}${dir}${"`"}.\n`;
  const room = limitBytes - Buffer.byteLength(note) - 8;
  let bytes = 0;
  let fence: string | null = null;
  const kept: string[] = [];
  for (const line of markdown.split("\n")) {
    bytes += Buffer.byteLength(line) + 1;
    if (bytes > room) break;
    kept.push(line);
    // An open fence would swallow the note.
    const mark = /^(`{3,})/.exec(line)?.[1];
    if (mark !== undefined) fence = fence === null ? mark : line.trim() === fence ? null : fence;
  }
  return `${kept.join("\n")}${fence === null ? "" : `\n${fence}`}${note}`;
}
