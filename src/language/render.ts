/** Diagnostics as text frames for a person. Pure: the same diagnostics give the same text. */
import type { Diagnostic, Location } from "./diagnostic.ts";
import { cellWidth, inert, LineIndex, wrapWords } from "./text-layout.ts";

/** File name, as in `at.file` → its text; undefined shows the diagnostic without a frame. */
export type TextOf = (file: string) => string | undefined;

export interface TextOptions {
  /** Columns; longer messages are wrapped, longer lines cut. Default: no limit. */
  readonly width?: number;
  /** Marks the severity and the carets; default leaves the text as it is. */
  readonly paint?: (text: string, role: "error" | "warning" | "place" | "quiet") => string;
}

/** Columns of a source line that are shown even when the width has no limit. */
const longestLine = 160;
/** UTF-16 code units before and after the place. */
const nearby = 2_000;

export function renderText(diagnostics: readonly Diagnostic[], textOf: TextOf, options: TextOptions = {}): string {
  const indexes = new Map<string, LineIndex>();
  const indexOf = (file: string): LineIndex | undefined => {
    const text = textOf(file);
    if (text === undefined) return undefined;
    const index = indexes.get(file) ?? new LineIndex(text);
    indexes.set(file, index);
    return index;
  };
  return diagnostics.map((d) => renderOne(d, indexOf, options)).join("\n");
}

function renderOne(d: Diagnostic, indexOf: (file: string) => LineIndex | undefined, options: TextOptions): string {
  const paint = options.paint ?? ((text: string) => text);
  const index = indexOf(d.at.file);
  const head = `${place(d.at, index)}  ${paint(d.severity, d.severity)}  ${d.code}\n`;
  const sentence = inert([d.message, d.hint].filter((part) => part !== undefined).join(" "));
  const body = index === undefined ? `  ${sentence}\n` : frame(d, index, sentence, options, paint);
  const related = (d.related ?? []).map((r) => `  ${place(r.at, indexOf(r.at.file))}  ${inert(r.message)}\n`).join("");
  return head + body + related;
}

function place(at: Location, index: LineIndex | undefined): string {
  const file = inert(at.file);
  if (index === undefined) return file;
  const { line, column } = index.positionOf(at.range.start);
  return `${file}:${line}:${column}`;
}

function frame(
  d: Diagnostic,
  index: LineIndex,
  sentence: string,
  options: TextOptions,
  paint: NonNullable<TextOptions["paint"]>,
): string {
  const width = options.width ?? Number.POSITIVE_INFINITY;
  const { line } = index.positionOf(d.at.range.start);
  // Of a line without end only what is near the place is looked at.
  const whole = index.lineText(line);
  const skipped = Math.max(0, Math.min(d.at.range.start - index.lineStart(line) - nearby, whole.length - nearby));
  const raw = whole.slice(skipped, skipped + 2 * nearby);
  const lineStart = index.lineStart(line) + skipped;
  const gutter = Math.max(4, String(line).length + 2);
  const number = (n: number) => paint(`${String(n).padStart(gutter)} | `, "quiet");
  const blank = paint(`${" ".repeat(gutter)} | `, "quiet");
  const from = d.at.range.start - lineStart;
  const to = Math.max(from, Math.min(d.at.range.end - lineStart, raw.length));
  const before = inert(raw.slice(0, from));
  const marked = inert(raw.slice(from, to));
  const after = inert(raw.slice(to));
  const room = width - gutter - 3;
  const lineRoom = Math.min(room, longestLine);
  // A place far to the right moves into view, and says that something stands before it.
  const start = cellWidth(before);
  const length = Math.max(1, cellWidth(marked));
  const shift = start + Math.min(length, 20) > lineRoom ? Math.max(0, start - Math.floor(lineRoom / 2)) : 0;
  const full = before + marked + after;
  const shown = cut(shift === 0 ? full : `…${dropCells(full, shift + 1)}`, lineRoom);
  const column = start - shift;
  const carets = "^".repeat(Math.max(1, Math.min(length, lineRoom - column)));
  let out = "";
  const context = contextLine(index, line);
  if (context !== null) out += `${number(context)}${cut(inert(index.lineText(context)), lineRoom)}\n`;
  out += `${number(line)}${shown}\n`;
  const inline = column + carets.length + 1 + cellWidth(sentence);
  if (inline <= room) return `${out}${blank}${" ".repeat(column)}${paint(carets, "place")} ${sentence}\n`;
  out += `${blank}${" ".repeat(column)}${paint(carets, "place")}\n`;
  for (const part of wrapWords(sentence, Math.max(20, room))) out += `${blank}${part}\n`;
  return out;
}

/** The line before, when it opens the list item the problem stands in: `- id: deploy`. */
function contextLine(index: LineIndex, line: number): number | null {
  if (line < 2) return null;
  const previous = index.lineText(line - 1);
  const own = index.lineText(line);
  const opens = /^(\s*)- \S/.exec(previous);
  if (opens === null) return null;
  const indent = own.length - own.trimStart().length;
  return indent > opens[1]!.length && !own.trimStart().startsWith("- ") ? line - 1 : null;
}

function cut(text: string, room: number): string {
  if (cellWidth(text) <= room) return text.trimEnd();
  let out = "";
  let cells = 0;
  for (const char of text) {
    cells += cellWidth(char);
    if (cells > room - 1) break;
    out += char;
  }
  return `${out}…`;
}

function dropCells(text: string, count: number): string {
  let cells = 0;
  let i = 0;
  for (const char of text) {
    if (cells >= count) break;
    cells += cellWidth(char);
    i += char.length;
  }
  return text.slice(i);
}
