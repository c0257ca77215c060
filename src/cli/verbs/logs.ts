/**
 * `logs`: what the steps of a run printed, masked when it was written. Bytes as they are into a pipe; inert on a
 * terminal and on a CI runner, where they could move a cursor or be taken for a command. Headings go to stderr.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { exitCodes } from "../../engine/exit-codes.ts";
import type { RunRecord } from "../../engine/run-record.ts";
import { executorAlive } from "../../host/claim.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { follow } from "../follow/follow.ts";
import { findRun, loadRun } from "../follow/run-lookup.ts";
import { stepPathOf } from "../follow/step-path.ts";
import { LogPrinter, logStreams } from "../terminal/log-printer.ts";
import { isTerminal } from "../terminal/standard-output.ts";

/** Growing logs leave no record in the journal: they are looked at this often. */
const lookMs = 200;

export default async function logs(command: Command): Promise<number> {
  const { stateDir } = command.project;
  const [run, step] = command.args.words;
  if (run === undefined) throw new UsageError("which run?", "runbook logs last");
  const { record, runDir } = loadRun(stateDir, findRun(stateDir, run));
  const path =
    step === undefined
      ? null
      : stepPathOf([...record.steps.keys()], step, record.run, (near) =>
          `runbook logs ${record.run} ${near ?? ""}`.trimEnd(),
        );
  if (command.output === "json") {
    if (command.args.on("follow")) throw new UsageError("--follow prints text; leave out -o json", "runbook logs last");
    const logs = logStreams(record, path).flatMap(({ title: _, ...log }) => {
      const bytes = statSync(join(runDir, log.file), { throwIfNoEntry: false })?.size ?? 0;
      return bytes === 0 ? [] : [{ ...log, bytes }];
    });
    command.json({ format: "runbook.logs/1.0", run: record.run, dir: runDir, logs });
    return exitCodes.ok;
  }
  const isShown = isTerminal(1) || process.env["GITHUB_ACTIONS"] === "true";
  const printer = new LogPrinter({ runDir, step: path, inert: isShown, heading: (text) => command.say(text) });
  if (command.args.on("follow")) await followLogs(runDir, printer);
  else await printer.print(record);
  if (printer.streams === 0) command.say(`${path ?? record.run} printed nothing. next: runbook report ${record.run}`);
  return exitCodes.ok;
}

async function followLogs(runDir: string, printer: LogPrinter): Promise<void> {
  let latest: RunRecord | null = null;
  let printing = Promise.resolve();
  const look = () => {
    const run = latest;
    if (run !== null) printing = printing.then(() => printer.print(run));
  };
  const timer = setInterval(look, lookMs);
  try {
    await follow({
      runDir,
      alive: () => executorAlive(runDir),
      onRecord: (entry, run) => {
        latest = run;
        if (entry.type === "command.finished") look();
      },
    });
  } finally {
    clearInterval(timer);
  }
  look();
  await printing;
}
