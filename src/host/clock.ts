/** The clocks. Tests set the wall clock with RUNBOOK_NOW (RFC 3339) under RUNBOOK_TESTING=1. */
import { uptime } from "node:os";
import type { EngineClock } from "../engine/ports.ts";
import { after } from "../util/timer.ts";

export function systemClock(env: Readonly<Record<string, string | undefined>> = process.env): EngineClock {
  const fixed = env["RUNBOOK_TESTING"] === "1" ? env["RUNBOOK_NOW"] : undefined;
  const fixedMs = fixed === undefined ? Number.NaN : Date.parse(fixed);
  const offsetMs = Number.isNaN(fixedMs) ? 0 : fixedMs - Date.now();
  return {
    // The set clock starts at the given instant and goes on from there, so that durations stay durations.
    now: () => new Date(Date.now() + offsetMs),
    monotonicMs: () => performance.now(),
    bootMs: () => uptime() * 1_000,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const done = () => {
          cancel();
          signal.removeEventListener("abort", done);
          resolve();
        };
        const cancel = after(ms, done);
        signal.addEventListener("abort", done);
      }),
  };
}
