/** What a command hands to the executor it starts: one JSON document on its standard input, never a file. */
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import type { DriveRequest } from "../../engine/engine.ts";
import type { Runbook } from "../../language/runbook.ts";
import type { ResolvedInput } from "../../plan/build-plan.ts";

/** Where an executor tells what is no part of the record; its standard streams end there too. */
export function executorLog(runDir: string): string {
  return join(runDir, "executor.log");
}

/**
 * A runbook as text, with what several steps share kept shared. It never rests: reader and writer are the same program, so
 * that the format, V8's own, needs no version.
 */
export function packRunbook(runbook: Runbook): string {
  return serialize(runbook).toString("base64");
}

export function unpackRunbook(packed: string): Runbook {
  return deserialize(Buffer.from(packed, "base64")) as Runbook;
}

export interface ExecutorRequest {
  readonly stateDir: string;
  readonly run: string;
  /** The runbook as whoever asks has just read it from the sealed text, see `packRunbook`; null = read it yourself. */
  readonly runbook: string | null;
  /** Set for a new run. */
  readonly start: null | {
    readonly inputs: readonly ResolvedInput[];
    readonly files: Readonly<Record<string, string>>;
    readonly reason: string | null;
    /** Whether it needs a supervisor as soon as it begins. */
    readonly beginsWithCommand: boolean;
    readonly planDigest: string;
    /** Text of an approval file for this plan (CI), already checked once by `run`. */
    readonly approval: string | null;
  };
  /** Values of sensitive inputs, resolved again on resume. */
  readonly sensitive: Readonly<Record<string, unknown>>;
  readonly drive: DriveRequest;
  /** What the end of standard input means: the one who watches is gone. */
  readonly onDisconnect: "continue" | "stop";
}
