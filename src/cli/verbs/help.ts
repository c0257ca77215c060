/** `help`: a topic, a verb, or the overview. */
import { exitCodes } from "../../engine/exit-codes.ts";
import { closest } from "../../util/closest.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { overview, verbHelp } from "../help/help-text.ts";
import { helpTopic, topicNames } from "../help/help-topics.ts";
import { verbNamed, verbs } from "./table.ts";

export default async function help(command: Command): Promise<number> {
  const [name, second] = command.args.words;
  if (name === undefined) {
    command.print(overview());
    return exitCodes.ok;
  }
  if (second !== undefined) throw new UsageError("help takes one topic", `runbook help ${name}`);
  const verb = verbNamed(name);
  const text = verb === undefined ? await helpTopic(name) : verbHelp(verb);
  if (text === null) {
    const near = closest(name, [...topicNames, ...verbs.map((item) => item.name)]);
    throw new UsageError(
      `there is no help on "${name}"${near ? `. Did you mean "${near}"?` : `: ${topicNames.join(", ")}, or a verb`}`,
      near ? `runbook help ${near}` : "runbook help",
    );
  }
  command.print(text);
  return exitCodes.ok;
}
