/** What `status` and the locks need to know of a run that is not ours. */
import type { RunRecord } from "../engine/run-record.ts";
import { foldJournal } from "./journal-file.ts";

export interface RunSummary {
  readonly record: RunRecord;
  readonly result: RunRecord["result"];
  /** What runs or waits now. */
  readonly step: string | null;
  readonly holdsLock: boolean;
}

/** Null when there is no readable journal yet. Throws `JournalCorrupt` never: a damaged run has no summary. */
export function summarize(runDir: string): RunSummary | null {
  try {
    const { record } = foldJournal(runDir);
    if (record === null) return null;
    const steps = [...record.steps.values()];
    // A group runs as long as what it holds: the step itself comes after it.
    const current =
      steps.find(({ status }) => status === "waiting" || status === "indeterminate") ??
      steps.findLast(({ status }) => status === "running");
    return { record, result: record.result, step: current?.path ?? null, holdsLock: record.locks.size > 0 };
  } catch {
    return null;
  }
}
