/** What a run's title says: how it ended, what failed, and what state it left. */
import type { RunRecord, StepRecord } from "../engine/run-record.ts";
import { isTolerated } from "../engine/tolerated.ts";
import { durationText, plural } from "./format.ts";
import { isGroup, stepsInOrder } from "./step-order.ts";

export interface Verdict {
  /** `PASSED`, `FAILED`, `ROLLED BACK`, `STATE UNKNOWN`, … */
  readonly word: string;
  /** The rest of the title. */
  readonly detail: string;
  /** The step that decided it; null = none. */
  readonly failed: StepRecord | null;
  /** What the run left behind, as one sentence. */
  readonly state: string;
}

/** `steps`: those of the record in their order, where they are known already. */
export function verdictOf(record: RunRecord, steps: readonly StepRecord[] = stepsInOrder(record)): Verdict {
  const failed = failedStep(record, steps);
  const state = stateLeft(record, steps);
  const unknown = unknownSteps(steps);
  const at = failed === null ? "" : ` at ${failed.path}`;
  const why = failed?.failure?.message ?? firstUnmet(failed);
  const because = why === null ? "" : `: ${why.trim().replace(/[.]+$/, "")}`;
  const verdict = (word: string, detail: string): Verdict => ({ word, detail, failed, state });
  switch (record.result) {
    case "succeeded":
      return verdict(record.deviations.length === 0 ? "PASSED" : "PASSED WITH DEVIATIONS", passedDetail(record));
    case "rolled_back":
      return verdict("ROLLED BACK", `failed${at}${because}; ${state}`);
    case "rollback_failed": {
      const undo = steps.filter((s) => s.status === "undo_failed" || (s.phase === "rollback" && isFailed(s)));
      return verdict("STATE UNKNOWN", `failed${at}, and so did the way back: ${names(undo) || "see Details"}`);
    }
    case "refused":
      return verdict("REFUSED", `${at.trim()}${because}; ${state}`.replace(/^[:;] /, ""));
    case "waiting":
      if (unknown.length > 0) return verdict("STATE UNKNOWN", `${names(unknown)}; waiting ${waitingText(steps)}`);
      return verdict("WAITING", `${waitingText(steps)}; ${state}`);
    case "aborted":
      return verdict("ABORTED", `by ${record.abort?.by.name ?? "somebody"}${reasonText(record)}; ${state}`);
    case "failed":
      return verdict("FAILED", `${at.trim()}${because}; ${state}`.replace(/^[:;] /, ""));
    default: {
      if (unknown.length > 0) return verdict("STATE UNKNOWN", names(unknown));
      const running = steps.filter((s) => s.status === "running" && !isGroup(s, steps));
      return verdict(
        "NOT FINISHED",
        `${running.length === 0 ? "no step was running" : `at ${names(running)}`}; ${state}`,
      );
    }
  }
}

function passedDetail(record: RunRecord): string {
  const parts = (record.finished?.objectives ?? [])
    .filter((o) => o.actualMs !== null)
    .map((o) => {
      const missed = o.met === false ? " MISSED:" : "";
      return `${o.name.toUpperCase()}${missed} ${durationText(o.actualMs ?? 0)} of ${durationText(o.targetMs)}`;
    });
  if (record.deviations.length > 0) parts.push(plural(record.deviations.length, "deviation"));
  return parts.join(", ");
}

/** Prefers the step itself to the group around it, and the cause to what failed afterwards. */
function failedStep(record: RunRecord, steps: readonly StepRecord[]): StepRecord | null {
  const failed = steps.filter(
    (s) => s.phase !== "rollback" && s.phase !== "always" && hasFailed(s) && !isTolerated(record, s.path),
  );
  const leaves = failed.filter((s) => !isGroup(s, steps));
  const earliest = [...(leaves.length > 0 ? leaves : failed)].sort(
    (a, b) => (a.seqs.at(-1) ?? 0) - (b.seqs.at(-1) ?? 0),
  );
  return earliest[0] ?? steps.find((s) => s.phase === "always" && hasFailed(s)) ?? null;
}

function hasFailed(step: StepRecord): boolean {
  const decision = step.approval?.state;
  return isFailed(step) || step.failure !== null || decision === "rejected" || decision === "expired";
}

export function isFailed(step: StepRecord): boolean {
  return step.status === "failed" || step.status === "timed_out" || step.status === "undo_failed";
}

/** Writes that were begun and of which nobody knows whether they took effect. */
function unknownSteps(steps: readonly StepRecord[]): StepRecord[] {
  return steps.filter(
    (s) =>
      s.status === "indeterminate" ||
      s.status === "undo_failed" ||
      (s.status === "waiting" && s.approval?.request.kind === "indeterminate"),
  );
}

/** Writes that are in effect: begun, not refused, not undone. Undo steps and groups do not count. */
function standingChanges(steps: readonly StepRecord[]): StepRecord[] {
  const unknown = new Set(unknownSteps(steps));
  return steps.filter(
    (s) => s.tookEffect && !isGroup(s, steps) && s.phase !== "rollback" && s.status !== "undone" && !unknown.has(s),
  );
}

function stateLeft(record: RunRecord, steps: readonly StepRecord[]): string {
  const unknown = unknownSteps(steps);
  const standing = standingChanges(steps);
  const changed = standing.length === 0 ? "" : `changed and not undone: ${names(standing)}`;
  if (unknown.length > 0) return `state unknown: ${names(unknown)}${changed && `; ${changed}`}`;
  if (record.result === "rollback_failed") return `state unknown: the way back failed${changed && `; ${changed}`}`;
  if (changed !== "") return record.result === "succeeded" ? `changed: ${names(standing)}` : changed;
  const undone = steps.filter((s) => s.status === "undone" && !isGroup(s, steps));
  if (undone.length === 0) return "nothing was changed";
  const unverified = undone.filter((s) => s.undoVerified !== true);
  return `every change was undone${unverified.length === 0 ? "" : `, not verified: ${names(unverified)}`}`;
}

function waitingText(steps: readonly StepRecord[]): string {
  const waiting = steps.filter((s) => s.approval?.state === "waiting" && s.status === "waiting");
  if (waiting.length === 0) return "for a person";
  return waiting.map((s) => `at ${s.path} for ${s.approval?.request.from.join(" or ") || "a person"}`).join(", ");
}

function reasonText(record: RunRecord): string {
  return record.abort?.reason ? ` (${record.abort.reason})` : "";
}

function firstUnmet(step: StepRecord | null): string | null {
  const check = step?.checks.find((c) => c.status === "not_met" || c.status === "could_not_run");
  return check ? (check.message ?? `not met: ${check.that}`) : null;
}

/** At most five names; a title is no list. */
function names(steps: readonly StepRecord[]): string {
  const shown = steps.slice(0, 5).map((s) => s.path);
  return steps.length > 5 ? `${shown.join(", ")} and ${steps.length - 5} more` : shown.join(", ");
}
