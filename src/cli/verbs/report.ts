/** `report`: render the evidence again, from the journal alone. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { exitCodes } from "../../engine/exit-codes.ts";
import { executorAlive } from "../../host/claim.ts";
import { collected } from "../../report/text-sink.ts";
import type { Command } from "../command.ts";
import { CommandError, UsageError } from "../errors.ts";
import { completeEvidence } from "../execute/complete-evidence.ts";
import { reportDocument } from "../execute/evidence-files.ts";
import { owesEvidence } from "../execute/evidence-owed.ts";
import { findRun, loadRun } from "../follow/run-lookup.ts";
import { openInBrowser, printPaged } from "../terminal/person-programs.ts";
import { isTerminal, writeOut } from "../terminal/standard-output.ts";
import { documentOf } from "./status.ts";

export default async function report(command: Command): Promise<number> {
  const opens = command.args.on("open");
  if (opens && (command.args.text("template") !== undefined || command.output === "json"))
    throw new UsageError(
      "--open shows the HTML report: leave out --template and -o json",
      "runbook report last --open",
    );
  const { stateDir } = command.project;
  const { record, runDir } = loadRun(stateDir, findRun(stateDir, command.args.words[0]));
  if (record.finished === null) {
    throw new CommandError(
      "refused",
      `${record.run} has no verdict yet: it is ${record.result}`,
      `runbook status ${record.run}`,
    );
  }
  if (owesEvidence(runDir, record) && !executorAlive(runDir)) {
    // Its executor was killed after the verdict. The report below does not need the files; whoever keeps them does.
    try {
      await completeEvidence(stateDir, record.run, runDir, (problem) => command.say(problem));
      command.say(`the evidence of ${record.run} was not complete, its executor was killed; it is now`);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      command.say(`the evidence of ${record.run} is not complete, and could not be completed: ${why}`);
    }
  }
  if (opens) return await open(command, join(runDir, "report.html"), record.run);
  if (command.output === "json") {
    command.json(documentOf(stateDir, record));
    return exitCodes.ok;
  }
  const format = command.output === "html" ? "html" : "md";
  const document = await reportDocument(runDir, record, format, await layoutOf(command));
  if (format === "md" && isTerminal(1)) printPaged(collected(document), command.terminal);
  else document(writeOut);
  return exitCodes.ok;
}

/** The kept file, not a new one: what is looked at is what the sums and the seal are about. */
async function open(command: Command, file: string, run: string): Promise<number> {
  if (!existsSync(file))
    throw new CommandError("failed", `${file} is not there`, `runbook report ${run} -o html > report.html`);
  command.print(file);
  const problem = await openInBrowser(file);
  if (problem === null) return exitCodes.ok;
  command.say(`it was not opened: ${problem}; BROWSER names the program. The report is the file above`);
  return exitCodes.failed;
}

/** The text of `--template`: a report in another layout is a view of the run, not its evidence. */
async function layoutOf(command: Command): Promise<string | null> {
  const file = command.args.text("template");
  if (file === undefined) return null;
  if (command.output !== "md") throw new UsageError(`--template arranges -o md, not -o ${command.output}`);
  let text: string;
  try {
    text = readFileSync(resolve(command.cwd, file), "utf8");
  } catch {
    throw new UsageError(`--template ${file}: there is no such file`);
  }
  const { layoutProblem } = await import("../../report/layout.ts");
  const problem = layoutProblem(text);
  if (problem !== null) throw new UsageError(`--template ${file}: ${problem}`, "runbook validate --explain bad-layout");
  return text;
}
