/** Writes what `run` and `resume` leave for other readers when they end: `--report`, and the files GitHub Actions reads. */
import { appendFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { RunRecord } from "../../engine/run-record.ts";
import { type Content, makeDirectory, replaceFile } from "../../host/durable-file.ts";
import { ctrfReport } from "../../report/ctrf.ts";
import { githubAnnotations, githubSummary } from "../../report/github.ts";
import { junitReport } from "../../report/junit.ts";
import { prometheusReport } from "../../report/prometheus.ts";
import { type RunDocumentExtras, runDocument } from "../../report/run-json.ts";
import { collected } from "../../report/text-sink.ts";
import type { Command } from "../command.ts";
import { reportDocument } from "../execute/evidence-files.ts";
import { extensions, type ReportFormat, reportRequests } from "./report-requests.ts";
import { placesIn } from "./step-places.ts";

/**
 * Writes what was asked for, and under GitHub Actions annotations, step summary and outputs. A report that cannot be
 * written is said and changes no exit code: the evidence lies in the run directory.
 */
export async function writeReports(
  command: Command,
  runDir: string,
  record: RunRecord,
  extras: RunDocumentExtras,
): Promise<void> {
  const attempt = async (what: string, write: () => Promise<void>) => {
    try {
      await write();
    } catch (error) {
      command.say(`${what} was not written: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  for (const { format, path } of reportRequests(command)) {
    const file = path ?? resolve(command.cwd, `${record.run}.${extensions[format]}`);
    await attempt(file, async () => {
      makeDirectory(dirname(file));
      replaceFile(file, await contentOf(format, runDir, record, extras), 0o644);
    });
  }
  if (process.env["GITHUB_ACTIONS"] === "true") {
    await attempt("the step summary", () => forGithub(runDir, record, extras));
  }
}

async function contentOf(
  format: ReportFormat,
  runDir: string,
  record: RunRecord,
  extras: RunDocumentExtras,
): Promise<Content> {
  switch (format) {
    case "md":
    case "html":
      return await reportDocument(runDir, record, format);
    case "json":
      return `${JSON.stringify(runDocument(record, extras), null, 2)}\n`;
    case "junit":
      return junitReport(record);
    case "ctrf":
      return ctrfReport(record);
    case "prom":
      return prometheusReport(record);
  }
}

async function forGithub(runDir: string, record: RunRecord, extras: RunDocumentExtras): Promise<void> {
  // On standard error: standard output is data. The runner reads commands from both.
  for (const line of githubAnnotations(record, placesIn(runDir, record))) process.stderr.write(`${line}\n`);
  const summary = process.env["GITHUB_STEP_SUMMARY"];
  if (summary) {
    const report = collected(await reportDocument(runDir, record));
    appendFileSync(summary, `${githubSummary(report, runDir)}\n`);
  }
  const outputs = process.env["GITHUB_OUTPUT"];
  if (outputs) {
    appendFileSync(outputs, `result=${record.result}\nrun-id=${record.run}\nreport=${extras.report ?? ""}\n`);
  }
}
