/** Commands as people read them, and what their ends mean. */
import { constants } from "node:os";
import { promptHint } from "./prompt-hint.ts";
import { type CommandResult, StepFailure } from "./step-type.ts";

/**
 * The words as they would be typed into a shell. What is not known yet (`‹known after choose›`) stays bare: an approval
 * compares this text with the later one, in which it has become something else.
 */
export function commandText(argv: readonly string[]): string {
  return argv
    .map((word) => {
      const known = word.replace(/‹[^›]*›/g, "x");
      return /^[\w@%+=:,./*-]+$/.test(known) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
    })
    .join(" ");
}

/** The last `count` lines that are not blank. */
export function lastLines(text: string, count: number): string {
  return text
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "")
    .slice(-count)
    .join("\n");
}

/** The exit status as shells report it: the code, or 128 + the signal's number. */
export function exitStatus(ended: CommandResult): number {
  if (ended.exitCode !== null) return ended.exitCode;
  const signals: Readonly<Record<string, number>> = constants.signals;
  return 128 + (ended.signal === null ? 0 : (signals[ended.signal] ?? 0));
}

/** `ended with exit code 3`, `was ended by SIGKILL`. */
export function howItEnded(ended: CommandResult): string {
  return ended.signal === null ? `ended with exit code ${ended.exitCode}` : `was ended by ${ended.signal}`;
}

/** The failure of a command that did not end with 0. `name` is what the message calls it. */
export function exitFailure(name: string, ended: CommandResult, result?: unknown): StepFailure {
  const said = lastLines(ended.stderr, 5) || lastLines(ended.stdout, 5);
  const hint = ended.signal === null ? promptHint(ended) : null;
  return new StepFailure(
    "failed",
    ended.signal === null ? "exit-code" : "signal",
    `${name} ${howItEnded(ended)}${said === "" ? " and printed nothing" : `: ${said}`}${hint === null ? "" : `\n${hint}`}`,
    { facts: { exitCode: ended.exitCode, signal: ended.signal, stderr: lastLines(ended.stderr, 20) }, result },
  );
}
