/**
 * Texts with `${{ expression }}` holes. A hole ends at the first `}}` outside the expression's strings and braces;
 * `$${{` writes `${{`. A text that is one hole keeps the type of its value; in a longer text the value becomes text.
 */
import type { Evaluation } from "./cel/cel.ts";
import { toJson } from "./cel/values.ts";
import type { Range } from "./diagnostic.ts";

export interface Hole {
  readonly kind: "hole";
  /** Without surrounding blanks. */
  readonly expression: string;
  /** Of the expression inside the text. */
  readonly range: Range;
  /** With `${{` and `}}`. */
  readonly outer: Range;
}

export type TemplatePart = { readonly kind: "text"; readonly text: string } | Hole;

/** What is wrong with the holes of a text; `range` is relative to the text. */
export interface TemplateProblem {
  readonly code: "unclosed-hole" | "empty-hole";
  readonly message: string;
  readonly range: Range;
  readonly hint: string;
}

export interface Template {
  readonly parts: readonly TemplatePart[];
  readonly problems: readonly TemplateProblem[];
  /** The text is one hole and nothing else: its value keeps its type. */
  readonly isWholeHole: boolean;
}

const memo = new Map<string, Template>();

/** Splits a text at its holes. Never throws; the same text gives the same object. */
export function parseTemplate(text: string): Template {
  const known = memo.get(text);
  if (known !== undefined) return known;
  const template = parseNow(text);
  if (memo.size >= 5000) memo.clear();
  if (text.length <= 10_000) memo.set(text, template);
  return template;
}

/** The holes of a text, in order. */
export function holesOf(text: string): readonly Hole[] {
  return parseTemplate(text).parts.filter((part): part is Hole => part.kind === "hole");
}

/** Whether a text is one hole and nothing else. */
export function isWholeHole(text: string): boolean {
  return parseTemplate(text).isWholeHole;
}

function parseNow(text: string): Template {
  const parts: TemplatePart[] = [];
  const problems: TemplateProblem[] = [];
  let literal = "";
  let at = 0;
  for (;;) {
    const open = text.indexOf("${{", at);
    if (open === -1) break;
    if (text[open - 1] === "$" && open > at) {
      literal += `${text.slice(at, open - 1)}\${{`;
      at = open + 3;
      continue;
    }
    const close = endOfHole(text, open + 3);
    if (close === null) {
      problems.push({
        code: "unclosed-hole",
        message: "This hole has no end.",
        range: { start: open, end: text.length },
        hint: "Close it with }}, or write $${{ for the characters ${{ themselves.",
      });
      break;
    }
    literal += text.slice(at, open);
    if (literal !== "") parts.push({ kind: "text", text: literal });
    literal = "";
    at = close + 2;
    const hole = holeOf(text, open, close);
    parts.push(hole);
    if (hole.expression === "") {
      problems.push({
        code: "empty-hole",
        message: "This hole is empty.",
        range: hole.outer,
        hint: "Write an expression between ${{ and }}.",
      });
    }
  }
  literal += text.slice(at);
  if (literal !== "" || parts.length === 0) parts.push({ kind: "text", text: literal });
  return { parts, problems, isWholeHole: parts.length === 1 && parts[0]!.kind === "hole" };
}

function holeOf(text: string, open: number, close: number): Hole {
  const inner = text.slice(open + 3, close);
  const expression = inner.trim();
  const start = open + 3 + (inner.length - inner.trimStart().length);
  const range = expression === "" ? { start: open + 3, end: close } : { start, end: start + expression.length };
  return { kind: "hole", expression, range, outer: { start: open, end: close + 2 } };
}

/** Offset of the closing `}}`, or null. */
function endOfHole(text: string, from: number): number | null {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const char = text[at]!;
    if (char === "{") depth++;
    else if (char === "}" && depth > 0) depth--;
    else if (char === "}" && text[at + 1] === "}") return at;
    else if (char === '"' || char === "'") {
      const end = endOfString(text, at);
      if (end === null) return null;
      at = end;
    }
  }
  return null;
}

/** Offset of the last quote of a CEL string that begins at an offset: one or three quotes, `r` before it = no escapes. */
function endOfString(text: string, start: number): number | null {
  const quote = text[start]!;
  const mark = text.startsWith(quote.repeat(3), start) ? quote.repeat(3) : quote;
  for (let at = start + mark.length; at < text.length; at++) {
    // The grammar's reader skips the character after a backslash in raw strings as well.
    if (text[at] === "\\") at++;
    else if (text.startsWith(mark, at)) return at + mark.length - 1;
  }
  return null;
}

/** Evaluates the expression of a hole. */
export type Evaluate = (expression: string) => Evaluation;

export type Resolved =
  /** JSON data: the value of a whole hole, else a string. */
  | { readonly kind: "value"; readonly value: unknown }
  /** Not known before a run; `text` shows `‹known after pre_state›` in its place. */
  | { readonly kind: "unknown"; readonly from: readonly string[]; readonly text: string }
  /** `range` of the expression inside the text. */
  | { readonly kind: "error"; readonly code: string; readonly message: string; readonly range: Range };

/** Fills the holes of a text. Never throws. */
export function resolveTemplate(text: string, evaluate: Evaluate): Resolved {
  const { parts, problems, isWholeHole } = parseTemplate(text);
  const [problem] = problems;
  if (problem !== undefined) return { kind: "error", ...pick(problem) };
  const from = new Set<string>();
  let out = "";
  for (const part of parts) {
    if (part.kind === "text") {
      out += part.text;
      continue;
    }
    const result = evaluate(part.expression);
    if (result.kind === "error") {
      return { kind: "error", code: result.code, message: result.message, range: part.range };
    }
    if (result.kind === "unknown") {
      for (const name of result.from) from.add(name);
      out += unknownText(result.from);
    } else if (isWholeHole) {
      return { kind: "value", value: toJson(result.value) };
    } else if (result.value === null) {
      const message = `${part.expression} is null, which cannot stand inside a longer text.`;
      return { kind: "error", code: "null-in-string", message, range: part.range };
    } else out += textOf(result.value);
  }
  return from.size > 0 ? { kind: "unknown", from: [...from], text: out } : { kind: "value", value: out };
}

function pick({ code, message, range }: TemplateProblem): { code: string; message: string; range: Range } {
  return { code, message, range };
}

/** What stands in place of a value that a run will provide. */
function unknownText(from: readonly string[]): string {
  return `‹known after ${from.join(", ")}›`;
}

function textOf(value: unknown): string {
  const json = toJson(value);
  return typeof json === "string" ? json : JSON.stringify(json);
}

export interface ResolvedTree {
  /** Fields whose whole hole is null are left out; unknowns are their `‹known after …›` text. */
  readonly value: unknown;
  /** `pointer`: JSON pointer (RFC 6901) of the string. */
  readonly unknowns: readonly { readonly pointer: string; readonly text: string; readonly from: readonly string[] }[];
  readonly errors: readonly {
    readonly pointer: string;
    readonly code: string;
    readonly message: string;
    /** Inside the string at `pointer`. */
    readonly range: Range;
  }[];
}

/** Whether filling would change anything: what it fills with `$${{` counts as well. */
function hasHoles(value: unknown): boolean {
  if (typeof value === "string") return value.includes("${{");
  return typeof value === "object" && value !== null && Object.values(value).some(hasHoles);
}

/** Fills the holes of every string inside nested data (keys are left alone). Never throws. */
export function resolveTree(value: unknown, evaluate: Evaluate): ResolvedTree {
  if (!hasHoles(value)) return { value, unknowns: [], errors: [] };
  const unknowns: ResolvedTree["unknowns"][number][] = [];
  const errors: ResolvedTree["errors"][number][] = [];

  const visit = (node: unknown, pointer: string): unknown => {
    if (typeof node === "string") return visitText(node, pointer);
    if (Array.isArray(node)) return node.map((item, at) => visitItem(item, `${pointer}/${at}`));
    if (typeof node !== "object" || node === null) return node;
    const entries: [string, unknown][] = [];
    for (const [key, item] of Object.entries(node)) {
      const resolved = visit(item, `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`);
      const isLeftOut = resolved === null && typeof item === "string";
      if (!isLeftOut) entries.push([key, resolved]);
    }
    return Object.fromEntries(entries);
  };

  const visitText = (text: string, pointer: string): unknown => {
    const resolved = resolveTemplate(text, evaluate);
    if (resolved.kind === "value") return resolved.value;
    if (resolved.kind === "unknown") {
      unknowns.push({ pointer, text: resolved.text, from: resolved.from });
      return resolved.text;
    }
    const { code, message, range } = resolved;
    errors.push({ pointer, code, message, range });
    return text;
  };

  /** Leaving an item out would move the others to other places. */
  const visitItem = (item: unknown, pointer: string): unknown => {
    const resolved = visit(item, pointer);
    if (resolved === null && typeof item === "string") {
      const { expression, range } = parseTemplate(item).parts[0] as Hole;
      errors.push({ pointer, code: "null-in-list", message: `${expression} is null, which cannot be an item.`, range });
    }
    return resolved;
  };

  return { value: visit(value, ""), unknowns, errors };
}
