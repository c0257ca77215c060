/** What `run` and `script` return: one finished command as expressions see it. */
import type { JsonSchema } from "../util/json.ts";
import { exitFailure, exitStatus } from "./command-text.ts";
import { anything, decimal, listOf, nullable, result, text, whole } from "./schema.ts";
import type { CommandResult } from "./step-type.ts";

export const commandResultSchema: JsonSchema = result({
  exitCode: whole("Exit code; 128 + the signal's number when a signal ended it."),
  signal: nullable(text("Signal that ended it, such as `SIGTERM`.")),
  stdout: text("Standard output, masked, at most 8 MiB."),
  stderr: text("Standard error, masked, at most 8 MiB."),
  json: anything("Standard output read as JSON; null when it is none."),
  lines: listOf({ type: "string" }, "Standard output line by line, without the line ends."),
  durationMs: decimal("Milliseconds from start to end."),
});

export interface CommandFacts {
  readonly exitCode: number;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly json: unknown;
  readonly lines: readonly string[];
  readonly durationMs: number;
}

/** The result of a command that ended with 0; throws the failure of any other, which carries the result too. */
export function commandFacts(name: string, ended: CommandResult): CommandFacts {
  const facts: CommandFacts = {
    exitCode: exitStatus(ended),
    signal: ended.signal,
    stdout: ended.stdout,
    stderr: ended.stderr,
    json: jsonOrNull(ended.stdout),
    lines: linesOf(ended.stdout),
    durationMs: ended.durationMs,
  };
  if (ended.exitCode !== 0) throw exitFailure(name, ended, facts);
  return facts;
}

/** The value of a JSON text, null for any other text. */
export function jsonOrNull(source: string): unknown {
  if (!/^[\s\ufeff]*[[{"\-0-9tfn]/.test(source)) return null;
  try {
    return JSON.parse(source.replace(/^\ufeff/, ""));
  } catch {
    return null;
  }
}

function linesOf(source: string): string[] {
  const lines = source.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
