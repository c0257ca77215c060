/** Failures that a runbook allows: a step's own, or those of a group or `forEach` that goes on all the same. */
import type { RunRecord, StepRecord } from "./run-record.ts";

/** Whether a failure of the step at `path` leaves the run's verdict alone. */
export function isTolerated(record: RunRecord, path: string): boolean {
  if (record.steps.get(path)?.why === "continueOnFailure") return true;
  return around(path).some((outer) => {
    const step = record.steps.get(outer);
    return step?.status === "succeeded" || step?.why === "continueOnFailure";
  });
}

/** `[3]` of an item, `.id` of a member. */
const lastPart = /(\[\d+\]|\.\w+)$/;

/** The paths a path lies in, nearest first. */
function around(path: string): string[] {
  const outer = path.replace(lastPart, "");
  return outer === path ? [] : [outer, ...around(outer)];
}

/** Steps that failed and were allowed to, in the order they ended; a failed member rather than its group. */
export function toleratedFailures(record: RunRecord): StepRecord[] {
  const failed = [...record.steps.values()].filter((step) => step.status === "failed" || step.status === "timed_out");
  const groups = new Set(failed.flatMap(({ path }) => around(path)));
  return failed
    .filter(({ path }) => !groups.has(path) && isTolerated(record, path))
    .sort((a, b) => (a.finishedSeq ?? 0) - (b.finishedSeq ?? 0));
}
