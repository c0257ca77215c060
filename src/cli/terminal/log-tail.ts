/** The last lines a running step printed, from its log: masked, since only masked bytes are written there. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { StepRecord } from "../../engine/run-record.ts";
import { onDisk } from "../../host/command-runner.ts";

/** Longer lines are shown from their middle on; nobody reads that much of them. */
const bytesPerLine = 2_048;

/** The newest lines last; blank lines do not count. */
export type LogTail = (step: StepRecord, lines: number) => readonly string[];

export function logTail(runDir: string): LogTail {
  return (step, lines) => {
    const attempt = step.attempts.at(-1)?.attempt ?? 1;
    const nth = step.commands.filter((command) => command.attempt === attempt).length;
    const log = join(runDir, "logs", `${onDisk(step.path)}.${attempt}${nth > 1 ? `.${nth}` : ""}`);
    const printed = tailOf(`${log}.log`, lines);
    return printed.length > 0 ? printed : tailOf(`${log}.stderr.log`, lines);
  };
}

/** Empty when there is no file, or nothing in it but blanks. A line still being written counts. */
function tailOf(file: string, lines: number): string[] {
  let fd: number;
  try {
    fd = openSync(file, "r");
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(fd);
    const bytes = Buffer.alloc(Math.min(size, bytesPerLine * lines));
    const read = readSync(fd, bytes, 0, bytes.length, size - bytes.length);
    const text = bytes.subarray(0, read).toString("utf8");
    return text
      .split(/[\r\n]+/)
      .filter((line) => line.trim() !== "")
      .slice(-lines);
  } finally {
    closeSync(fd);
  }
}
