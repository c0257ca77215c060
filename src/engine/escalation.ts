/**
 * When a failure is no longer a matter for those who run the procedure: the third one in a row, a secret that was found, a
 * budget that is used up. It changes neither the verdict nor the exit code; those who asked for `escalated` are told.
 */
import type { JournalEvent } from "./events.ts";
import type { RunRecord } from "./run-record.ts";

type Escalated = Extract<JournalEvent, { type: "run.escalated" }>;
type Finished = Extract<JournalEvent, { type: "run.finished" }>;

/** An earlier run of the same runbook on the same target that has a verdict. */
export interface EarlierRun {
  readonly run: string;
  readonly result: string;
}

const failuresInARow = 3;
const secretFound = "secrets-found";

/** Results that tell how the procedure went; people and guards that stop it say nothing of it. */
const failing: ReadonlySet<string> = new Set(["failed", "rolled_back", "rollback_failed"]);
const telling: ReadonlySet<string> = new Set([...failing, "succeeded"]);

/** Null = nothing to escalate. `earlier` is asked only after a failure; newest first. */
export function escalationOf(
  record: RunRecord,
  verdict: Finished,
  earlier: () => readonly EarlierRun[],
): Escalated | null {
  const reasons: Escalated["reasons"][number][] = [];
  const runs: string[] = [];
  if (failing.has(verdict.result)) {
    const before = earlier()
      .filter(({ result }) => telling.has(result))
      .slice(0, failuresInARow - 1);
    if (before.length === failuresInARow - 1 && before.every(({ result }) => failing.has(result))) {
      runs.push(...before.map(({ run }) => run));
      const { runbook, target } = record.started;
      const message = `the third run in a row of ${runbook} on ${target} that failed, after ${runs.join(" and ")}`;
      reasons.push({ reason: "third-failure", message });
    }
    for (const step of record.steps.values()) {
      const isFailed = step.status === "failed" || step.status === "timed_out";
      if (!isFailed || step.attempts.length < failuresInARow) continue;
      reasons.push({ reason: "third-failure", message: `${step.path} failed ${step.attempts.length} times in a row` });
    }
  }
  for (const step of record.steps.values()) {
    if (step.failure?.reason === secretFound)
      reasons.push({ reason: "secret-found", message: `${step.path} found a secret where none may be` });
  }
  for (const leak of record.scan?.leaks ?? [])
    reasons.push({ reason: "secret-found", message: `${leak.file} of the evidence holds the secret ${leak.secret}` });
  if (verdict.budget !== null && !verdict.budget.met)
    reasons.push({ reason: "over-budget", message: "the run took longer than its budget" });
  return reasons.length === 0 ? null : { type: "run.escalated", reasons, runs };
}
