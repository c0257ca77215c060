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
import { findRun, loadRun, nextFor, sayUnreadable } from "../follow/run-lookup.ts";
import { codeOf, watchRun } from "../follow/watch-run.ts";
import { pastRuns } from "../project/past-runs.ts";
import { outcomeText } from "../terminal/outcome-text.ts";

/** Many journals are looked at this often. */
const lookMs = 250;

export default async function status(command: Command): Promise<number> {
  const { stateDir } = command.project;
  const word = command.args.words[0];
  const watches = command.args.on("watch");
  if (word !== undefined) {
    const run = findRun(stateDir, word);
    if (!watches) return await statusOfOne(command, run);
    await watchRun(command, { run, executor: null, keys: false });
    return exitCodes.ok;
  }
  if (watches) await watchAll(command);
  const { runs, unreadable } = pastRuns(stateDir);
  const records = runs.map(({ record }) => record);
  const documents = records.map((record) => documentOf(stateDir, record));
  if (command.output === "json") command.json({ format: "runbook.runs/1.0", runs: documents });
  else
    command.print(
      records.length === 0 ? `no runs in ${stateDir}` : records.map((record) => line(stateDir, record)).join("\n"),
    );
  sayUnreadable(command, unreadable);
  return exitCodes.ok;
}

/** A line on stderr whenever a run moves, until no executor is alive. */
async function watchAll(command: Command): Promise<void> {
  const { stateDir } = command.project;
  const shown = new Map<string, string>();
  for (;;) {
    let isAnyAlive = false;
    for (const run of runIds(stateDir)) {
      const runDir = runDirectory(stateDir, run);
      const isAlive = executorAlive(runDir);
      const before = shown.get(run);
      isAnyAlive ||= isAlive;
      // Nobody writes it, and its last state was told.
      if (!isAlive && before !== undefined && !before.includes('"running"')) continue;
      const record = summarize(runDir)?.record;
      if (record === undefined) continue;
      const now = stateOf(record, isAlive);
      if (before !== now && (before !== undefined || record.finished === null)) command.say(line(stateDir, record));
      shown.set(run, now);
    }
    if (!isAnyAlive) return;
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

/** What of a run is worth a line when it changes. */
function stateOf(record: RunRecord, isAlive: boolean): string {
  const running = [...record.steps.values()].filter((step) => step.status === "running").map((step) => step.path);
  return JSON.stringify([isInterrupted(record, isAlive) ? "interrupted" : record.result, running]);
}

async function statusOfOne(command: Command, run: string): Promise<number> {
  const { stateDir } = command.project;
  const { record, runDir } = loadRun(stateDir, run);
  if (command.output === "json") {
    command.json(documentOf(stateDir, record));
    return exitCodes.ok;
  }
  const interrupted = isInterrupted(record, executorAlive(runDir));
  const { placesOfFailure } = await import("../follow/step-places.ts");
  const placeOf = placesOfFailure(runDir, record);
  command.print(
    outcomeText(record, {
      runDir,
      interrupted,
      exitCode: codeOf(record, null),
      refusal: null,
      terminal: command.terminal,
      project: command.project.dir,
      placeOf,
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
  const at = [...record.steps.values()].filter((step) => step.status === "running" && step.action !== "");
  const where =
    waits.length > 0
      ? `waits at ${waits.join(", ")}`
      : result === "running" && at.length > 0
        ? `at ${at.map((step) => step.path).join(", ")}`
        : "";
  return `${record.run}  ${result.padEnd(15)} ${record.started.runbook.padEnd(22)} ${record.started.target.padEnd(12)} ${age.padStart(8)} ago  ${where}`.trimEnd();
}
