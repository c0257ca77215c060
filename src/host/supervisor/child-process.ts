/** Forks one command onto FIFOs, under the holder or bare, in a session of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { Socket } from "node:net";
import type { FifoPool, InputFifo, OutputFifo } from "./fifo-pool.ts";
import { appendNote, holderArguments, SHELL_NAME } from "./holder.ts";
import { MARKER_NAME, markerValue } from "./process-sweep.ts";
import { findProgram } from "./program-path.ts";
import { type CommandError, type CommandSpec, DEFAULT_HEAD_BYTES, DEFAULT_TAIL_BYTES } from "./protocol.ts";

/** Why a command could not be started; takes the same way as an exit code. */
export class StartFailure extends Error {
  readonly code: string;
  constructor({ code, message }: CommandError) {
    super(message);
    this.code = code;
  }
}

/** Forks the command. The child's ends of the FIFOs are closed here, whatever happens. Throws a system error. */
export function forkCommand(options: {
  readonly spec: CommandSpec;
  readonly runId: string;
  readonly runtimeDir: string;
  readonly fifos: FifoPool;
  readonly stdout: OutputFifo;
  readonly stderr: OutputFifo;
  readonly startedAtMs: number;
}): ChildProcess {
  const { spec, runId, stdout, stderr } = options;
  const [program, ...args] = spec.argv;
  let stdin: InputFifo | null = null;
  try {
    let command: string = program;
    let commandArgs: readonly string[] = args;
    if (spec.held) {
      command = "/bin/sh";
      commandArgs = heldArguments(spec, args, options);
    }
    stdin = spec.stdin === null ? null : options.fifos.openForInput();
    const child = spawn(command, commandArgs, {
      cwd: spec.cwd,
      env: { ...spec.env, [MARKER_NAME]: markerValue(runId, spec.attemptId) },
      stdio: [stdin === null ? "ignore" : stdin.readFd, stdout.writeFd, stderr.writeFd],
      detached: true,
    });
    if (stdin !== null) feed(child, stdin, spec.stdin!, options.fifos);
    stdin = null;
    return child;
  } finally {
    closeSync(stdout.writeFd);
    closeSync(stderr.writeFd);
    if (stdin !== null) {
      closeSync(stdin.readFd);
      closeSync(stdin.writeFd);
      options.fifos.release(stdin.path, true);
    }
  }
}

function heldArguments(
  spec: CommandSpec,
  args: readonly string[],
  { runtimeDir, stdout, stderr, startedAtMs }: Parameters<typeof forkCommand>[0],
): readonly string[] {
  const found = findProgram(spec.argv[0], spec.cwd, spec.env["PATH"]);
  if ("error" in found) throw new StartFailure(found.error);
  const unpassable = Object.keys(spec.env).find((name) => !SHELL_NAME.test(name));
  if (unpassable !== undefined) {
    const message = `the environment name "${unpassable}" cannot be passed to a write step: use letters, digits and _`;
    throw new StartFailure({ code: "EINVAL", message });
  }
  appendNote(runtimeDir, {
    attemptId: spec.attemptId,
    stdoutFifo: stdout.path,
    stderrFifo: stderr.path,
    stdoutFile: spec.stdoutFile,
    stderrFile: spec.stderrFile,
    headBytes: spec.headBytes ?? DEFAULT_HEAD_BYTES,
    tailBytes: spec.tailBytes ?? DEFAULT_TAIL_BYTES,
    startedAtMs,
    timeoutMs: spec.timeoutMs,
    graceMs: spec.graceMs,
  });
  return holderArguments({
    runtimeDir,
    attemptId: spec.attemptId,
    stdoutFifo: stdout.path,
    stderrFifo: stderr.path,
    stdoutFd: stdout.reader.fd,
    program: found.file,
    args,
    keepsPwd: spec.env["PWD"] !== undefined,
  });
}

/** Writes the text to the child's standard input and closes it. A child that does not read it is no error. */
function feed(child: ChildProcess, fifo: InputFifo, text: string, fifos: FifoPool): void {
  closeSync(fifo.readFd);
  const socket = new Socket({ fd: fifo.writeFd, readable: false, writable: true });
  let reopening: NodeJS.Timeout | undefined;
  const stop = (): void => {
    clearTimeout(reopening);
    socket.destroy();
    fifos.release(fifo.path, false); // a process left in the background may still have its end open
  };
  child.on("exit", stop).on("error", stop);
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    if (child.exitCode === null && child.signalCode === null) reopen(10);
  });
  socket.end(text);

  /**
   * A command that opens /dev/stdin by name after the text was written would wait for a writer for ever. Opening and
   * closing the write end lets it go on (fifo(7)); one that reads already notices nothing.
   */
  function reopen(delayMs: number): void {
    reopening = setTimeout(() => {
      try {
        closeSync(openSync(fifo.path, constants.O_WRONLY | constants.O_NONBLOCK));
      } catch {
        return; // ENXIO: nobody has the other end open any more
      }
      reopen(Math.min(delayMs * 2, 500));
    }, delayMs);
  }
}

/** Words a spawn error: Node says only "spawn x ENOENT", for a missing program and a missing directory alike. */
export function explainSpawnError(error: NodeJS.ErrnoException, spec: CommandSpec): CommandError {
  if (error instanceof StartFailure) return { code: error.code, message: error.message };
  const found = findProgram(spec.argv[0], spec.cwd, spec.env["PATH"]);
  if ("error" in found) return found.error;
  const code = error.code ?? "EIO";
  const size = [...spec.argv, ...Object.entries(spec.env).flat()].reduce(
    (sum, text) => sum + Buffer.byteLength(text),
    0,
  );
  const hint =
    code === "E2BIG" ? ` (${size} bytes of arguments and environment): pass large text by stdin or a file` : "";
  return {
    code,
    message: `cannot start "${spec.argv[0]}": ${code === "E2BIG" ? "argument list too long" : error.message}${hint}`,
  };
}
