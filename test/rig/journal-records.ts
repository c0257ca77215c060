/** All records of a journal file, verified. */
import type { JournalRecord } from "../../src/engine/events.ts";
import { type JournalEnd, readRecords } from "../../src/host/journal-file.ts";

/** Throws as `readRecords`. */
export function readJournalFile(file: string): JournalEnd & { readonly records: readonly JournalRecord[] } {
  const records: JournalRecord[] = [];
  const end = readRecords(file, (record) => records.push(record));
  return { records, ...end };
}
