/** FIFOs for the output of commands, made sixteen at a time and used again. */

import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync, unlinkSync } from "node:fs";
import { join } from "node:path";

const BATCH = 16;

/** A FIFO opened at both ends for one command. */
export interface OpenFifo {
  readonly path: string;
  /** Non-blocking; for the supervisor. */
  readonly readFd: number;
  /** Blocking; for the child. The supervisor closes its own after the fork. */
  readonly writeFd: number;
}

/** All FIFOs of one supervisor. Their names hold its pid, so that two supervisors of a run share none. */
export interface FifoPool {
  /** Opens one. The read end comes first and is non-blocking: without a writer a blocking open would wait for ever. */
  open(): OpenFifo;
  /** Opens one the other way round, for a command's standard input: the child's end must be a blocking one. */
  openForInput(): { readonly path: string; readonly readFd: number; readonly writeFd: number };
  /** Gives one back. It serves again only when nothing holds it open any more (`isDrained`). */
  release(path: string, isDrained: boolean): void;
  /** Removes all of them. */
  remove(): void;
}

export function createFifoPool(runtimeDir: string, mkfifo = "mkfifo"): FifoPool {
  const free: string[] = [];
  const all = new Set<string>();
  let count = 0;

  function take(): string {
    const path = free.pop();
    if (path !== undefined) return path;
    const paths = Array.from({ length: BATCH }, () => join(runtimeDir, `fifo-${process.pid}-${count++}`));
    const made = spawnSync(mkfifo, ["-m", "600", ...paths], { encoding: "utf8" });
    if (made.error !== undefined) throw made.error;
    if (made.status !== 0) {
      throw Object.assign(new Error(`mkfifo failed in ${runtimeDir}: ${made.stderr.trim()}`), { code: "EIO" });
    }
    for (const each of paths) all.add(each);
    free.push(...paths.reverse());
    return free.pop()!;
  }

  function release(path: string, isDrained: boolean): void {
    if (isDrained) {
      free.push(path);
      return;
    }
    all.delete(path);
    unlink(path);
  }

  function openBoth(isInput: boolean): OpenFifo {
    const path = take();
    const opened: number[] = [];
    const open = (flags: number): number => {
      const fd = openSync(path, flags | constants.O_NOFOLLOW);
      opened.push(fd);
      return fd;
    };
    try {
      const readFd = open(constants.O_RDONLY | constants.O_NONBLOCK);
      if (!isInput) return { path, readFd, writeFd: open(constants.O_WRONLY) };
      const writeFd = open(constants.O_WRONLY | constants.O_NONBLOCK);
      const blocking = open(constants.O_RDONLY);
      closeSync(readFd);
      return { path, readFd: blocking, writeFd };
    } catch (error) {
      for (const fd of opened) closeSync(fd);
      release(path, false);
      throw error;
    }
  }

  return {
    open: () => openBoth(false),
    openForInput: () => openBoth(true),
    release,
    remove() {
      for (const path of all) unlink(path);
    },
  };
}

function unlink(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // the directory may have been cleaned from outside
  }
}
