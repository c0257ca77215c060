/** Which runs are past their retention. A function of records and the time it is; nothing is deleted here. */
import type { RunRecord } from "../engine/run-record.ts";
import type { Addendum } from "./addendum.ts";

const defaultRetentionMs = 90 * 86_400_000;

/** The addendum field that keeps a run; one that begins with `released` ends it. */
const holdField = "hold";

export interface AgedRun {
  readonly record: RunRecord;
  readonly addendum: Addendum;
  /** Somebody works on it, or its evidence was not finished. */
  readonly isBusy: boolean;
}

export interface Judged {
  readonly record: RunRecord;
  /** ISO 8601; null = no end is known, because it has no verdict. */
  readonly keptUntil: string | null;
  /** Null = past its retention. */
  readonly keptBecause: string | null;
}

/**
 * `retentionMs` is that of the project, used where the run's own runbook said nothing. The order of the answer is that
 * of `runs`.
 */
export function judgeRetention(runs: readonly AgedRun[], retentionMs: number | null, nowMs: number): Judged[] {
  const proofs = new Map<string, RunRecord>();
  for (const { record } of runs) {
    if (record.result !== "succeeded" || record.started.keeping?.drillEveryMs == null) continue;
    const key = `${record.started.runbook} ${record.started.target}`;
    const known = proofs.get(key);
    if (known === undefined || endOf(known) < endOf(record)) proofs.set(key, record);
  }
  return runs.map((run) => {
    const { record } = run;
    const forMs = record.started.keeping?.retentionMs ?? retentionMs ?? defaultRetentionMs;
    const untilMs = record.finished === null ? null : Date.parse(record.finished.at) + forMs;
    const keptUntil = untilMs === null ? null : new Date(untilMs).toISOString();
    return { record, keptUntil, keptBecause: reasonToKeep(run, proofs, untilMs, nowMs) };
  });
}

function reasonToKeep(
  { record, addendum, isBusy }: AgedRun,
  proofs: ReadonlyMap<string, RunRecord>,
  untilMs: number | null,
  nowMs: number,
): string | null {
  if (untilMs === null) return `open: it is ${record.result}`;
  if (isBusy) return "somebody works on it, or its evidence is not complete";
  // A negation, so that a time that cannot be read keeps the run.
  if (!(untilMs < nowMs)) return "within its retention";
  if (record.locks.size > 0) return "it holds a lock";
  if (addendum.problems.length > 0) return "its addendum cannot be read, which may hold it";
  const hold = addendum.entries.filter((entry) => entry.type === "field.added" && entry.name === holdField).at(-1);
  if (hold?.type === "field.added" && !/^released\b/i.test(hold.text)) return `on hold: ${hold.text}`;
  if ([...proofs.values()].includes(record)) return "the newest proof of a drill";
  return null;
}

function endOf(record: RunRecord): number {
  return Date.parse(record.finished?.at ?? record.started.at);
}
