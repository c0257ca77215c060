/** One command without a shell; `run: fly releases --json` is its shorthand, whose words the loader has split. */
import { type CommandFacts, commandFacts, commandResultSchema } from "./command-result.ts";
import { commandText } from "./command-text.ts";
import { closed, listOf } from "./schema.ts";
import { defineStepType, StepFailure } from "./step-type.ts";

export const run = defineStepType<{ argv: readonly string[] }, CommandFacts>({
  type: "run",
  summary: "Starts one command, without a shell, and waits for its end. It succeeds when the command exits with 0.",
  docs: "https://pubs.opengroup.org/onlinepubs/9799919799/functions/exec.html",
  effects: "write",
  effectsRequired: true,
  timeoutMs: 300_000,
  input: closed({ argv: listOf({ type: "string" }, "The command and its words.", { minItems: 1 }) }, ["argv"]),
  result: commandResultSchema,
  stepKeys: ["env", "cwd", "stdin", "artifacts"],
  action: ({ argv }) => ({ text: commandText(argv), argv }),
  async run({ argv }, host) {
    const [program, ...words] = argv;
    if (program === undefined || program === "") {
      throw new StepFailure("fatal", "command-empty", "The command is empty: its first word, the program, is missing.");
    }
    return commandFacts(program, await host.command([program, ...words]));
  },
});
