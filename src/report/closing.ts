/** The documents that close a run directory once its journal is sealed. Reads the directory, writes nothing. */
import { createHash } from "node:crypto";
import type { RunRecord } from "../engine/run-record.ts";
import { evidenceFile, evidenceText } from "./evidence.ts";
import type { PrivateKey } from "./keys.ts";
import { renderMarkdown } from "./markdown.ts";
import { digestsOf, formatSums, sumsFile } from "./sums.ts";
import { type ReportSources, reportView } from "./view.ts";

export interface ClosingOptions {
  /** Signs `evidence.json`; null = unsigned. */
  readonly key: PrivateKey | null;
  /** The runbook's own report layout; null = the packaged one. */
  readonly template: string | null;
}

export interface ClosingDocument {
  readonly path: string;
  readonly text: string;
}

/**
 * `report.md`, `evidence.json` and `SHA256SUMS`, in the order to write them, durably, each replaced as a whole. Every
 * other file has to be in its final state. Throws `TemplateError` when the runbook's own layout does not render.
 */
export function closingDocuments(
  dir: string,
  record: RunRecord,
  sources: ReportSources,
  options: ClosingOptions,
): ClosingDocument[] {
  const view = reportView(record, sources);
  const documents: ClosingDocument[] = [
    { path: "report.md", text: renderMarkdown(view, options.template ?? undefined) },
  ];
  const digests = digestsOf(dir);
  digests.delete(evidenceFile);
  for (const document of documents) digests.set(document.path, sha256(document.text));
  const evidence = { path: evidenceFile, text: evidenceText(record, digests, options.key) };
  digests.set(evidence.path, sha256(evidence.text));
  return [...documents, evidence, { path: sumsFile, text: formatSums(digests) }];
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
