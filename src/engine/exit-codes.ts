/** Exit codes, fixed by the command line's contract; also printed by name in every document. */
import type { RunResult } from "./events.ts";

export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  invalid: 3,
  refused: 4,
  waiting: 5,
  rolled_back: 6,
  rollback_failed: 7,
  corrupt: 8,
  io: 9,
  internal: 70,
  sigint: 130,
  sigterm: 143,
} as const;
export type ExitName = keyof typeof exitCodes;

export function exitNameOf(code: number): ExitName {
  for (const [name, value] of Object.entries(exitCodes)) {
    if (value === code) return name as ExitName;
  }
  return "internal";
}

/** The code a command ends with when the run stands like this. */
export function exitNameOfResult(result: RunResult): ExitName {
  switch (result) {
    case "succeeded":
    case "running":
      return "ok";
    case "failed":
    case "aborted":
    case "interrupted":
      return "failed";
    case "refused":
      return "refused";
    case "waiting":
      return "waiting";
    case "rolled_back":
      return "rolled_back";
    case "rollback_failed":
      return "rollback_failed";
  }
}
