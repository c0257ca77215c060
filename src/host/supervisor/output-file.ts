/**
 * The file of one masked stream: the head as it comes, the tail at the end, a note where the middle was dropped. The
 * command is never stopped for talking too much.
 */

import { createHash, type Hash } from "node:crypto";
import { closeSync, constants, fdatasyncSync, fstatSync, lstatSync, openSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { syncDirectory } from "../durable-file.ts";
import { type CommandError, EMPTY_STREAM, type StreamSummary } from "./protocol.ts";

/** Receives masked bytes. */
export interface OutputFile {
  /** Counts, hashes and keeps the bytes. Never throws: a failed write is told by the summary. */
  push(bytes: Buffer): void;
  /** Whether the head still takes bytes. */
  hasRoom(): boolean;
  /** Writes the tail, makes the file and its name durable, closes it and says what the stream was. */
  finish(): StreamSummary;
}

export interface OutputLimits {
  readonly headBytes: number;
  readonly tailBytes: number;
  /** The file is read at once and removed: it need not survive a power cut. */
  readonly isScratch?: boolean;
}

/**
 * A file that is created with the first byte, mode 0600: creating one takes longer than many a command runs. A stream
 * without bytes has no file. Throws when something is at the path already; a link or file that appears there later is
 * never written to, but told as the write error.
 */
export function createOutputFile(path: string, limits: OutputLimits): OutputFile {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
    throw Object.assign(new Error(`the output file ${path} exists already`), { code: "EEXIST" });
  }
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  const open = (): number => openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  return outputFile(path, open, null, 0, limits);
}

/** Goes on with a file whose writer died: what is in it counts as the beginning of the stream. */
export function reopenOutputFile(path: string, limits: OutputLimits): OutputFile {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants;
  const open = (): number => openSync(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return outputFile(path, open, null, 0, limits);
  const hash = createHash("sha256");
  const fd = open();
  const size = fstatSync(fd).isFile() ? hashInto(hash, fd) : 0;
  closeSync(fd);
  return outputFile(path, open, hash, size, limits);
}

function outputFile(
  path: string,
  open: () => number,
  /** Of the bytes there are; null before the first. */
  hash: Hash | null,
  sizeBefore: number,
  limits: OutputLimits,
): OutputFile {
  let fd: number | null = null;
  let bytes = sizeBefore;
  let headRoom = Math.max(0, limits.headBytes - sizeBefore);
  let writeError: CommandError | null = null;
  const tail = createTail(limits.tailBytes);

  function write(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && writeError === null; ) {
      try {
        fd ??= open();
        at += writeSync(fd, chunk, at, chunk.length - at);
      } catch (error) {
        const { code = "EIO", message } = error as NodeJS.ErrnoException;
        writeError = { code, message };
      }
    }
  }

  /** The record of the command's end will name the file: it is there by then, also after a power cut. */
  function close(opened: number): void {
    try {
      if (limits.isScratch !== true) fdatasyncSync(opened);
    } finally {
      closeSync(opened);
    }
    if (limits.isScratch !== true) syncDirectory(dirname(path));
  }

  return {
    push(chunk) {
      if (chunk.length === 0) return;
      bytes += chunk.length;
      hash ??= createHash("sha256");
      hash.update(chunk);
      const toHead = Math.min(headRoom, chunk.length);
      if (toHead > 0) {
        headRoom -= toHead;
        write(toHead === chunk.length ? chunk : chunk.subarray(0, toHead));
      }
      if (toHead < chunk.length) tail.push(chunk.subarray(toHead));
    },
    hasRoom: () => headRoom > 0 && writeError === null,
    finish() {
      const droppedBytes = tail.droppedBytes();
      if (droppedBytes > 0) write(Buffer.from(`\n[runbook: ${droppedBytes} bytes left out here]\n`));
      for (const part of tail.parts()) write(part);
      try {
        if (fd !== null) close(fd);
      } catch (error) {
        const { code = "EIO", message } = error as NodeJS.ErrnoException;
        writeError ??= { code, message };
      }
      const summary = hash === null ? EMPTY_STREAM : { bytes, sha256: hash.digest("hex"), droppedBytes };
      if (droppedBytes === 0 && writeError === null) return summary;
      return { ...summary, kept: contentOf(path), ...(writeError === null ? {} : { writeError }) };
    },
  };
}

/** Size and digest of a file as it lies there; of one that is missing or no regular file, those of no bytes. */
function contentOf(path: string): { readonly bytes: number; readonly sha256: string } {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (fstatSync(fd).isFile()) bytes = hashInto(hash, fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // nothing was kept
  }
  return { bytes, sha256: hash.digest("hex") };
}

/** Returns how many bytes there were. */
function hashInto(hash: Hash, fd: number): number {
  const chunk = Buffer.allocUnsafe(256 * 1024);
  let bytes = 0;
  for (let count = readSync(fd, chunk, 0, chunk.length, 0); count > 0; ) {
    hash.update(chunk.subarray(0, count));
    bytes += count;
    count = readSync(fd, chunk, 0, chunk.length, bytes);
  }
  return bytes;
}

/** Keeps the last `size` bytes in a ring, which is allocated with the first byte. */
function createTail(size: number) {
  let ring: Buffer | null = null;
  let total = 0;
  return {
    push(chunk: Buffer): void {
      ring ??= Buffer.allocUnsafe(size);
      const kept = chunk.length > size ? chunk.subarray(chunk.length - size) : chunk;
      total += chunk.length - kept.length;
      if (size > 0) {
        const at = total % size;
        const first = Math.min(kept.length, size - at);
        kept.copy(ring, at, 0, first);
        kept.copy(ring, 0, first);
      }
      total += kept.length;
    },
    droppedBytes: (): number => Math.max(0, total - size),
    parts(): readonly Buffer[] {
      if (ring === null) return [];
      if (total <= size) return [ring.subarray(0, total)];
      return [ring.subarray(total % size), ring.subarray(0, total % size)];
    },
  };
}
