/**
 * Standard output and error without Node's streams where a plain write does: making the streams of two pipes takes longer
 * than most answers. On Linux and macOS the streams write at once as well, so both may be used in one process.
 * https://nodejs.org/api/process.html#a-note-on-process-io
 */
import { fstatSync, writeSync } from "node:fs";

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

/** The stream, for who must wait until it took what was written. A reader that went away (`| head`) is no error of ours. */
export function standardOutput(): NodeJS.WriteStream {
  const { stdout } = process;
  streamed.add(1);
  if (!stdout.listeners("error").includes(leave)) stdout.on("error", leave);
  return stdout;
}

function streamOf(descriptor: 1 | 2): NodeJS.WriteStream {
  return descriptor === 1 ? standardOutput() : process.stderr;
}

function leave(): void {
  process.exit(0);
}
