/** Whether a run is over, and whether its evidence is complete. Loads nothing that renders. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { RunRecord } from "../../engine/run-record.ts";
import { journalName } from "../../host/journal-file.ts";
import { digestFile } from "../../report/run-files.ts";
import { parseSums, sumsFile } from "../../report/sums.ts";
import { CommandError } from "../errors.ts";

/** Ended in a way that leaves nothing to go on with. */
export function isOver({ result }: RunRecord): boolean {
  return result === "succeeded" || result === "rolled_back" || result === "refused";
}

export function nothingToResume({ run, result }: RunRecord): CommandError {
  return new CommandError(
    "refused",
    `${run} has ended as ${result}; there is nothing to resume`,
    `runbook report ${run}`,
  );
}

/** A verdict stands, but its executor was killed before the evidence was complete. `SHA256SUMS` is written last. */
export function owesEvidence(runDir: string, record: RunRecord): boolean {
  if (record.finished === null) return false;
  const file = join(runDir, sumsFile);
  if (record.sealed === null || !existsSync(file)) return true;
  return parseSums(readFileSync(file, "utf8"))?.get(journalName) !== digestFile(runDir, journalName).sha256;
}
