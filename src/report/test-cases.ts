/** A run as programs see it that read test results: one case per step and one per verification. */
import type { CheckOutcome } from "../engine/events.ts";
import type { RunRecord, StepRecord } from "../engine/run-record.ts";
import { isGroup, stepsInOrder } from "./step-order.ts";

export interface Case {
  readonly name: string;
  /** The runbook. */
  readonly suite: string;
  readonly phase: string;
  /** Path of the step. */
  readonly step: string;
  readonly attempts: number;
  /** Null = it never started; of a check as well. */
  readonly startedAt: string | null;
  readonly ms: number;
  readonly outcome: null | {
    readonly kind: "failure" | "error" | "skipped";
    readonly type: string;
    readonly message: string;
  };
}

export function casesOf(record: RunRecord): Case[] {
  const all = stepsInOrder(record);
  return all.filter((step) => !isGroup(step, all)).flatMap((step) => casesOfStep(step, record.started.runbook));
}

function casesOfStep(step: StepRecord, suite: string): Case[] {
  const { phase, path, startedAt } = step;
  const place = { suite, phase, step: path };
  return [
    {
      ...place,
      name: path,
      attempts: step.attempts.length,
      startedAt,
      ms: step.durationMs ?? 0,
      outcome: stepOutcome(step),
    },
    ...step.checks.map((check) => ({
      ...place,
      name: `${path}: ${check.that}`,
      attempts: 1,
      startedAt: null,
      ms: 0,
      outcome: checkOutcome(check),
    })),
  ];
}

function stepOutcome(step: StepRecord): Case["outcome"] {
  const message = step.failure?.message ?? step.why ?? step.status.replace("_", " ");
  switch (step.status) {
    case "succeeded":
    case "undone":
      return null;
    case "skipped":
      return { kind: "skipped", type: "skipped", message };
    case "pending":
      return { kind: "skipped", type: "pending", message: "not reached" };
    case "failed":
    case "timed_out":
      return { kind: "failure", type: step.failure?.reason ?? step.status, message };
    default:
      // Cancelled, waiting, of unknown outcome: nobody can say that it failed.
      return { kind: "error", type: step.status, message };
  }
}

function checkOutcome(check: CheckOutcome): Case["outcome"] {
  if (check.status === "met") return null;
  const message = check.message ?? `expected ${check.expected}, actual ${check.actual}`;
  if (check.status === "undecided" || check.severity === "warning")
    return { kind: "skipped", type: check.status, message: `${check.status.replace("_", " ")}: ${message}` };
  return { kind: check.status === "could_not_run" ? "error" : "failure", type: check.status, message };
}
