/**
 * One command from fork to exit record.
 *
 *   starting ── spawn error ──────────────────────────────► recorded
 *      │
 *   running ── exit ──────────────────────► draining ─────► recorded
 *      │ timeout, abort                        ▲
 *   ending: TERM → grace → KILL → sweep ───────┘
 *
 * Invariants
 * 1. The exit record is written once, after the output was drained and its files are closed.
 * 2. Every path to `recorded` has an end in time: grace + 1 s + 500 ms after a timeout or abort.
 * 3. A process group is signalled by number only while its leader is not reaped; afterwards single processes are, each
 *    checked by start time.
 */

import type { ChildProcess } from "node:child_process";
import { closeSync } from "node:fs";
import type { Masker } from "../../util/mask/masker.ts";
import { after } from "../../util/timer.ts";
import { type Capture, startCapture } from "./capture.ts";
import { explainSpawnError, forkCommand, StartFailure } from "./child-process.ts";
import type { FifoPool, OutputFifo } from "./fifo-pool.ts";
import { HOLDER_FAILED, readCode } from "./holder.ts";
import { createOutputFile } from "./output-file.ts";
import { killMarked, signalProcesses, sweepMarker } from "./process-sweep.ts";
import {
  ATTEMPT_ID,
  type CommandError,
  type CommandExit,
  type CommandSpec,
  DEFAULT_HEAD_BYTES,
  DEFAULT_TAIL_BYTES,
  DRAIN_MS,
  EMPTY_STREAM,
  type StreamName,
} from "./protocol.ts";

export interface CommandContext {
  readonly runId: string;
  readonly runtimeDir: string;
  readonly fifos: FifoPool;
  readonly masker: Masker;
  /** The command has its process id. */
  readonly onSpawned: (pid: number) => void;
  /** Null when nobody follows the output. */
  readonly onOutput: ((stream: StreamName, masked: Buffer) => void) | null;
  /** Called once, at the very end. */
  readonly onExit: (exit: CommandExit) => void;
}

export interface RunningCommand {
  /** Ends the command; null is the grace of its spec. A second call can only shorten the grace. */
  abort(graceMs: number | null): void;
}

/** Starts a command. Never throws: what goes wrong becomes the exit record. */
export function startCommand(spec: CommandSpec, context: CommandContext): RunningCommand {
  const { runId, runtimeDir, fifos, masker } = context;
  const { attemptId, graceMs } = spec;
  const startedAtMs = Date.now();
  const startedAt = performance.now();
  const captures: { fifo: OutputFifo; capture: Capture }[] = [];
  let child: ChildProcess | null = null;
  let phase: "starting" | "running" | "ending" | "draining" | "recorded" = "starting";
  let cause: CommandExit["cause"] = "exit";
  let hasExited = false;
  let status: { code: number | null; signal: string | null } = { code: null, signal: null };
  let survivors: readonly number[] = [];
  let killAt = Number.POSITIVE_INFINITY;
  let drainTimer: NodeJS.Timeout | undefined;
  let cancelTimeout = () => {};
  let cancelKill = () => {};

  function capture(stream: StreamName, path: string): OutputFifo {
    const limits = {
      headBytes: spec.headBytes ?? DEFAULT_HEAD_BYTES,
      tailBytes: spec.tailBytes ?? DEFAULT_TAIL_BYTES,
      isScratch: spec.hasScratchOutput === true,
    };
    const file = createOutputFile(path, limits);
    let fifo: OutputFifo;
    try {
      fifo = fifos.openForOutput();
    } catch (error) {
      file.finish();
      throw error;
    }
    const onMasked = context.onOutput === null ? null : (masked: Buffer) => context.onOutput!(stream, masked);
    captures.push({
      fifo,
      capture: startCapture({ reader: fifo.reader, masks: masker.stream(), file, onMasked, onEnd: recordWhenDrained }),
    });
    return fifo;
  }

  function start(): void {
    if (!ATTEMPT_ID.test(attemptId)) {
      throw new StartFailure({ code: "EINVAL", message: `the attempt id "${attemptId}" is not made of digits` });
    }
    const stdout = capture("stdout", spec.stdoutFile);
    let stderr: OutputFifo;
    try {
      stderr = capture("stderr", spec.stderrFile);
    } catch (error) {
      closeSync(stdout.writeFd);
      throw error;
    }
    child = forkCommand({ spec, runId, runtimeDir, fifos, stdout, stderr, startedAtMs });
    child.on("error", (error) => failToStart(error));
    if (child.pid === undefined) return;
    child.on("exit", (code, signal) => onChildExit(code, signal));
    phase = "running";
    cancelTimeout = after(spec.timeoutMs, () => end("timeout", graceMs));
    context.onSpawned(child.pid);
  }

  function failToStart(error: NodeJS.ErrnoException): void {
    if (phase !== "starting") return;
    const { code, message } = explainSpawnError(error, spec);
    record("spawn-error", { code, message: masker.text(message) });
  }

  function end(why: "timeout" | "abort", withinMs: number): void {
    if (phase !== "running" && phase !== "ending") return;
    if (phase === "running") {
      phase = "ending";
      cause = why;
      cancelTimeout();
      signalGroup("SIGTERM");
      signalProcesses(strays(), "SIGTERM");
    }
    const at = performance.now() + withinMs;
    if (at >= killAt) return;
    killAt = at;
    cancelKill();
    cancelKill = after(withinMs, kill);
  }

  function signalGroup(signal: NodeJS.Signals): void {
    if (hasExited) return;
    try {
      process.kill(-child!.pid!, signal);
    } catch {
      // the group is empty: its leader is about to be reaped
    }
  }

  /** Processes of the attempt that no signal to the group reaches. */
  function strays() {
    return sweepMarker(runId, attemptId, child!.pid!).filter((each) => hasExited || each.groupId !== child!.pid!);
  }

  async function kill(): Promise<void> {
    killAt = Number.NEGATIVE_INFINITY;
    signalGroup("SIGKILL");
    const left = await killMarked(runId, attemptId, child!.pid!);
    survivors = left.map(({ pid }) => pid);
    if (hasExited) drain();
    // The kernel has not let go of it (a disk that hangs); nobody waits for that for ever.
    else if (left.length > 0) drain();
    else child!.once("exit", drain);
  }

  function onChildExit(code: number | null, signal: NodeJS.Signals | null): void {
    hasExited = true;
    status = { code, signal };
    if (phase === "running") drain();
    else if (phase === "ending") waitForRest();
  }

  /** After TERM the leader is gone; the rest of its tree has what is left of the grace. */
  function waitForRest(): void {
    if (phase !== "ending" || killAt === Number.NEGATIVE_INFINITY) return;
    if (strays().length > 0) {
      setTimeout(waitForRest, 50);
      return;
    }
    cancelKill();
    drain();
  }

  function drain(): void {
    if (phase === "draining" || phase === "recorded") return;
    phase = "draining";
    cancelTimeout();
    drainTimer = setTimeout(finish, DRAIN_MS);
    for (const { capture } of captures) capture.readRest();
    recordWhenDrained();
  }

  function recordWhenDrained(): void {
    if (phase === "draining" && captures.every(({ capture }) => capture.isEnded())) finish();
  }

  function finish(): void {
    if (phase !== "draining") return;
    if (spec.held && status.code === HOLDER_FAILED && readCode(runtimeDir, attemptId) === null) {
      record("spawn-error", {
        code: "EIO",
        message: `the holder of "${masker.text(spec.argv[0])}" could not start it`,
      });
    } else {
      record(cause, null);
    }
  }

  function record(why: CommandExit["cause"], error: CommandError | null): void {
    phase = "recorded";
    clearTimeout(drainTimer);
    cancelTimeout();
    const drained = error !== null || captures.every(({ capture }) => capture.isEnded());
    if (!drained && survivors.length === 0) survivors = sweepMarker(runId, attemptId).map(({ pid }) => pid);
    const [stdout = EMPTY_STREAM, stderr = EMPTY_STREAM] = captures.map(({ capture, fifo }) => {
      const isEnded = capture.isEnded();
      const summary = capture.finish();
      fifos.release(fifo.path, isEnded);
      return summary;
    });
    context.onExit({
      attemptId,
      ...(error === null ? status : { code: null, signal: null }),
      cause: why,
      error,
      startedAtMs,
      durationMs: performance.now() - startedAt,
      drained,
      survivors,
      outputGap: "none",
      stdout,
      stderr,
    });
  }

  try {
    start();
  } catch (error) {
    failToStart(error as NodeJS.ErrnoException);
  }
  return { abort: (withinMs) => end("abort", withinMs ?? graceMs) };
}
