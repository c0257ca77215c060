/**
 * Finds out what became of a command whose executor died. It starts nothing, and asks in an order that matters: recorded
 * exit, living supervisor, holder, living processes.
 *
 * Adopting twice gives the same answer: the files it reads stay until the runtime directory is removed.
 */

import { closeSync, constants, lstatSync, openSync, readSync, statSync, writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { createMasker, type Masker, type MaskStream, type Secret } from "../../util/mask/masker.ts";
import { readExit } from "./exit-log.ts";
import { type HeldNote, holderFiles, readCode, readNote } from "./holder.ts";
import { type OutputFile, reopenOutputFile } from "./output-file.ts";
import { killMarked, signalProcesses, sweepMarker } from "./process-sweep.ts";
import { ATTEMPT_ID, type CommandExit, DRAIN_MS, type StreamSummary } from "./protocol.ts";
import { livingSupervisors } from "./supervisor-file.ts";

export type Adoption =
  /** The command has ended, and this is how. */
  | { readonly kind: "exited"; readonly exit: CommandExit }
  /** Processes of the attempt live, but nobody can tell how they will end. `endMarked` ends them. */
  | { readonly kind: "alive"; readonly pids: readonly number[] }
  /** No trace: the command may have run or not. */
  | { readonly kind: "gone" };

export interface AdoptOptions {
  readonly runDir: string;
  readonly runtimeDir: string;
  readonly runId: string;
  readonly attemptId: string;
  readonly secrets: readonly Secret[];
  /** Gives up waiting; the answer then is `alive`. What was drained until then stays in the output files. */
  readonly signal?: AbortSignal;
}

/**
 * Adopts one attempt. Call it only with the run's lock in hand, so that the old executor is dead. Waits while a
 * supervisor or a holder still tends the command, which its timeout bounds: after the supervisor's death the timeout is
 * enforced here, by the age of the command.
 */
export async function adopt(options: AdoptOptions): Promise<Adoption> {
  const { runDir, runtimeDir, runId, attemptId, signal } = options;
  if (!ATTEMPT_ID.test(attemptId)) throw new RangeError(`not an attempt id: "${attemptId}"`);
  for (;;) {
    // Asked before the log is read: a supervisor that leaves in between has recorded the exit by then.
    const supervisors = livingSupervisors(runDir);
    const exit = readExit(runDir, attemptId);
    if (exit !== null) return { kind: "exited", exit };
    if (supervisors.length === 0) break;
    if (signal?.aborted) return { kind: "alive", pids: supervisors.map(({ pid }) => pid) };
    await wait(20);
  }
  const note = readNote(runtimeDir, attemptId);
  if (note !== null) {
    const adoption = await adoptFromHolder(note, options);
    if (adoption !== null) return adoption;
  }
  const pids = sweepMarker(runId, attemptId).map(({ pid }) => pid);
  return pids.length > 0 ? { kind: "alive", pids } : { kind: "gone" };
}

/** Null when the holder is dead and has filed nothing. */
async function adoptFromHolder(note: HeldNote, options: AdoptOptions): Promise<Adoption | null> {
  const { runtimeDir, runId, attemptId, signal } = options;
  const masker = createMasker(options.secrets);
  const drains = [
    createDrain(note.stdoutFifo, note.stdoutFile, note, masker),
    createDrain(note.stderrFifo, note.stderrFile, note, masker),
  ];
  const drainAll = (): boolean => drains.map((drain) => drain.step()).includes(true);
  let endedBy: "exit" | "timeout" = "exit";
  let killAtMs = Number.POSITIVE_INFINITY;
  let survivors: readonly number[] = [];
  let summaries: readonly StreamSummary[] = [];
  try {
    for (let turn = 0; ; turn++) {
      const hasMoved = drainAll();
      if (readCode(runtimeDir, attemptId) !== null) break;
      if (turn % 10 === 0 || !hasMoved) {
        const living = sweepMarker(runId, attemptId);
        if (living.length === 0 && readCode(runtimeDir, attemptId) === null) {
          if (endedBy === "timeout") break;
          return null;
        }
        const ageMs = Date.now() - note.startedAtMs;
        if (endedBy === "exit" && ageMs >= note.timeoutMs) {
          endedBy = "timeout";
          signalProcesses(living, "SIGTERM");
          killAtMs = Date.now() + note.graceMs;
        } else if (Date.now() >= killAtMs) {
          survivors = (await killMarked(runId, attemptId)).map(({ pid }) => pid);
          break;
        }
      }
      if (signal?.aborted) return { kind: "alive", pids: sweepMarker(runId, attemptId).map(({ pid }) => pid) };
      if (!hasMoved) await wait(20);
    }
    for (const until = performance.now() + DRAIN_MS; performance.now() < until; ) {
      const hasMoved = drainAll();
      if (drains.every((drain) => drain.isEnded())) break;
      if (!hasMoved) await wait(5);
    }
  } finally {
    summaries = drains.map((drain) => drain.finish());
  }
  writeFileSync(holderFiles(runtimeDir).ackOf(attemptId), "", { mode: 0o600 });
  const code = readCode(runtimeDir, attemptId);
  const drained = drains.every((drain) => drain.isEnded());
  if (!drained && survivors.length === 0) {
    survivors = sweepMarker(runId, attemptId).map(({ pid }) => pid);
  }
  const exit: CommandExit = {
    attemptId,
    code,
    signal: code === null ? "SIGKILL" : null,
    cause: endedBy,
    error: null,
    startedAtMs: note.startedAtMs,
    durationMs: Math.max(0, endedAtMs(runtimeDir, code) - note.startedAtMs),
    drained,
    survivors,
    outputGap: "possible",
    stdout: summaries[0]!,
    stderr: summaries[1]!,
  };
  return { kind: "exited", exit };
}

/** When the command ended: when the code was filed, or later if other holders have filed since. */
function endedAtMs(runtimeDir: string, code: number | null): number {
  return code === null ? Date.now() : statSync(holderFiles(runtimeDir).codes).mtimeMs;
}

/** Stands between what the dead supervisor wrote and what was read after it, so that no two half lines become one. */
const GAP_NOTE = Buffer.from("\n[runbook: output may be missing here]\n");

/**
 * Reads a FIFO with plain non-blocking reads: 0 is the end, EAGAIN says that a writer lives. An event-based reader would
 * wait for ever when no writer is left, because epoll tells no end then.
 */
function createDrain(fifo: string, path: string, limits: HeldNote, masker: Masker) {
  const chunk = Buffer.allocUnsafe(64 * 1024);
  const masks: MaskStream = masker.stream({ afterGap: true });
  const file: OutputFile = reopenOutputFile(path, limits);
  let needsNote = (lstatSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
  let isEnded = false;
  let fd: number | null = null;
  try {
    fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    isEnded = true;
  }
  return {
    isEnded: () => isEnded,
    /** Reads once; whether anything came. */
    step(): boolean {
      if (isEnded || fd === null) return false;
      try {
        const count = readSync(fd, chunk, 0, chunk.length, null);
        if (count === 0) isEnded = true;
        else if (needsNote) file.push(GAP_NOTE);
        needsNote &&= count === 0;
        file.push(masks.push(chunk.subarray(0, count)));
        return count > 0;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EAGAIN") return false;
        throw error;
      }
    },
    /** Lets go of the FIFO, keeps what was held back and closes the file. */
    finish(): StreamSummary {
      if (fd !== null) closeSync(fd);
      fd = null;
      file.push(masks.end());
      return file.finish();
    },
  };
}
