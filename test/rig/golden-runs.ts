/** Writes the golden run directories of this version: complete, signed and annotated, from the stories of the tests. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { addendumLine } from "../../src/report/addendum.ts";
import { evidenceDocument } from "../../src/report/evidence.ts";
import { renderHtml } from "../../src/report/html.ts";
import { renderMarkdown } from "../../src/report/markdown.ts";
import { digestsOf, formatSums } from "../../src/report/sums.ts";
import { collected } from "../../src/report/text-sink.ts";
import { reportView } from "../../src/report/view.ts";
import { approver } from "./journal-builder.ts";
import { stories } from "./run-stories.ts";
import { testKey } from "./test-keys.ts";

export const goldenNames = ["rolled-back", "succeeded"] as const;

/** `succeeded` is signed and has an addendum; `rolled-back` has neither. */
export function writeGolden(name: (typeof goldenNames)[number], dir: string): void {
  const isSigned = name === "succeeded";
  const key = isSigned ? testKey("evidence") : null;
  const builder = key === null ? stories.rolledBack() : stories.succeeded(key.id);
  builder.write(dir);
  const record = builder.fold();
  const view = reportView(record, {
    runbookYaml: builder.files.get("runbook.yaml") ?? "",
    config: JSON.parse(builder.files.get("config.json") ?? "null"),
  });
  const write = (path: string, text: string) => writeFileSync(join(dir, path), text);
  write("report.md", renderMarkdown(view));
  write("report.html", renderHtml(view));
  write("evidence.json", collected(evidenceDocument(record, digestsOf(dir), key)));
  write("SHA256SUMS", formatSums(digestsOf(dir)));
  if (isSigned) write("addendum.ndjson", addendum(builder.run, `sha256:${builder.headHash}`));
}

function addendum(run: string, head: string): string {
  const entries = [
    { type: "finding.added", text: "none" },
    { type: "action.added", text: "Alert on p95 above 600 ms", owner: "sre-oncall", due: "2026-04-30", ticket: null },
    { type: "signoff.added", role: "head of operations" },
  ] as const;
  let hash = "0".repeat(64);
  return entries
    .map((entry, index) => {
      const place = { seq: index + 1, at: "2026-03-20T10:00:00.000Z", run, head, by: approver };
      const made = addendumLine(place, entry, hash, testKey("approver"));
      hash = made.hash;
      return made.line;
    })
    .join("");
}
