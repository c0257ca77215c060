/** Every run of a state directory, as `list` and `history` tell of them: each journal is read once. */
import type { RunResult } from "../../engine/events.ts";
import { isInterrupted, type RunRecord } from "../../engine/run-record.ts";
import { executorAlive } from "../../host/claim.ts";
import { summarize } from "../../host/run-summary.ts";
import { runDirectory, runIds } from "../../host/state-dir.ts";
import type { FinishedRun } from "../../steps/step-type.ts";

export interface PastRun {
  readonly record: RunRecord;
  readonly dir: string;
  /** As of now: a run without a verdict whose executor is gone is `interrupted`. */
  readonly result: RunResult;
}

/** Every run whose journal can be read, newest first, and the ids of those whose journal cannot. */
export function pastRuns(stateDir: string): {
  readonly runs: readonly PastRun[];
  readonly unreadable: readonly string[];
} {
  const runs: PastRun[] = [];
  const unreadable: string[] = [];
  for (const id of runIds(stateDir)) {
    const dir = runDirectory(stateDir, id);
    const summary = summarize(dir);
    if (summary === null) {
      unreadable.push(id);
      continue;
    }
    const { record } = summary;
    runs.push({ record, dir, result: isInterrupted(record, executorAlive(dir)) ? "interrupted" : record.result });
  }
  runs.sort((a, b) => compare(b.record.started.at, a.record.started.at) || compare(a.record.run, b.record.run));
  return { runs, unreadable: unreadable.sort() };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What a step may ask of other runs: those with a verdict, newest end first, `except` left out. */
export function finishedRuns(stateDir: string, except: string): readonly FinishedRun[] {
  return pastRuns(stateDir)
    .runs.flatMap(({ record, dir }): FinishedRun[] => {
      const { started, finished } = record;
      if (finished === null || record.run === except) return [];
      const open = started.inputs.filter(({ sensitive }) => !sensitive);
      return [
        {
          run: record.run,
          runbook: started.runbook,
          version: started.version,
          target: started.target,
          result: record.result,
          finishedAt: finished.at,
          objectives: Object.fromEntries(finished.objectives.map(({ name, actualMs }) => [name, actualMs])),
          inputs: Object.fromEntries(open.map(({ name, value }) => [name, value])),
          // Loaded where it is used: few runs ask.
          problems: async () =>
            (await (await import("../../report/verify.ts")).verifyRun(dir)).problems.map(({ message }) => message),
        },
      ];
    })
    .sort((a, b) => compare(b.finishedAt, a.finishedAt) || compare(a.run, b.run));
}

/** `3d 4h ago`; a moment ahead of this clock counts as now. */
export function agoMs(at: string, now: Date): number {
  return Math.max(0, now.getTime() - Date.parse(at));
}
