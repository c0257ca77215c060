// Limit of W4: parses every file of a folder with positions and checks it against the precompiled schema, no more.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import runbook from "precompiled-runbook-schema.mjs";
import { LineCounter, parseDocument } from "yaml";

let bad = 0;
for (const name of readdirSync(process.argv[2])) {
  const lineCounter = new LineCounter();
  const document = parseDocument(readFileSync(join(process.argv[2], name), "utf8"), { lineCounter, version: "1.2" });
  if (document.errors.length > 0 || !runbook(document.toJS())) bad++;
}
if (bad > 0) throw new Error(`${bad} files do not pass the bare check`);
