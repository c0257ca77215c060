/** Diagnostics for programs: JSON, GitHub annotations, JUnit XML, SARIF. Pure. */
import type { Json, JsonObject } from "../util/json.ts";
import { codes } from "./codes.ts";
import type { Diagnostic, Location, Range } from "./diagnostic.ts";
import type { TextOf } from "./render.ts";
import { inert, type LineColumn, LineIndex } from "./text-layout.ts";

function indexer(textOf: TextOf): (file: string) => LineIndex {
  const indexes = new Map<string, LineIndex>();
  return (file) => {
    const index = indexes.get(file) ?? new LineIndex(textOf(file) ?? "");
    indexes.set(file, index);
    return index;
  };
}

/** One diagnostic as plain data: lines and columns 1-based, offsets 0-based, both in UTF-16 code units. */
export interface DiagnosticDocument {
  /** Stable; explained by `runbook validate --explain CODE`. */
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly file: string;
  readonly range: RangeDocument;
  readonly hint: string | null;
  readonly related: readonly { readonly message: string; readonly file: string; readonly range: RangeDocument }[];
}

export interface RangeDocument {
  readonly start: LineColumn & { readonly offset: number };
  readonly end: LineColumn & { readonly offset: number };
}

/** What is printed as `runbook.diagnostics/1.0`. */
export function diagnosticDocuments(diagnostics: readonly Diagnostic[], textOf: TextOf): DiagnosticDocument[] {
  const indexOf = indexer(textOf);
  const rangeJson = ({ file, range }: Location): RangeDocument => ({
    start: point(indexOf(file), range.start),
    end: point(indexOf(file), range.end),
  });
  return diagnostics.map((d) => ({
    code: d.code,
    severity: d.severity,
    message: d.message,
    file: d.at.file,
    range: rangeJson(d.at),
    hint: d.hint ?? null,
    related: (d.related ?? []).map((r) => ({ message: r.message, file: r.at.file, range: rangeJson(r.at) })),
  }));
}

export function toJson(diagnostics: readonly Diagnostic[], textOf: TextOf, files: number): object {
  return {
    format: "runbook.diagnostics/1.0",
    files,
    errors: count(diagnostics, "error"),
    warnings: count(diagnostics, "warning"),
    diagnostics: diagnosticDocuments(diagnostics, textOf),
  };
}

function count(diagnostics: readonly Diagnostic[], severity: Diagnostic["severity"]): number {
  return diagnostics.filter((d) => d.severity === severity).length;
}

function point(index: LineIndex, offset: number): RangeDocument["start"] {
  return { ...index.positionOf(offset), offset };
}

/** Workflow commands of GitHub Actions; https://docs.github.com/actions/reference/workflow-commands-for-github-actions */
export function toGithub(diagnostics: readonly Diagnostic[], textOf: TextOf): string {
  const indexOf = indexer(textOf);
  return diagnostics.map((d) => githubLine(d, indexOf(d.at.file))).join("");
}

function githubLine(d: Diagnostic, index: LineIndex): string {
  const start = index.positionOf(d.at.range.start);
  const end = index.positionOf(d.at.range.end);
  const properties = [
    `file=${githubProperty(d.at.file)}`,
    `line=${start.line}`,
    `col=${start.column}`,
    // GitHub shows columns only when both are on one line.
    ...(end.line === start.line && end.column > start.column ? [`endLine=${end.line}`, `endColumn=${end.column}`] : []),
    `title=${githubProperty(d.code)}`,
  ];
  return `::${d.severity} ${properties.join(",")}::${githubData(inert(sentenceOf(d)))}\n`;
}

function sentenceOf(d: Diagnostic): string {
  return d.hint === undefined ? d.message : `${d.message} ${d.hint}`;
}

function githubData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function githubProperty(text: string): string {
  return githubData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

/** JUnit XML: one suite per file, one case per diagnostic; a file without errors is one passed case. */
export function toJunit(diagnostics: readonly Diagnostic[], textOf: TextOf, files: readonly string[]): string {
  const indexOf = indexer(textOf);
  const errors = count(diagnostics, "error");
  const suites = files.map((file) => {
    const own = diagnostics.filter((d) => d.at.file === file);
    const cases = own.map((d) => junitCase(d, indexOf(file)));
    if (count(own, "error") === 0) cases.unshift(`    <testcase classname="${xml(file)}" name="valid"/>\n`);
    return `  <testsuite name="${xml(file)}" tests="${cases.length}" failures="${count(own, "error")}">\n${cases.join("")}  </testsuite>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="runbook validate" failures="${errors}">\n${suites.join("")}</testsuites>\n`;
}

function junitCase(d: Diagnostic, index: LineIndex): string {
  const { line, column } = index.positionOf(d.at.range.start);
  const name = `${d.code} ${line}:${column}`;
  const head = `    <testcase classname="${xml(d.at.file)}" name="${xml(name)}"`;
  const text = `${d.at.file}:${line}:${column} ${sentenceOf(d)}`;
  if (d.severity === "warning") return `${head}>\n      <system-out>${xml(text)}</system-out>\n    </testcase>\n`;
  return `${head}>\n      <failure type="${xml(d.code)}" message="${xml(d.message)}">${xml(text)}</failure>\n    </testcase>\n`;
}

/** Escapes XML 1.0 text; what it cannot hold at all becomes visible. */
function xml(text: string): string {
  return inert(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/), columns in UTF-16 code units. */
export function toSarif(diagnostics: readonly Diagnostic[], textOf: TextOf, version: string): JsonObject {
  const indexOf = indexer(textOf);
  const used = [...new Set(diagnostics.map((d) => d.code))].sort();
  const location = (at: Location, message?: string): Json => ({
    physicalLocation: { artifactLocation: { uri: encodeURI(at.file) }, region: region(indexOf(at.file), at.range) },
    ...(message === undefined ? {} : { message: { text: message } }),
  });
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "runbook",
            version,
            rules: used.map((id) => ({
              id,
              shortDescription: { text: codes[id]?.title ?? id },
              fullDescription: { text: codes[id]?.explanation ?? id },
            })),
          },
        },
        columnKind: "utf16CodeUnits",
        results: diagnostics.map((d) => ({
          ruleId: d.code,
          ruleIndex: used.indexOf(d.code),
          level: d.severity,
          message: { text: sentenceOf(d) },
          locations: [location(d.at)],
          relatedLocations: (d.related ?? []).map((r) => location(r.at, r.message)),
        })),
      },
    ],
  };
}

function region(index: LineIndex, range: Range): Json {
  const start = index.positionOf(range.start);
  const end = index.positionOf(Math.max(range.end, range.start));
  return { startLine: start.line, startColumn: start.column, endLine: end.line, endColumn: end.column };
}
