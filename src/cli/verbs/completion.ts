/** `completion`: prints a completion script. */
import { exitCodes } from "../../engine/exit-codes.ts";
import { closest } from "../../util/closest.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { completionScripts } from "../help/completion-scripts.ts";

export default function completion(command: Command): number {
  const shell = command.args.words[0];
  const shells = Object.keys(completionScripts);
  const script = shell === undefined || !shells.includes(shell) ? undefined : completionScripts[shell];
  if (script === undefined) {
    const near = shell === undefined ? undefined : closest(shell, shells);
    throw new UsageError(
      shell === undefined ? "which shell?" : `"${shell}" is none of ${shells.join(", ")}`,
      `runbook completion ${near ?? "bash"}`,
    );
  }
  command.print(script);
  return exitCodes.ok;
}
