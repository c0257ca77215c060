/** Finds runs by id, unique prefix or `last`, and says how to answer them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ApprovalRecord, RunRecord } from "../../engine/run-record.ts";
import { firstRecord, foldJournal, journalName } from "../../host/journal-file.ts";
import { runDirectory, runIds } from "../../host/state-dir.ts";
import { closest } from "../../util/closest.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { counted } from "../terminal/text-table.ts";
import type { SeenRun } from "./follow.ts";

/** Throws `UsageError` when nothing, or more than one run, fits. */
export function findRun(stateDir: string, word: string | undefined): string {
  const ids = runIds(stateDir);
  if (word === undefined || word === "last") {
    const newest = newestFirst(stateDir, ids)[0];
    if (newest === undefined) throw new UsageError(`there is no run in ${stateDir}`, "runbook list");
    return newest;
  }
  const found = ids.filter((id) => id === word || id.startsWith(word) || id.startsWith(`rb-${word}`));
  if (found.length === 1) return found[0] as string;
  if (found.length === 0) {
    const near = closest(word, ids);
    const hint = near === undefined ? ` in ${stateDir}` : `. Did you mean "${near}"?`;
    const ofIt = newestFirst(stateDir, ids).find((id) => startOf(stateDir, id)?.runbook === word);
    if (ofIt !== undefined)
      throw new UsageError(`"${word}" is a runbook; a run is named by its id`, `runbook status ${ofIt}`);
    throw new UsageError(
      `there is no run "${word}"${hint}`,
      near === undefined ? "runbook history" : `runbook status ${near}`,
    );
  }
  throw new UsageError(`"${word}" fits ${found.length} runs: ${found.sort().join(", ")}`, "runbook history");
}

function newestFirst(stateDir: string, ids: readonly string[]): string[] {
  return ids
    .map((id) => ({ id, at: startOf(stateDir, id)?.at ?? "" }))
    .sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0))
    .map(({ id }) => id);
}

function startOf(stateDir: string, id: string) {
  return firstRecord(runDirectory(stateDir, id));
}

export interface LoadedRun extends SeenRun {
  readonly runDir: string;
}

/** The record of a run. Throws `JournalCorrupt`, and `UsageError` when the run never wrote a record. */
export function loadRun(stateDir: string, run: string): LoadedRun {
  const runDir = runDirectory(stateDir, run);
  // Killed, or without power, before its first record: the name of the journal may be missing as well.
  const journal = existsSync(join(runDir, journalName)) ? foldJournal(runDir) : null;
  if (journal === null || journal.record === null)
    throw new UsageError(`${run} has no record: it never started`, `rm -r '${runDir.replaceAll("'", "'\\''")}'`);
  return { record: journal.record, goodBytes: journal.goodBytes, runDir };
}

/** Runs that a look at all of them leaves out are named. */
export function sayUnreadable(command: Pick<Command, "say">, unreadable: readonly string[]): void {
  if (unreadable.length === 0) return;
  command.say(`${counted(unreadable.length, "run")} without a readable journal: ${unreadable.join(", ")}`);
  command.say(`next: runbook verify ${unreadable[0]}`);
}

/** The command that answers what a step waits for. */
export function nextFor(record: RunRecord): (step: string, kind: ApprovalRecord["request"]["kind"]) => string {
  return (step, kind) => {
    if (kind === "indeterminate")
      return `runbook resume ${record.run} --accept ${step} --reason "…"   or   --retry ${step}`;
    return `runbook approve ${record.run} --step ${step}${record.started.protected ? " --sign KEY" : ""}`;
  };
}
