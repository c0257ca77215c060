/** What a command hands to the executor it starts: one JSON document on its standard input, never a file. */
import type { DriveRequest } from "../../engine/engine.ts";
import type { ResolvedInput } from "../../plan/build-plan.ts";

export interface ExecutorRequest {
  readonly stateDir: string;
  readonly run: string;
  /** Set for a new run. */
  readonly start: null | {
    readonly inputs: readonly ResolvedInput[];
    readonly files: Readonly<Record<string, string>>;
    readonly reason: string | null;
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
