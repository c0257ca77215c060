/** Parts that several outputs share. */
import { runResults } from "../../engine/events.ts";
import type { JsonSchema } from "../../util/json.ts";
import { count, described, map, ms, oneOf, orNull, record, text, time, truth } from "./words.ts";

export const effects = oneOf("read", "write", "destructive");
export const phase = oneOf("guards", "steps", "rollback", "always");
export const runResult = oneOf(...runResults);
export const stepStatus = oneOf(
  "pending",
  "running",
  "succeeded",
  "failed",
  "skipped",
  "waiting",
  "cancelled",
  "timed_out",
  "indeterminate",
  "undone",
  "undo_failed",
);
export const checkStatus = oneOf("met", "not_met", "undecided", "could_not_run");
export const waitKind = oneOf("approval", "manual", "checkpoint", "indeterminate");

export const failure = record({
  class: oneOf("failed", "transient", "timeout", "refused", "fatal"),
  reason: described(text, "Kebab-case, stable."),
  message: text,
  facts: map,
});

export const artifact = record({
  name: described(text, "As the step wrote it."),
  path: described(text, "Relative to the run directory."),
  bytes: count,
  sha256: text,
});

export const checkFields = {
  that: text,
  status: checkStatus,
  severity: oneOf("error", "warning"),
  expected: orNull(text),
  actual: orNull(text),
  message: orNull(text),
} satisfies Record<string, JsonSchema>;

export const objective = record({ name: text, targetMs: ms, actualMs: orNull(ms), met: orNull(truth) });
export const budget = record({ targetMs: ms, actualMs: orNull(ms), met: orNull(truth) });

export const deviation = record({
  seq: count,
  at: time,
  kind: text,
  step: orNull(text),
  what: text,
  by: orNull(text),
  reason: orNull(text),
});

/** Exit code and its name, as `runbook help exit-codes` lists them. */
export const exit = { exitCode: count, exitName: text } satisfies Record<string, JsonSchema>;
