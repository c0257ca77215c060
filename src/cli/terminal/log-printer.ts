/** Prints the logs of a run's commands, each byte once, however often it is asked. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import type { CommandRecord, RunRecord, StepRecord } from "../../engine/run-record.ts";
import { onDisk } from "../../host/command-runner.ts";
import { fenceText, inertLine } from "../../report/inert.ts";
import { standardOutput } from "./standard-output.ts";

interface LogPrinterOptions {
  readonly runDir: string;
  /** Only this step and what is below it; null = every step. */
  readonly step: string | null;
  /** Control characters become visible. */
  readonly inert: boolean;
  /** Gets a line before the output of each stream. */
  readonly heading: (text: string) => void;
}

export interface LogStream {
  readonly step: string;
  readonly attempt: number;
  readonly stream: "stdout" | "stderr";
  /** Relative to the run directory; empty = there is none. */
  readonly file: string;
  readonly title: string;
}

const chunkBytes = 64 * 1024;

export class LogPrinter {
  /** Streams that had any output so far. */
  streams = 0;
  private readonly options: LogPrinterOptions;
  private readonly seen = new Map<string, { offset: number; decoder: StringDecoder; rest: string }>();
  private current: string | null = null;

  constructor(options: LogPrinterOptions) {
    this.options = options;
  }

  /** Prints what was written since the last call, in the order the commands began. */
  async print(record: RunRecord): Promise<void> {
    for (const stream of logStreams(record, this.options.step)) await this.printStream(stream);
  }

  private async printStream({ file, title }: LogStream): Promise<void> {
    let fd: number;
    try {
      fd = openSync(join(this.options.runDir, file), constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch {
      return; // the step has not begun to print
    }
    try {
      if (!fstatSync(fd).isFile()) return;
      const state = this.seen.get(file) ?? { offset: 0, decoder: new StringDecoder("utf8"), rest: "" };
      const buffer = Buffer.allocUnsafe(chunkBytes);
      for (;;) {
        const bytes = readSync(fd, buffer, 0, chunkBytes, state.offset);
        if (bytes === 0) break;
        if (state.offset === 0) this.streams++;
        state.offset += bytes;
        this.seen.set(file, state);
        if (this.current !== file) this.options.heading(title);
        this.current = file;
        const chunk = buffer.subarray(0, bytes);
        if (!this.options.inert) await write(Buffer.from(chunk));
        else state.rest = await writeLines(state.rest + state.decoder.write(chunk));
      }
      if (state.rest !== "") {
        await write(`${fenceText(state.rest)}\n`);
        state.rest = "";
      }
    } finally {
      closeSync(fd);
    }
  }
}

/** Writes whole lines, inert; returns what is left of the last one. */
async function writeLines(text: string): Promise<string> {
  const end = text.lastIndexOf("\n");
  if (end >= 0) await write(`${fenceText(text.slice(0, end))}\n`);
  return text.slice(end + 1);
}

function write(data: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    standardOutput().write(data, () => resolve());
  });
}

/** The streams of a run's commands, in the order the commands began. */
export function logStreams(record: RunRecord, only: string | null): LogStream[] {
  const commands = [...record.steps.values()]
    .filter((step) => only === null || isBelow(step.path, only))
    .flatMap((step) => step.commands.map((command) => ({ step, command })));
  return (
    commands
      .sort((a, b) =>
        a.command.startedAt < b.command.startedAt ? -1 : a.command.startedAt > b.command.startedAt ? 1 : 0,
      )
      .flatMap(({ step, command }) => {
        const { stdout, stderr } = filesOf(step, command);
        const of = { step: step.path, attempt: command.attempt };
        const head = `== ${step.path}, attempt ${command.attempt}`;
        const title = `${head}: ${inertLine(command.argv.join(" ")).slice(0, 120)}`;
        return [
          { ...of, stream: "stdout" as const, file: stdout, title },
          { ...of, stream: "stderr" as const, file: stderr, title: `${head}: stderr` },
        ];
      })
      // Paths come from a journal that somebody may have written by hand.
      .filter(({ file }) => /^logs\/[^/]+$/.test(file) && !file.includes(".."))
  );
}

function isBelow(path: string, parent: string): boolean {
  return path === parent || path.startsWith(`${parent}.`) || path.startsWith(`${parent}[`);
}

/** The journal names the files of a command that ended; those of a running one are named as its runner does. */
function filesOf(step: StepRecord, command: CommandRecord): { stdout: string; stderr: string } {
  if (command.end !== null) {
    const { stdout, stderr } = command.end.output;
    return { stdout: stdout.file, stderr: stderr.file };
  }
  const nth = step.commands.filter((item) => item.attempt === command.attempt).indexOf(command) + 1;
  const name = `logs/${onDisk(step.path)}.${command.attempt}${nth > 1 ? `.${nth}` : ""}`;
  return { stdout: `${name}.log`, stderr: `${name}.stderr.log` };
}
