/** Required inputs that nothing gave, asked of the person at the terminal. A wrong answer is told and asked again. */
import type { Runbook } from "../../language/runbook.ts";
import type { Command } from "../command.ts";
import { problemOf } from "../start/inputs.ts";
import { PromptInput } from "./prompt-input.ts";
import * as screens from "./prompt-screens.ts";
import { screenOf } from "./prompt-screens.ts";

/** The typed texts by name; null when the person left. */
export async function askInputs(
  command: Command,
  runbook: Runbook,
  names: readonly string[],
): Promise<ReadonlyMap<string, string> | null> {
  const screen = screenOf(command);
  const prompt = await PromptInput.open(new AbortController().signal);
  const typed = new Map<string, string>();
  try {
    process.stderr.write(`\n${screens.say(screen, `${runbook.name} asks for what was not given:`)}`);
    for (const name of names) {
      const input = runbook.inputs[name];
      if (input === undefined) continue;
      const choices = Array.isArray(input.schema["enum"]) ? ` (${input.schema["enum"].join(", ")})` : "";
      process.stderr.write(screens.say(screen, `${name}: ${input.description}${choices}`));
      for (;;) {
        const text = await prompt.ask("  > ");
        if (text === null) return null;
        if (text === "") continue;
        const problem = problemOf(name, input, text);
        if (problem === null) {
          typed.set(name, text);
          break;
        }
        process.stderr.write(screens.say(screen, problem));
      }
    }
    return typed;
  } finally {
    prompt.close();
  }
}
