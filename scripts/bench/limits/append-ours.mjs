// W3 by our journal: the same count and size, hash-chained.
import { mkdtempSync } from "node:fs";
import { dirname, join } from "node:path";
import { JournalWriter } from "../../../src/host/journal-file.ts";

const directory = mkdtempSync(join(dirname(process.argv[3]), "journal-"));
const writer = JournalWriter.create(directory, "rb-bench2", () => new Date());
const why = "x".repeat(870);
for (let nth = 0; nth < Number(process.argv[2]); nth++) {
  writer.append({ type: "step.skipped", step: "step", title: "Step", why });
  writer.flush();
}
