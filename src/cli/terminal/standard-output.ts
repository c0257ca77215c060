/**
 * Standard output and error without Node's streams where a plain write does: making the streams of two pipes takes longer
 * than most answers. On Linux and macOS the streams write at once as well, so both may be used in one process.
 * https://nodejs.org/api/process.html#a-note-on-process-io
 */
import { fstatSync, writeSync } from "node:fs";
import { exitCodes } from "../../engine/exit-codes.ts";

export function writeOut(text: string): void {
  write(1, text);
}

export function writeErr(text: string): void {
  write(2, text);
}

export function isTerminal(descriptor: 1 | 2): boolean {
  return fstatSync(descriptor).isCharacterDevice() && streamOf(descriptor).isTTY === true;
}

/** Those whose stream may have to write something yet: what follows goes behind it. */
const streamed = new Set<1 | 2>();

function write(descriptor: 1 | 2, text: string): void {
  let rest = Buffer.from(text);
  try {
    while (rest.length > 0 && !streamed.has(descriptor)) rest = rest.subarray(writeSync(descriptor, rest));
  } catch {
    // A pipe that is full and does not block, or a reader that went away: the stream waits, or tells.
    streamed.add(descriptor);
  }
  if (rest.length > 0) streamOf(descriptor).write(rest);
}

/** The stream, for who must wait until it took what was written. */
export function standardOutput(): NodeJS.WriteStream {
  const { stdout } = process;
  streamed.add(1);
  if (!stdout.listeners("error").includes(onLost)) stdout.on("error", onLost);
  return stdout;
}

/** Progress that nobody can take (a full disk) is lost, and nothing else: what it tells of goes on. */
export function standardError(): NodeJS.WriteStream {
  const { stderr } = process;
  if (!stderr.listeners("error").includes(ignore)) stderr.on("error", ignore);
  return stderr;
}

function streamOf(descriptor: 1 | 2): NodeJS.WriteStream {
  return descriptor === 1 ? standardOutput() : standardError();
}

/** Without its reader a command leaves quietly; data that could not be written are not a success. */
function onLost(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE" || error.code === "EIO") process.exit(0);
  process.once("exit", () => {
    process.exitCode ||= exitCodes.io;
  });
  writeErr(`standard output: ${error.message}\n`);
}

function ignore(): void {}
