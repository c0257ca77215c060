/** `--since`, `--result` and `-n`: which past runs a verb tells of. */
import type { RunResult } from "../../engine/events.ts";
import { parseDurationMs } from "../../util/duration.ts";
import type { Arguments } from "../arguments.ts";
import { UsageError } from "../errors.ts";
import { agoMs } from "../project/past-runs.ts";

export interface RunFilter {
  readonly fits: (run: { readonly startedAt: string; readonly result: string }) => boolean;
  /** `--since` alone. */
  readonly isRecent: (startedAt: string) => boolean;
  /** Of those that fit, at most so many of the newest; null = all. */
  readonly number: number | null;
}

/** Throws `UsageError`. The values of `--result` were checked with the flags. */
export function runFilter({ verb, text }: Arguments, now: Date): RunFilter {
  const since = text("since");
  const sinceMs = since === undefined ? null : parseDurationMs(since);
  const word = text("number");
  const result = text("result") as RunResult | undefined;
  if (since !== undefined && sinceMs === null)
    throw new UsageError(`--since ${since}: write it as 24h or 30d`, `runbook ${verb.name} --since 30d`);
  if (word !== undefined && !/^[1-9]\d{0,6}$/.test(word))
    throw new UsageError(`-n ${word}: write a whole number above 0`, `runbook ${verb.name} -n 10`);
  const isRecent = (startedAt: string) => sinceMs === null || agoMs(startedAt, now) <= sinceMs;
  return {
    fits: (run) => isRecent(run.startedAt) && (result === undefined || run.result === result),
    isRecent,
    number: word === undefined ? null : Number(word),
  };
}
