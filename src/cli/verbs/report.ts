/** `report`: render the evidence again, from the journal alone. */
import { exitCodes } from "../../engine/exit-codes.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../errors.ts";
import { renderReport } from "../evidence-files.ts";
import { findRun, loadRun } from "../run-lookup.ts";
import { documentOf } from "./status.ts";

export default function report(command: Command): number {
  const { stateDir } = command.project;
  const { record, runDir } = loadRun(stateDir, findRun(stateDir, command.args.words[0]));
  if (record.finished === null) {
    throw new CommandError(
      "refused",
      `${record.run} has no verdict yet: it is ${record.result}`,
      `runbook status ${record.run}`,
    );
  }
  if (command.output === "json") command.json(documentOf(stateDir, record));
  else process.stdout.write(renderReport(runDir, record, command.output === "html" ? "html" : "md"));
  return exitCodes.ok;
}
