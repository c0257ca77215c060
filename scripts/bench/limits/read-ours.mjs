// W7 by our code: `read-ours DIRECTORY COUNT`. Opens, verifies and folds a run's journal into a run record.
import { foldJournal } from "../../../src/host/journal-file.ts";

const { record, seq } = foldJournal(process.argv[2]);
if (record.lastSeq !== seq || seq !== Number(process.argv[3])) throw new Error(`${seq} records`);
