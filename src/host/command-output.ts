/** Outputs of commands as they were kept, masked: what expressions see of them, and what the journal quotes. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { CommandExit, StreamSummary } from "./supervisor/protocol.ts";

/** What expressions see of an output. */
const visibleBytes = 8 * 1024 * 1024;
const excerptLines = 20;
const excerptLineLength = 2_000;

export interface LogFiles {
  readonly stdout: string;
  readonly stderr: string;
}

/** A stream without bytes has no file. `exit`: what is known of the streams. */
export function readOutputs(
  files: LogFiles,
  exit?: Pick<CommandExit, "stdout" | "stderr" | "outputGap">,
): { stdout: string; stderr: string } {
  const isEmpty = (stream: StreamSummary | undefined) => stream?.bytes === 0 && exit?.outputGap === "none";
  return {
    stdout: isEmpty(exit?.stdout) ? "" : readHead(files.stdout),
    stderr: isEmpty(exit?.stderr) ? "" : readHead(files.stderr),
  };
}

function readHead(file: string): string {
  let fd: number;
  try {
    fd = openSync(file, "r");
  } catch {
    return ""; // the command never got as far as to have outputs
  }
  try {
    const size = Math.min(fstatSync(fd).size, visibleBytes);
    const buffer = Buffer.allocUnsafe(size);
    let bytes = 0;
    while (bytes < size) {
      const read = readSync(fd, buffer, bytes, size - bytes, bytes);
      if (read === 0) break;
      bytes += read;
    }
    return buffer.toString("utf8", 0, bytes);
  } finally {
    closeSync(fd);
  }
}

/** First and last lines, each in brief. */
export function excerpt(text: string): string {
  return endsOf(text).split("\n").map(brief).join("\n");
}

/** A line of megabytes is in the log; the journal keeps its two ends. */
function brief(line: string): string {
  if (line.length <= excerptLineLength) return line;
  const half = excerptLineLength / 2;
  return `${line.slice(0, half)} … ${line.length - 2 * half} characters left out … ${line.slice(-half)}`;
}

/** First and last lines. The text may be megabytes, so it is not cut into all its lines. */
function endsOf(text: string): string {
  const whole = text.trimEnd();
  let lines = 1;
  let headEnd = 0;
  for (let at = whole.indexOf("\n"); at >= 0; at = whole.indexOf("\n", at + 1)) {
    if (lines === excerptLines) headEnd = at;
    lines++;
  }
  if (lines <= 2 * excerptLines) return whole;
  let tailStart = whole.length;
  for (let nth = 0; nth < excerptLines; nth++) tailStart = whole.lastIndexOf("\n", tailStart - 1);
  const omitted = `… ${lines - 2 * excerptLines} lines left out …`;
  return `${whole.slice(0, headEnd)}\n${omitted}${whole.slice(tailStart)}`;
}
