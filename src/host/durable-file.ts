/**
 * Files that survive a power cut: every write is counted, synced, renamed into place and its directory synced.
 * (write-file-atomic 7.0.1 does neither the count nor the directory: on a full disk it replaces a good file by half of one.)
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { constants as osConstants } from "node:os";
import { dirname, join } from "node:path";
import { JournalError } from "../engine/ports.ts";

/** Writes all of `bytes` at the end of `fd`. Throws `JournalError` on any error and on a short write. */
export function writeAll(fd: number, bytes: Uint8Array, file: string): void {
  let written: number;
  try {
    written = writeSync(fd, bytes);
  } catch (error) {
    throw asJournalError(error, file, "write");
  }
  if (written !== bytes.length) {
    // A short write is not an error to the kernel; only the next one would be (full disk, file size limit).
    throw new JournalError("SHORT_WRITE", file, `only ${written} of ${bytes.length} bytes were written to ${file}`);
  }
}

/** Appends one line with one write, syncs and closes `fd`. */
export function appendLine(fd: number, line: string, file: string): void {
  try {
    writeAll(fd, Buffer.from(line), file);
    syncData(fd, file);
  } finally {
    closeSync(fd);
  }
}

export function syncData(fd: number, file: string): void {
  try {
    fdatasyncSync(fd);
  } catch (error) {
    throw asJournalError(error, file, "sync");
  }
}

/** Makes the entries of a directory durable. */
export function syncDirectory(directory: string): void {
  try {
    const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw asJournalError(error, directory, "sync");
  }
}

/** Creates a directory and those above it, 0700, each durable in its parent. */
export function makeDirectory(directory: string): void {
  try {
    if (statSync(directory).isDirectory()) return;
  } catch {
    // not there yet
  }
  makeDirectory(dirname(directory));
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw asJournalError(error, directory, "create");
  }
  syncDirectory(dirname(directory));
}

/** The content of a file, as a whole or written piece by piece. */
export type Content = string | Uint8Array | ((write: (piece: string) => void) => void);

/** Replaces `file` as a whole: readers see the old or the new content, also after a power cut. Mode 0600 by default. */
export function replaceFile(file: string, content: Content, mode = 0o600): void {
  const directory = dirname(file);
  const temporary = join(directory, `.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`);
  let fd: number;
  try {
    fd = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, mode);
  } catch (error) {
    throw asJournalError(error, temporary, "create");
  }
  try {
    try {
      if (typeof content === "function") content((piece) => writeAll(fd, Buffer.from(piece), file));
      else writeAll(fd, typeof content === "string" ? Buffer.from(content) : content, file);
      syncData(fd, file);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, file);
  } catch (error) {
    try {
      unlinkSync(temporary);
    } catch {
      // the directory may be gone or read-only; the first error is the one to tell
    }
    throw asJournalError(error, file, "replace");
  }
  syncDirectory(directory);
}

/** Closes what was only read: that is read, whatever the system says of letting go. */
export function closeRead(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // no write was lost
  }
}

export function asJournalError(error: unknown, file: string, doing: string): JournalError {
  if (error instanceof JournalError) return error;
  const { code = "EIO", errno } = error as NodeJS.ErrnoException;
  const why = error instanceof Error ? error.message : String(error);
  // Node has no name for a quota that is used up: it says "unknown error".
  if (errno === -osConstants.errno.EDQUOT)
    return new JournalError("EDQUOT", file, `could not ${doing} ${file}: EDQUOT: disk quota exceeded`);
  return new JournalError(code, file, `could not ${doing} ${file}: ${why}`);
}
