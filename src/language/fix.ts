/**
 * Repairs what is mechanical: the edits diagnostics carry, and the line by which editors find the schema. An edit stays
 * only when the text is better with it, so a repair never makes a text worse and never touches anything else.
 */
import { yamlCodes } from "./codes/yaml-codes.ts";
import type { Diagnostic, Edit } from "./diagnostic.ts";

export interface Fixed {
  readonly text: string;
  /** What was put right, in the order it was done; `line` is 1-based in the text as it was then. */
  readonly applied: readonly { readonly code: string; readonly line: number }[];
}

export interface FixOptions {
  /** What is wrong in a text; diagnostics of other files must be left out. */
  readonly diagnose: (text: string) => readonly Diagnostic[];
  /** Address of the schema relative to the file, for a missing first line; null adds none. */
  readonly schema: string | null;
}

export const runbookSchemaPath = "../schemas/runbook.v1.schema.json";
export const configSchemaPath = "./schemas/config.v1.schema.json";

/** Each round mends at least one place; a text has no more that could be mended by a machine. */
const mostRounds = 200;

/** Repairs a text. A text that is no runbook at all stays as it is. Never throws; repairing twice is repairing once. */
export function fixRunbook(text: string, { diagnose, schema }: FixOptions): Fixed {
  const applied: { code: string; line: number }[] = [];
  let current = text;
  let found = diagnose(current);
  if (found.some(({ code }) => code === "not-a-runbook" || code === "empty-file")) return { text, applied };
  if (schema !== null && !/^#[ \t]*yaml-language-server:/m.test(leadingComments(current))) {
    current = withSchemaLine(current, schema);
    found = diagnose(current);
    applied.push({ code: "schema-line", line: 1 });
  }
  const useless = new Set<string>();
  for (let round = 0; round < mostRounds; round++) {
    const next = found.find(({ code, at, fix }) => fix !== undefined && !useless.has(`${code} ${at.range.start}`));
    if (next === undefined) break;
    const attempt = applyEdits(current, next.fix!);
    const after = diagnose(attempt);
    if (attempt === current || !isBetter([current, found], [attempt, after])) {
      useless.add(`${next.code} ${next.at.range.start}`);
      continue;
    }
    applied.push({ code: next.code, line: lineAt(current, next.at.range.start) });
    current = attempt;
    found = after;
    useless.clear();
  }
  return { text: current, applied };
}

/** Applies edits that do not overlap; of two that do, the first wins. */
function applyEdits(text: string, edits: readonly Edit[]): string {
  let out = "";
  let at = 0;
  for (const { range, text: replacement } of [...edits].sort((a, b) => a.range.start - b.range.start)) {
    if (range.start < at) continue;
    out += text.slice(at, range.start) + replacement;
    at = range.end;
  }
  return out + text.slice(at);
}

type State = readonly [text: string, found: readonly Diagnostic[]];

function isBetter(before: State, after: State): boolean {
  const [was, is] = [unread(before), unread(after)];
  // While the text is not YAML only its first error is known, and mending it uncovers the next.
  return was > 0 ? is < was : is === 0 && errorsIn(after[1]) < errorsIn(before[1]);
}

/** These are found in texts that are YAML. */
const readable: readonly string[] = ["comma-in-flow", "hash-in-plain"];

/** Characters from the first error of YAML to the end; 0 when the text is YAML. */
function unread([text, found]: State): number {
  const first = found.find(({ code }) => Object.hasOwn(yamlCodes, code) && !readable.includes(code));
  return first === undefined ? 0 : text.length - first.at.range.start + 1;
}

function errorsIn(diagnostics: readonly Diagnostic[]): number {
  return diagnostics.filter(({ severity }) => severity === "error").length;
}

function leadingComments(text: string): string {
  return /^\uFEFF?(?:[ \t]*(?:#[^\r\n]*)?(?:\r?\n|$))*/.exec(text)?.[0] ?? "";
}

function withSchemaLine(text: string, schema: string): string {
  const mark = text.startsWith("\uFEFF") ? "\uFEFF" : "";
  const newline = /\r?\n/.exec(text)?.[0] ?? "\n";
  return `${mark}# yaml-language-server: $schema=${schema}${newline}${text.slice(mark.length)}`;
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
