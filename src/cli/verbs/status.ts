/** `status`: what runs, what waits for whom; tells a live run from a dead one. Exits 0 whatever the result. */
import { join } from "node:path";
import { waitingSteps } from "../../engine/decision.ts";
import { exitCodes, exitNameOf } from "../../engine/exit-codes.ts";
import { isInterrupted, type RunRecord } from "../../engine/run-record.ts";
import { executorAlive } from "../../host/claim.ts";
import { summarize } from "../../host/run-summary.ts";
import { runDirectory, runIds } from "../../host/state-dir.ts";
import { type RunDocument, runDocument } from "../../report/run-json.ts";
import { formatDuration } from "../../util/duration.ts";
import type { Command } from "../command.ts";
import { outcomeText } from "../outcome-text.ts";
import { findRun, loadRun, newestFirst, nextFor } from "../run-lookup.ts";
import { codeOf } from "../watch-run.ts";

export default function status(command: Command): number {
  const { stateDir } = command.project;
  const word = command.args.words[0];
  if (word !== undefined) return statusOfOne(command, findRun(stateDir, word));
  const records = newestFirst(stateDir, runIds(stateDir)).flatMap((id) => {
    const summary = summarize(runDirectory(stateDir, id));
    return summary === null ? [] : [summary.record];
  });
  const documents = records.map((record) => documentOf(stateDir, record));
  if (command.output === "json") command.json({ format: "runbook.runs/1.0", runs: documents });
  else
    command.print(
      records.length === 0 ? `no runs in ${stateDir}` : records.map((record) => line(stateDir, record)).join("\n"),
    );
  return exitCodes.ok;
}

function statusOfOne(command: Command, run: string): number {
  const { stateDir } = command.project;
  const { record, runDir } = loadRun(stateDir, run);
  if (command.output === "json") {
    command.json(documentOf(stateDir, record));
    return exitCodes.ok;
  }
  const interrupted = isInterrupted(record, executorAlive(runDir));
  command.print(
    outcomeText(record, {
      runDir,
      interrupted,
      exitCode: codeOf(record, null),
      refusal: null,
      terminal: command.terminal,
      project: command.project.dir,
    }),
  );
  return exitCodes.ok;
}

/** The `runbook.run/1.0` document of a run that this command did not run. */
export function documentOf(stateDir: string, record: RunRecord): RunDocument {
  const runDir = runDirectory(stateDir, record.run);
  const alive = executorAlive(runDir);
  const interrupted = isInterrupted(record, alive);
  const exitCode =
    interrupted || record.finished !== null || record.result === "waiting" ? codeOf(record, null) : exitCodes.ok;
  return runDocument(record, {
    exitCode,
    exitName: exitNameOf(exitCode),
    dir: runDir,
    report: record.finished === null ? null : join(runDir, "report.md"),
    executorAlive: alive,
    interrupted,
    nextFor: nextFor(record),
  });
}

function line(stateDir: string, record: RunRecord): string {
  const result = isInterrupted(record, executorAlive(runDirectory(stateDir, record.run)))
    ? "interrupted"
    : record.result;
  const waits = waitingSteps(record).map((step) => step.path);
  const age = formatDuration(Date.now() - Date.parse(record.started.at));
  const where = waits.length > 0 ? `waits at ${waits.join(", ")}` : "";
  return `${record.run}  ${result.padEnd(15)} ${record.started.runbook.padEnd(22)} ${record.started.target.padEnd(12)} ${age.padStart(8)} ago  ${where}`.trimEnd();
}
