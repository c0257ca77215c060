// W7 by our code: `read-ours FILE COUNT`. Opens, verifies and folds a journal into a run record.
import { foldRun } from "../../../src/engine/fold.ts";
import { journalRecords } from "../../../src/host/journal-file.ts";

const record = foldRun(journalRecords(process.argv[2]));
if (record.lastSeq !== Number(process.argv[3])) throw new Error(`${record.lastSeq} records`);
