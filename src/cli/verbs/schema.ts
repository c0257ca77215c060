/** `schema`: prints a published JSON Schema, byte for byte the file in `schemas/`. */
import { exitCodes } from "../../engine/exit-codes.ts";
import { closest } from "../../util/closest.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { publishedSchema, schemaNames } from "../help/published-schemas.ts";
import { textTable } from "../terminal/text-table.ts";

export default function schema(command: Command): number {
  const name = command.args.words[0];
  const names = schemaNames();
  if (name === undefined) {
    command.print(textTable(names.map((item) => [item, titleOf(item)])));
    command.say("next: runbook schema runbook");
    return exitCodes.ok;
  }
  if (!names.includes(name)) {
    const near = closest(name, names);
    throw new UsageError(
      `there is no schema "${name}"${near ? `. Did you mean "${near}"?` : `: ${names.join(", ")}`}`,
      `runbook schema ${near ?? "runbook"}`,
    );
  }
  command.print(publishedSchema(name));
  return exitCodes.ok;
}

function titleOf(name: string): string {
  const { title } = JSON.parse(publishedSchema(name)) as { title?: string };
  return title ?? "";
}
