/** What is written beside the journal when a run has its verdict: report, statement, digests. */
import { rmdirSync } from "node:fs";
import { join } from "node:path";
import type { RunRecord } from "../../engine/run-record.ts";
import { replaceFile } from "../../host/durable-file.ts";
import { failpoint } from "../../host/failpoints.ts";
import { journalName, readRecords } from "../../host/journal-file.ts";
import { readSealedText } from "../../host/sealed-run.ts";
import type { AddendumContext } from "../../report/addendum.ts";
import { approverKeysOf, loadAddendum } from "../../report/addendum-file.ts";
import { withAddendumHtml, withAddendumMarkdown } from "../../report/addendum-text.ts";
import { evidenceDocument, evidenceFile } from "../../report/evidence.ts";
import { htmlDocument } from "../../report/html.ts";
import type { PrivateKey } from "../../report/keys.ts";
import { markdownDocument } from "../../report/markdown.ts";
import { digestsOf, formatSums, sumsFile } from "../../report/sums.ts";
import type { Document } from "../../report/text-sink.ts";
import { type ReportView, reportView } from "../../report/view.ts";
import type { JsonObject } from "../../util/json.ts";

/**
 * Report → evidence.json → what the project gets → SHA256SUMS, each replaced as a whole; repeatable after a crash in
 * between, because the sums are last.
 */
export async function writeEvidence(
  runDir: string,
  record: RunRecord,
  key: PrivateKey | null,
  publish: () => Promise<void>,
): Promise<void> {
  failpoint("report.before_rename");
  const view = viewOf(runDir, record);
  replaceFile(join(runDir, "report.md"), await markdownDocument(view, layoutOf(runDir, record)));
  replaceFile(join(runDir, "report.html"), htmlDocument(view));
  failpoint("report.before_dirsync");
  try {
    rmdirSync(join(runDir, "inbox"));
  } catch {
    // absent, or a late message lies in it
  }
  const digests = digestsOf(runDir);
  // One that a killed executor left is replaced.
  digests.delete(evidenceFile);
  replaceFile(join(runDir, evidenceFile), evidenceDocument(record, digests, key));
  await publish();
  failpoint("report.before_sums");
  replaceFile(join(runDir, sumsFile), formatSums(digestsOf(runDir, digests)));
}

/**
 * The report of a run directory, from its journal's record and its sealed files alone, and below it what people added
 * after the seal. Without an addendum these are the bytes of the sealed report.
 */
export async function reportDocument(
  runDir: string,
  record: RunRecord,
  format: "md" | "html" = "md",
  /** Text of another layout than the sealed one. */
  layout: string | null = null,
): Promise<Document> {
  const view = viewOf(runDir, record);
  const addendum = loadAddendum(runDir, () => addendumContext(runDir));
  return format === "md"
    ? withAddendumMarkdown(await markdownDocument(view, layout ?? layoutOf(runDir, record)), addendum)
    : withAddendumHtml(htmlDocument(view), addendum);
}

/** What an addendum of this run may speak about, and whose signatures in it count. */
export function addendumContext(runDir: string): AddendumContext {
  let run: string | null = null;
  const seals = new Set<string>();
  readRecords(join(runDir, journalName), (entry) => {
    run = entry.run;
    if (entry.type === "run.sealed") seals.add(entry.hash);
  });
  const config: unknown = JSON.parse(readSealedText(runDir, "config.json"));
  return {
    run,
    seals,
    keys: approverKeysOf(config as JsonObject),
  };
}

function layoutOf(runDir: string, record: RunRecord): string | null {
  const layout = record.started.keeping?.layout ?? null;
  return layout === null ? null : readSealedText(runDir, layout);
}

function viewOf(runDir: string, record: RunRecord): ReportView {
  const runbookYaml = readSealedText(runDir, "runbook.yaml");
  const config = JSON.parse(readSealedText(runDir, "config.json"));
  return reportView(record, { runbookYaml, config });
}
