/** Complete run directories for tests, and ways to spoil them. */
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evidenceDocument, evidenceFile } from "../../src/report/evidence.ts";
import type { PrivateKey } from "../../src/report/keys.ts";
import { renderInLayout } from "../../src/report/layout.ts";
import { renderMarkdown } from "../../src/report/markdown.ts";
import { digestsOf, formatSums, sumsFile } from "../../src/report/sums.ts";
import { collected } from "../../src/report/text-sink.ts";
import { reportView } from "../../src/report/view.ts";
import type { JournalBuilder } from "./journal-builder.ts";

export const tool = "0.1.0";

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), "runbook-report-"));
}

export function removeDirectory(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
}

export interface WriteOptions {
  readonly key?: PrivateKey;
  /** A report layout of one's own. */
  readonly template?: string;
}

/** Writes the journal, the files it names, and what closes a run directory: report, statement, digests. */
export function writeRun(dir: string, builder: JournalBuilder, options: WriteOptions = {}): void {
  builder.write(dir);
  const record = builder.fold();
  const write = (path: string, text: string) => writeFileSync(join(dir, path), text, { mode: 0o600 });
  const view = reportView(record, {
    runbookYaml: builder.files.get("runbook.yaml") ?? "",
    config: JSON.parse(builder.files.get("config.json") ?? "null"),
  });
  write("report.md", options.template === undefined ? renderMarkdown(view) : renderInLayout(view, options.template));
  write(evidenceFile, collected(evidenceDocument(record, digestsOf(dir), options.key ?? null)));
  write(sumsFile, formatSums(digestsOf(dir)));
}

export function pathsIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((path) => lstatSync(join(dir, path)).isFile())
    .sort();
}

/** A small generator, so that a failing case can be made again from its number. */
export function randomFrom(seed: number): (below: number) => number {
  let state = (seed * 2654435761 + 1) >>> 0;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

/** Changes some bytes of a file; never returns the same bytes. */
export function spoilBytes(original: Buffer, random: (below: number) => number): { what: string; bytes: Buffer } {
  const at = random(original.length + 1);
  const lines = original.toString("latin1").split(/(?<=\n)/);
  const a = random(lines.length);
  const b = random(lines.length);
  const noise = Buffer.from(Array.from({ length: 1 + random(20) }, () => random(256)));
  const edits: [string, () => Buffer][] = [
    ["flip a bit", () => flipBit(original, random)],
    ["cut the end", () => original.subarray(0, random(Math.max(1, original.length)))],
    ["cut out bytes", () => Buffer.concat([original.subarray(0, at), original.subarray(at + 1 + random(40))])],
    ["put in bytes", () => Buffer.concat([original.subarray(0, at), noise, original.subarray(at)])],
    ["put a line twice", () => joined([...lines.slice(0, a), lines[a] ?? "", ...lines.slice(a)])],
    ["take a line out", () => joined(lines.filter((_, i) => i !== a))],
    ["swap two lines", () => joined(lines.map((line, i) => lines[i === a ? b : i === b ? a : i] ?? line))],
    ["only noise", () => noise],
    ["add a newline", () => Buffer.concat([original, Buffer.from("\n")])],
    ["empty it", () => Buffer.alloc(0)],
  ];
  for (;;) {
    const [what, edit] = edits[random(edits.length)] as [string, () => Buffer];
    const bytes = edit();
    if (!bytes.equals(original)) return { what, bytes };
    if (original.length === 0) return { what: "fill it", bytes: noise };
  }
}

function flipBit(original: Buffer, random: (below: number) => number): Buffer {
  const bytes = Buffer.from(original);
  const at = random(bytes.length);
  if (bytes.length > 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
  return bytes;
}

function joined(lines: readonly string[]): Buffer {
  return Buffer.from(lines.join(""), "latin1");
}

export function readAll(dir: string): Map<string, Buffer> {
  return new Map(pathsIn(dir).map((path) => [path, readFileSync(join(dir, path))]));
}
