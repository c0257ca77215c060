// W7 by our code: `read-ours FILE COUNT`. Opens, verifies and folds a run's journal into a run record.
import { dirname } from "node:path";
import { foldJournal } from "../../../src/host/journal-file.ts";

const { record, seq } = foldJournal(dirname(process.argv[2]));
if (record.lastSeq !== seq || seq !== Number(process.argv[3])) throw new Error(`${seq} records`);
