/** `exits.ndjson`: how each command ended, one line each, written by supervisors only. */

import { constants, fdatasyncSync, fstatSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { CommandExit } from "./protocol.ts";

export interface ExitLog {
  /** Appends one exit. `isDurable` syncs it: needed only when no executor lives to write its own record. Throws. */
  append(exit: CommandExit, isDurable: boolean): void;
}

const pathIn = (runDir: string): string => join(runDir, "exits.ndjson");

/** Opens or creates the log. A line that a killed writer left without its end is closed first. */
export function openExitLog(runDir: string): ExitLog {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants;
  const fd = openSync(pathIn(runDir), O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  const { size } = fstatSync(fd);
  const last = Buffer.alloc(1);
  if (size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a) writeSync(fd, "\n");
  return {
    append(exit, isDurable) {
      const line = Buffer.from(`${JSON.stringify(exit)}\n`);
      const written = writeSync(fd, line);
      if (written !== line.length) throw new Error(`exits.ndjson: wrote ${written} of ${line.length} bytes`);
      if (isDurable) fdatasyncSync(fd);
    },
  };
}

/** The recorded exit of an attempt, or null. A line without its newline is not there yet. */
export function readExit(runDir: string, attemptId: string): CommandExit | null {
  let text: string;
  try {
    text = readFileSync(pathIn(runDir), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  const lines = text.split("\n").slice(0, -1);
  for (const line of lines.reverse()) {
    const exit = parse(line);
    if (exit?.attemptId === attemptId) return exit;
  }
  return null;
}

function parse(line: string): CommandExit | null {
  try {
    return JSON.parse(line) as CommandExit;
  } catch {
    return null; // the torn line of a killed writer
  }
}
