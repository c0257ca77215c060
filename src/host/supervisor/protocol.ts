/** What executor and supervisor say to each other: plain data, one JSON object a line, over two pipes. */

import type { Secret } from "../../util/mask/masker.ts";
import type { ProcessIdentity } from "./process-identity.ts";

/** One command to run for one attempt of a step. */
export interface CommandSpec {
  /** A counter unique in the run, digits only ("000012"). It names FIFOs and exit files, so it is never a step id. */
  readonly attemptId: string;
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  /** The whole environment: the child gets this and the marker, nothing else. */
  readonly env: Readonly<Record<string, string>>;
  /** Text for standard input, which may hold a secret: it goes through a FIFO, never a file. Null is `/dev/null`. */
  readonly stdin: string | null;
  /** Milliseconds from the start of the command. */
  readonly timeoutMs: number;
  /** Milliseconds between TERM and KILL, after a timeout and as the default of an abort. */
  readonly graceMs: number;
  /** Whether the command runs under the holder, which files its status even when the supervisor is killed. */
  readonly held: boolean;
  /** Absolute path at which nothing exists yet. The file comes with the first masked byte: no output, no file. */
  readonly stdoutFile: string;
  /** As `stdoutFile`, for standard error. */
  readonly stderrFile: string;
  /** The output files are read at once and removed: they need not survive a power cut. */
  readonly hasScratchOutput?: boolean;
  /** Bytes kept from the beginning of each stream; 8 MiB unless told. */
  readonly headBytes?: number;
  /** Bytes kept from the end of each stream; 1 MiB unless told. */
  readonly tailBytes?: number;
}

/** Facts about one masked output stream. */
export interface StreamSummary {
  /** Bytes of the whole masked stream, dropped ones included. */
  readonly bytes: number;
  /** SHA-256 of the whole masked stream, hexadecimal. */
  readonly sha256: string;
  /** Bytes left out between head and tail; the file says so at that place. */
  readonly droppedBytes: number;
  /** What the file holds, where that is not the stream: the middle was dropped, or a write failed. */
  readonly kept?: { readonly bytes: number; readonly sha256: string };
  /** Why bytes that should have been kept are not in the file (a full disk). They are counted and hashed all the same. */
  readonly writeError?: CommandError;
}

/** A system error, masked. */
export interface CommandError {
  /** As the system names it: ENOENT, EACCES, E2BIG, … */
  readonly code: string;
  readonly message: string;
}

/** How a command ended. */
export interface CommandExit {
  readonly attemptId: string;
  /**
   * Exit code; null when a signal ended the command. Of a held command it is the shell's number: 128 + n means "signal n
   * or exit code 128 + n".
   */
  readonly code: number | null;
  readonly signal: string | null;
  readonly cause: "exit" | "timeout" | "abort" | "spawn-error";
  /** Set with the cause `spawn-error` only: the command never ran. */
  readonly error: CommandError | null;
  /** Wall clock, milliseconds since 1970. */
  readonly startedAtMs: number;
  /** From the monotonic clock; of an adopted held command from the wall clock, an upper bound. */
  readonly durationMs: number;
  /** False when a process that the command left behind still held its output open 500 ms after the end. */
  readonly drained: boolean;
  /**
   * Processes of the command that are still alive: after a timeout or abort those that could not be killed, after an
   * exit with `drained: false` those left in the background.
   */
  readonly survivors: readonly number[];
  /** `possible` when the process that masked the output was killed in between: bytes may be missing. */
  readonly outputGap: "none" | "possible";
  readonly stdout: StreamSummary;
  readonly stderr: StreamSummary;
}

export type StreamName = "stdout" | "stderr";

/** Executor → supervisor. `start` comes first and once; the end of the pipe means that the executor is gone. */
export type SupervisorCommand =
  | {
      readonly type: "start";
      readonly runId: string;
      readonly runDir: string;
      readonly runtimeDir: string;
      readonly secrets: readonly Secret[];
    }
  /** Replaces the secrets; commands that run already keep the masker they began with. */
  | { readonly type: "secrets"; readonly secrets: readonly Secret[] }
  | { readonly type: "run"; readonly spec: CommandSpec; readonly isFollowed: boolean }
  | { readonly type: "abort"; readonly attemptId: string; readonly graceMs: number | null };

/** Supervisor → executor. */
export type SupervisorEvent =
  | { readonly type: "ready"; readonly identity: ProcessIdentity }
  | { readonly type: "spawned"; readonly attemptId: string; readonly pid: number }
  /** Masked output of a followed command, base64; left out when the executor does not keep up, never in the file. */
  | { readonly type: "output"; readonly attemptId: string; readonly stream: StreamName; readonly data: string }
  /** `pid` = null of one that never ran; of one that ended at once it is told here first. */
  | { readonly type: "exit"; readonly pid: number | null; readonly exit: CommandExit };

export const DEFAULT_HEAD_BYTES = 8 * 1024 * 1024;
export const DEFAULT_TAIL_BYTES = 1024 * 1024;
/** How long output is read on after the command's end when something still holds it open. */
export const DRAIN_MS = 500;

/** An attempt id becomes part of file names and of the marker: digits only. */
export const ATTEMPT_ID = /^\d{1,16}$/;
/** A run id becomes part of the marker. */
export const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** One message as a line. */
export function encodeLine(message: SupervisorCommand | SupervisorEvent): string {
  return `${JSON.stringify(message)}\n`;
}

/** Cuts decoded text into complete lines; a part without its newline waits for the next text. */
export function createLineSplitter(onLine: (line: string) => void): (text: string) => void {
  let parts: string[] = [];
  return (text) => {
    let from = 0;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", from)) {
      const line = parts.join("") + text.slice(from, at);
      parts = [];
      from = at + 1;
      if (line !== "") onLine(line);
    }
    if (from < text.length) parts.push(text.slice(from));
  };
}

/** A summary of a stream that never was. */
export const EMPTY_STREAM: StreamSummary = {
  bytes: 0,
  sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  droppedBytes: 0,
};
