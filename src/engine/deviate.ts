/** What a run did otherwise than planned: computed by the fold, so that it cannot be left out. */
import type { Deviation, RunRecord } from "./run-record.ts";

/** Adds a deviation at the place of `entry`. */
export function deviate(
  record: RunRecord,
  entry: { seq: number; at: string },
  kind: Deviation["kind"],
  step: string | null,
  what: string,
  by: string | null = null,
  reason: string | null = null,
): void {
  record.deviations.push({ seq: entry.seq, at: entry.at, kind, step, what, by, reason });
}
