/** The last line a running step printed, from its log: masked, since only masked bytes are written there. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { StepRecord } from "../engine/run-record.ts";
import { onDisk } from "../host/command-runner.ts";

/** A longer last line is shown from its middle on; nobody reads that much of it. */
const tailBytes = 2_048;

export function lastLogLine(runDir: string): (step: StepRecord) => string | null {
  return (step) => {
    const attempt = step.attempts.at(-1)?.attempt ?? 1;
    const nth = step.commands.filter((command) => command.attempt === attempt).length;
    const name = `${onDisk(step.path)}.${attempt}${nth > 1 ? `.${nth}` : ""}`;
    const log = join(runDir, "logs", name);
    return lastLine(`${log}.log`) ?? lastLine(`${log}.stderr.log`);
  };
}

/** Null when there is no file, or nothing in it but blanks. A line still being written counts. */
function lastLine(file: string): string | null {
  let fd: number;
  try {
    fd = openSync(file, "r");
  } catch {
    return null;
  }
  try {
    const { size } = fstatSync(fd);
    const bytes = Buffer.alloc(Math.min(size, tailBytes));
    const read = readSync(fd, bytes, 0, bytes.length, size - bytes.length);
    const lines = bytes
      .subarray(0, read)
      .toString("utf8")
      .split(/[\r\n]+/);
    return lines.findLast((line) => line.trim() !== "") ?? null;
  } finally {
    closeSync(fd);
  }
}
