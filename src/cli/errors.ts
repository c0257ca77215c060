/** Errors that end a command before or without a run: what happened, where, why, and the next command to type. */
import type { ExitName } from "../engine/exit-codes.ts";

export class CommandError extends Error {
  readonly exitName: ExitName;
  readonly next: string | null;
  /** Data printed on stdout all the same (diagnostics under `-o json`). */
  readonly document: object | null;
  constructor(exitName: ExitName, message: string, next: string | null = null, document: object | null = null) {
    super(message);
    this.exitName = exitName;
    this.next = next;
    this.document = document;
  }
}

export class UsageError extends CommandError {
  constructor(message: string, next: string | null = null) {
    super("usage", message, next);
  }
}
