/** Any error that reaches the top of a command → exit name, words, next command. */
import type { ExitName } from "../engine/exit-codes.ts";
import { JournalCorrupt, JournalError } from "../engine/ports.ts";
import { RunIsTaken } from "../host/claim.ts";
import { UnsafeStateDirectory } from "../host/state-dir.ts";
import { KeyError } from "../report/keys.ts";
import { NotARun } from "../report/verify.ts";
import { CommandError } from "./errors.ts";

export interface DescribedError {
  readonly exitName: ExitName;
  readonly message: string;
  readonly next: string | null;
  readonly document: object | null;
  readonly stack: string | null;
}

export function describeError(error: unknown): DescribedError {
  const message = error instanceof Error ? error.message : String(error);
  const plain = (exitName: ExitName, next: string | null = null): DescribedError => ({
    exitName,
    message,
    next,
    document: null,
    stack: null,
  });
  if (error instanceof CommandError) {
    return { exitName: error.exitName, message, next: error.next, document: error.document, stack: null };
  }
  if (error instanceof JournalCorrupt) return plain("corrupt", "runbook verify <run>");
  if (error instanceof JournalError) return plain("io");
  if (error instanceof UnsafeStateDirectory) return plain("refused", "runbook help environment");
  if (error instanceof RunIsTaken) return plain("refused", "runbook status");
  if (error instanceof KeyError) return plain("usage", "runbook keys new NAME");
  if (error instanceof NotARun) return plain("usage", "runbook verify last");
  const stack = error instanceof Error ? (error.stack ?? null) : null;
  return {
    exitName: "internal",
    message: `internal error: ${message}`,
    next: "set RUNBOOK_TESTING=1 to see where, and report it",
    document: null,
    stack,
  };
}
