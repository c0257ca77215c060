/** The traps of YAML that everybody falls into, recognised from the parser's error and the text around it. */
import type { YAMLError } from "yaml";
import type { Edit, Range } from "./diagnostic.ts";
import { holesOf } from "./template.ts";
import type { GuardProblem } from "./yaml-guard.ts";

/** One problem that says what was probably meant; falls back to the parser's own words. */
export function explainYamlError(text: string, error: Pick<YAMLError, "code" | "pos" | "message">): GuardProblem {
  const at = Math.min(error.pos[0], text.length);
  const line = lineAround(text, at);
  const range = clip(text, { start: at, end: Math.max(error.pos[1], at + 1) });
  const value = valuePart(line.text);
  return (
    holeTrap(text, line, error) ??
    expressionTrap(line, value, error) ??
    byCode(text, line, value, error, range) ?? {
      code: "yaml-syntax",
      range,
      message: `Not YAML: ${plainWords(error.message)}`,
    }
  );
}

interface Line {
  readonly start: number;
  readonly text: string;
}

function lineAround(text: string, at: number): Line {
  const start = text.lastIndexOf("\n", at - 1) + 1;
  const end = text.indexOf("\n", at);
  return { start, text: text.slice(start, end === -1 ? text.length : end).replace(/\r$/, "") };
}

/** The value part of `- key: value`, with its column. */
function valuePart(line: string): { text: string; column: number } {
  const head = /^\s*(?:- +)*(?:[A-Za-z_][\w.-]*:(?: +|$))?/.exec(line)?.[0] ?? "";
  return { text: line.slice(head.length).trimEnd(), column: head.length };
}

/** Within one line and within the text. */
function clip(text: string, { start, end }: Range): Range {
  const range = { start, end: Math.min(end, text.length) };
  const newline = text.slice(range.start, range.end).search(/[\r\n]/);
  return newline > 0 ? { start: range.start, end: range.start + newline } : range;
}

export const cutByComment = 'The " #" cuts this value off: the rest is a comment.';

/** Quotes a value so that YAML reads it as one text. */
export function quoted(value: string): string {
  return value.includes('"') || value.includes("\\") ? `'${value.replaceAll("'", "''")}'` : `"${value}"`;
}

function show(value: string): string {
  return value.length > 70 ? "" : ` ${quoted(value)}`;
}

function holeTrap(text: string, line: Line, error: Pick<YAMLError, "code" | "pos">): GuardProblem | null {
  const column = error.pos[0] - line.start;
  const bare = /(?<![$"'{])\{\{(?!\{)[^}]*\}\}/.exec(line.text);
  if (bare !== null && error.code === "NON_STRING_KEY" && bare.index <= column) {
    const inner = bare[0].slice(2, -2).trim();
    return {
      code: "unquoted-hole",
      range: { start: line.start + bare.index, end: line.start + bare.index + bare[0].length },
      message: `"${bare[0]}" is read as a YAML map; a hole is written with a dollar sign.`,
      hint: `Write \${{ ${inner} }}, in quotes inside { } and [ ].`,
    };
  }
  const flow = holeInFlow(line.text);
  if (flow !== null && error.code !== "BLOCK_AS_IMPLICIT_KEY") {
    const start = line.start + flow.at;
    const edit = quotedFlowValue(text, line.start + flow.valueAt);
    return {
      code: "unquoted-hole",
      range: { start, end: start + flow.length },
      message: "Inside { } and [ ] a hole needs quotes: YAML reads its braces as a map.",
      hint: `Write ${edit.text}.`,
      fix: [edit],
    };
  }
  return null;
}

/** The first hole outside of quotes inside `{ }` or `[ ]`, and where the plain value it is in begins; null = none. */
function holeInFlow(line: string): { at: number; length: number; valueAt: number } | null {
  let depth = 0;
  let valueAt: number | null = null;
  for (let at = 0; at < line.length; at++) {
    const char = line[at]!;
    const hole = line.startsWith("${{", at) ? /^\$\{\{.*?\}\}/.exec(line.slice(at))?.[0] : undefined;
    if (hole !== undefined && depth > 0) return { at, length: hole.length, valueAt: valueAt ?? at };
    if (hole !== undefined) at += hole.length - 1;
    else if (valueAt === null && (char === '"' || char === "'")) {
      const end = line.indexOf(char, at + 1);
      if (end < 0) return null;
      at = end;
    } else if (valueAt === null && (char === "{" || char === "[")) depth++;
    else if (depth > 0 && (char === "}" || char === "]")) {
      depth--;
      valueAt = null;
    } else if (ends(char, line[at + 1], depth)) valueAt = null;
    else if (char !== " ") valueAt ??= at;
  }
  return null;
}

/** Whether a character ends what came before it: a key, an item, the dash of a list. */
function ends(char: string, next: string | undefined, depth: number): boolean {
  const isLast = next === undefined || next === " ";
  return (char === "," && depth > 0) || (char === ":" && isLast) || (char === "-" && depth === 0 && isLast);
}

/** The plain value that begins at an offset inside `{ }` or `[ ]`, in quotes. */
function quotedFlowValue(text: string, start: number): Edit {
  let end = start;
  while (end < text.length && !",]}\r\n".includes(text[end]!)) {
    const hole = text.startsWith("${{", end) ? holesOf(text.slice(end))[0] : undefined;
    end += hole === undefined ? 1 : hole.outer.end;
  }
  const value = text.slice(start, end).trimEnd();
  return { range: { start, end: start + value.length }, text: quoted(value) };
}

/** Two blanks for each tab that indents: in the line of the error, and wherever a line begins with one. */
function tabsReplaced(text: string, line: Line): Edit[] {
  return [...text.matchAll(/^[ \t]*\t[ \t]*/gm)]
    .filter((match) => match[0].startsWith("\t") || match.index === line.start)
    .map((match) => ({
      range: { start: match.index, end: match.index + match[0].length },
      text: match[0].replaceAll("\t", "  "),
    }));
}

function expressionTrap(
  line: Line,
  value: { text: string; column: number },
  error: Pick<YAMLError, "code" | "pos">,
): GuardProblem | null {
  const range = { start: line.start + value.column, end: line.start + value.column + value.text.length };
  if (error.code === "BLOCK_AS_IMPLICIT_KEY" && value.text.includes(": ")) {
    const hole = value.text.includes("${{") || value.text.includes("?");
    return {
      code: "colon-in-plain",
      range,
      message: hole
        ? 'The ": " of the expression splits this line into a key and a value.'
        : 'The ": " inside this value splits it into a key and a value.',
      hint: `Quote the whole value:${show(value.text)}`,
    };
  }
  if (error.code === "UNEXPECTED_TOKEN" && /^(["'[{])/.test(value.text) && error.pos[0] > range.start) {
    const what = /^["']/.test(value.text) ? "quote" : "bracket";
    return {
      code: "expression-needs-quotes",
      range,
      message: `A value that starts with a ${what} ends with it for YAML; the rest of the line is left over.`,
      hint: `Quote the whole value:${show(value.text)}`,
    };
  }
  return null;
}

function byCode(
  text: string,
  line: Line,
  value: { text: string; column: number },
  error: Pick<YAMLError, "code" | "pos" | "message">,
  range: Range,
): GuardProblem | null {
  switch (error.code) {
    case "TAB_AS_INDENT":
      return {
        code: "yaml-tab",
        range,
        message: "A tab is used for indentation.",
        hint: "YAML indents with blanks; use two per level.",
        fix: tabsReplaced(text, line),
      };
    case "DUPLICATE_KEY": {
      const key = /^[^\s:#]+/.exec(text.slice(range.start))?.[0] ?? "";
      const name = key.replace(/^["']|["']$/g, "");
      return {
        code: "duplicate-key",
        range: { start: range.start, end: range.start + Math.max(1, key.length) },
        message: `"${name}" is already set in this map.`,
        hint: "Keep one of the two.",
      };
    }
    case "NON_STRING_KEY":
      return {
        code: "non-string-key",
        range,
        message: "A key must be a text, not a map or list.",
        hint: "Quote the value if it is meant as text.",
      };
    case "BAD_SCALAR_START":
      return {
        code: "yaml-syntax",
        range,
        message: `A plain value cannot start with ${text[range.start]}.`,
        hint: `Quote it:${show(value.text)}`,
      };
    case "MULTIPLE_DOCS":
      return {
        code: "yaml-syntax",
        range,
        message: "A second document starts here; one file is one runbook.",
        hint: 'Remove the "---" or make two files.',
      };
    case "BAD_DQ_ESCAPE":
      return {
        code: "yaml-syntax",
        range: { start: range.start, end: range.start + 2 },
        message: `${text.slice(range.start, range.start + 2)} is not an escape of double quotes.`,
        hint: "Use single quotes for regular expressions and paths, or double the backslash.",
      };
    case "MISSING_CHAR": {
      const open = /^Missing closing (['"])/.exec(error.message);
      if (open === null) {
        return {
          code: "expression-needs-quotes",
          range,
          message: `Inside [ ] and { } YAML reads "${text[range.start] ?? ""}" as a list or map of its own.`,
          hint: "Quote the item, or write one item per line.",
        };
      }
      return {
        code: "yaml-syntax",
        range: { start: line.start + value.column, end: line.start + value.column + 1 },
        message: `The quote ${open[1]} is never closed.`,
        hint: "Close it, or quote the value with the other kind of quote.",
      };
    }
    case "MULTILINE_IMPLICIT_KEY":
    case "BAD_INDENT":
      return {
        code: "yaml-syntax",
        range,
        message: `The indentation does not fit: ${plainWords(error.message)}.`,
        hint: "Members of one map start in one column.",
      };
    default:
      return null;
  }
}

function plainWords(message: string): string {
  const first = message
    .split("\n")[0]!
    .replace(/ at line \d+.*$/, "")
    .replace(/[.:]+$/, "");
  return first.charAt(0).toLowerCase() + first.slice(1);
}
