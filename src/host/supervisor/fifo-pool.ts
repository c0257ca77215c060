/** FIFOs for the output of commands, made sixteen at a time and used again. */

import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { createReader, type FifoReader } from "./capture.ts";

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const BATCH = 16;

/** A command has two output streams. */
const READY = 2;

/** A FIFO opened at both ends for the output of one command. */
export interface OutputFifo {
  readonly path: string;
  /** Non-blocking; for the supervisor. */
  readonly reader: FifoReader;
  /** Blocking; for the child. The supervisor closes its own after the fork. */
  readonly writeFd: number;
}

/** A FIFO opened at both ends for a command's standard input: the child's end is the blocking one. */
export interface InputFifo {
  readonly path: string;
  readonly readFd: number;
  readonly writeFd: number;
}

/** All FIFOs of one supervisor. Their names hold its pid, so that two supervisors of a run share none. */
export interface FifoPool {
  openForOutput(): OutputFifo;
  openForInput(): InputFifo;
  /** Opens what the next command will need, while one works. What fails is told when it is needed. */
  prepare(): void;
  /** Gives one back. It serves again only when nothing holds it open any more (`isDrained`). */
  release(path: string, isDrained: boolean): void;
  /** Removes all of them. */
  remove(): void;
}

export function createFifoPool(runtimeDir: string, mkfifo = "mkfifo"): FifoPool {
  const free: string[] = [];
  const ready: OutputFifo[] = [];
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

  /** Opens with each of the flags, in turn. A read end comes first and is non-blocking: it would wait for a writer. */
  function open(...flags: readonly number[]): { readonly path: string; readonly fds: readonly number[] } {
    const path = take();
    const fds: number[] = [];
    try {
      for (const each of flags) fds.push(openSync(path, each | constants.O_NOFOLLOW));
      return { path, fds };
    } catch (error) {
      for (const fd of fds) closeSync(fd);
      release(path, false);
      throw error;
    }
  }

  function makeOutput(): OutputFifo {
    const { path, fds } = open(O_RDONLY | O_NONBLOCK, O_WRONLY);
    return { path, reader: createReader(fds[0]!), writeFd: fds[1]! };
  }

  return {
    openForOutput: () => ready.pop() ?? makeOutput(),
    openForInput() {
      const { path, fds } = open(O_RDONLY | O_NONBLOCK, O_WRONLY | O_NONBLOCK, O_RDONLY);
      closeSync(fds[0]!);
      return { path, readFd: fds[2]!, writeFd: fds[1]! };
    },
    prepare() {
      try {
        while (ready.length < READY) ready.push(makeOutput());
      } catch {
        // too many open files, a full disk: perhaps no longer when the next command comes
      }
    },
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
