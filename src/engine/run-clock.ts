/**
 * How long a run and its intervals took. Steps are timed by the monotonic clock; it stands still while a machine
 * sleeps, so everything longer is timed by two clocks that do not: the wall clock of the records and the time since
 * boot. Where they differ by more than a second somebody set the wall clock: `clock.anomaly` says so, at its place in the
 * journal, and the longer value counts. Across a restart of the machine only the wall clock is left.
 */
import type { JournalEvent } from "./events.ts";
import type { EngineClock } from "./ports.ts";
import type { ApprovalRecord, RunRecord } from "./run-record.ts";

/** Clocks that differ by more are an anomaly, milliseconds. */
const toleranceMs = 1_000;

/**
 * As long as the monotonic clock and the wall clock pass alike, the time since boot is asked this often, milliseconds: it
 * is read from a file. A clock that is set, or a machine that slept, makes them differ.
 */
const askEveryMs = 100;

/** A record's place and time. */
export interface Instant {
  readonly seq: number;
  /** Wall clock, RFC 3339 or milliseconds since the epoch. */
  readonly at: string | number;
}

export type ClockWatch = () => JournalEvent | null;

/**
 * Looks at both clocks each time it is called, and tells when they came apart since the last look. The first look
 * starts from the last executor of this boot that `record` knows, so call it before the new one is recorded.
 */
export function watchClocks(clock: EngineClock, record: RunRecord, bootId: string): ClockWatch {
  let { wallMs, bootMs } = startingPoint(clock, record, bootId);
  let asked = { wallMs: Number.NEGATIVE_INFINITY, monotonicMs: Number.NEGATIVE_INFINITY };
  return () => {
    const nowMs = clock.now().getTime();
    const monotonicMs = clock.monotonicMs();
    const passedMs = monotonicMs - asked.monotonicMs;
    if (passedMs < askEveryMs && Math.abs(nowMs - asked.wallMs - passedMs) < askEveryMs) return null;
    asked = { wallMs: nowMs, monotonicMs };
    const sinceBootMs = clock.bootMs();
    const event = {
      type: "clock.anomaly" as const,
      wallMs: Math.round(nowMs - wallMs),
      bootMs: Math.round(sinceBootMs - bootMs),
    };
    if (Math.abs(event.wallMs - event.bootMs) <= toleranceMs) return null;
    wallMs = nowMs;
    bootMs = sinceBootMs;
    return event;
  };
}

function startingPoint(clock: EngineClock, record: RunRecord, bootId: string): { wallMs: number; bootMs: number } {
  const earlier = record.executors.findLast((executor) => executor.bootId === bootId);
  if (earlier === undefined) return { wallMs: clock.now().getTime(), bootMs: clock.bootMs() };
  // What earlier executors of this boot have already told is not told again.
  const toldMs = sumOfJumps(record, earlier.seq, Number.POSITIVE_INFINITY);
  return { wallMs: Date.parse(earlier.at) + toldMs, bootMs: earlier.uptimeMs };
}

/** Milliseconds from one record to another: by the wall clock, or by the time since boot where that is more. */
export function elapsedMs(record: RunRecord, from: Instant, to: Instant): number {
  const wallMs = millisOf(to.at) - millisOf(from.at);
  return Math.max(0, wallMs, wallMs - sumOfJumps(record, from.seq, to.seq));
}

/** Whether a request's time is over: by its date, or because that long has passed although the clock was set back. */
export function isExpired(record: RunRecord, request: ApprovalRecord["request"], now: Date): boolean {
  if (request.expiresAt === null) return false;
  const atMs = Date.parse(request.expiresAt);
  const passedMs = elapsedMs(record, request, { seq: Number.POSITIVE_INFINITY, at: now.getTime() });
  return now.getTime() >= atMs || passedMs >= atMs - Date.parse(request.at);
}

/** By how much the wall clock was set forward between two records. */
function sumOfJumps(record: RunRecord, fromSeq: number, toSeq: number): number {
  return record.clockAnomalies
    .filter((jump) => jump.seq > fromSeq && jump.seq <= toSeq)
    .reduce((sum, jump) => sum + jump.wallMs - jump.bootMs, 0);
}

function millisOf(at: string | number): number {
  return typeof at === "number" ? at : Date.parse(at);
}
