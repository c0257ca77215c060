/**
 * Text → tree. The grammar is the library's (@marcbachmann/cel-js, used as a parser only); the tree is our own, so that
 * checking, evaluating and explaining do not depend on it. Macros are expanded into their own node kinds here.
 */
import { type ASTNode, Environment, ParseError } from "@marcbachmann/cel-js";
import type { Range } from "../diagnostic.ts";
import type { CelProblem } from "./cel.ts";
import { syntaxHint } from "./syntax-hints.ts";

/** Longest expression, in UTF-16 code units. */
export const maxTextLength = 4096;
/** Most nodes of one expression. */
export const maxNodes = 500;
/** Deepest nesting of one expression. */
export const maxDepth = 40;

export type Operator = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "+" | "-" | "*" | "/" | "%";
export type MacroName = "all" | "exists" | "exists_one" | "map" | "filter";

/** A node of a parsed expression. Positions are UTF-16 offsets into the text and leave out surrounding parentheses. */
export type Node = Range &
  (
    | { readonly kind: "literal"; readonly value: null | boolean | bigint | number | string }
    | { readonly kind: "name"; readonly name: string }
    | { readonly kind: "field"; readonly object: Node; readonly field: string; readonly at: Range }
    | { readonly kind: "index"; readonly object: Node; readonly index: Node }
    /** A method's receiver is the first argument. */
    | { readonly kind: "call"; readonly name: string; readonly method: boolean; readonly args: readonly Node[] }
    | { readonly kind: "has"; readonly object: Node; readonly field: string; readonly at: Range }
    | {
        readonly kind: "macro";
        readonly macro: MacroName;
        readonly list: Node;
        readonly variable: string;
        /** Condition of the three-argument `map`. */
        readonly filter: Node | null;
        readonly body: Node;
      }
    | { readonly kind: "list"; readonly items: readonly Node[] }
    | { readonly kind: "map"; readonly entries: readonly (readonly [Node, Node])[] }
    | { readonly kind: "choice"; readonly test: Node; readonly yes: Node; readonly no: Node }
    | { readonly kind: "and" | "or"; readonly left: Node; readonly right: Node }
    | { readonly kind: "binary"; readonly operator: Operator; readonly left: Node; readonly right: Node }
    | { readonly kind: "not" | "negate"; readonly operand: Node }
  );
export type NodeOf<K extends Node["kind"]> = Extract<Node, { kind: K }>;

export type Parsed =
  | { readonly ok: true; readonly text: string; readonly root: Node }
  | { readonly ok: false; readonly problem: CelProblem };

const grammar = new Environment({
  unlistedVariablesAreDyn: true,
  homogeneousAggregateLiterals: false,
  limits: { maxAstNodes: maxNodes, maxDepth },
});

const memo = new Map<string, Parsed>();
const memoSize = 5000;

/** Parses an expression. Never throws; the same text gives the same (shared, unchanging) tree. */
export function parseExpression(text: string): Parsed {
  const known = memo.get(text);
  if (known !== undefined) return known;
  const parsed = parseNow(text);
  if (memo.size >= memoSize) memo.clear();
  if (text.length <= maxTextLength) memo.set(text, parsed);
  return parsed;
}

function parseNow(text: string): Parsed {
  if (text.length > maxTextLength) {
    const message = `The expression is ${text.length} characters long; at most ${maxTextLength} are allowed.`;
    return failed("cel-limit", message, { start: maxTextLength, end: text.length }, "Split it into several checks.");
  }
  if (text.trim() === "") return failed("cel-syntax", "The expression is empty.", { start: 0, end: text.length });
  try {
    return { ok: true, text, root: convert(grammar.parse(text).ast) };
  } catch (error) {
    if (error instanceof Unsupported) return failed("cel-syntax", error.message, error.range, error.hint);
    if (error instanceof ParseError) return fromLibrary(text, error);
    throw error;
  }
}

function failed(code: string, message: string, range: Range, hint?: string): Parsed {
  return { ok: false, problem: { code, severity: "error", message, range, ...(hint === undefined ? {} : { hint }) } };
}

function fromLibrary(text: string, error: ParseError): Parsed {
  const start = Math.min(error.range?.start ?? 0, text.length);
  const atEnd = text.slice(start).trim() === "";
  const range = atEnd
    ? { start: Math.max(0, text.trimEnd().length - 1), end: text.trimEnd().length }
    : { start, end: Math.min(text.length, Math.max(start + 1, error.range?.end ?? start + 1)) };
  if (error.code === "limit_exceeded") {
    const limit = error.summary.includes("maxDepth") ? `${maxDepth} levels deep` : `${maxNodes} parts`;
    return failed("cel-limit", `The expression is larger than ${limit}.`, range, "Split it into several checks.");
  }
  const isMissing = error.summary === "Unexpected token: EOF";
  const message = isMissing
    ? "The expression ends too early: something is missing."
    : atEnd
      ? `The expression ends too early: ${wording(error)}.`
      : `${sentence(wording(error))}.`;
  return failed("cel-syntax", message, range, syntaxHint(text, start));
}

const tokenNames: Readonly<Record<string, string>> = {
  EOF: "the end",
  COLON: '":"',
  RPAREN: '")"',
  RBRACKET: '"]"',
  RBRACE: '"}"',
  LPAREN: '"("',
  LBRACKET: '"["',
  LBRACE: '"{"',
  COMMA: '","',
  DOT: '"."',
  QUESTION: '"?"',
  IDENTIFIER: "a name",
  STRING: "a string",
  NUMBER: "a number",
  IN: '"in"',
};

function wording(error: ParseError): string {
  const expected = /^Expected (\w+), got (\w+)$/.exec(error.summary);
  if (expected) return `${tokenName(expected[1]!)} is expected here, not ${tokenName(expected[2]!)}`;
  const unexpected = /^Unexpected token: (\w+)$/.exec(error.summary);
  if (unexpected) return `${tokenName(unexpected[1]!)} cannot stand here`;
  if (error.code === "invalid_macro_argument") {
    const macro = /^\w+/.exec(error.summary)?.[0] ?? "it";
    return `${macro}() takes a name for each item and what to do with it, as in list.${macro}(x, …)`;
  }
  if (error.code === "unexpected_character") {
    const { start = 0, end = start + 1 } = error.range ?? {};
    return `"${(error.node?.input ?? "").slice(start, Math.max(end, start + 1))}" cannot stand here`;
  }
  return error.summary.replace(/\.$/, "");
}

function tokenName(token: string): string {
  return tokenNames[token] ?? `"${token.toLowerCase()}"`;
}

/** Capital first letter, except of a function's name. */
function sentence(text: string): string {
  return /^\w+\(/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
}

/** Valid CEL that this language leaves out, because JSON has no such values. */
class Unsupported extends Error {
  readonly range: Range;
  readonly hint: string | undefined;
  constructor(message: string, range: Range, hint?: string) {
    super(message);
    this.range = range;
    this.hint = hint;
  }
}

const macroNames: readonly string[] = ["all", "exists", "exists_one", "map", "filter"] satisfies MacroName[];
const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

function convert(ast: ASTNode): Node {
  const range = { start: ast.start, end: ast.end };
  switch (ast.op) {
    case "value":
      return { ...range, kind: "literal", value: literal(ast.args, range, int64.max) };
    case "id":
      return { ...range, kind: "name", name: ast.args };
    case ".":
      return { ...range, kind: "field", object: convert(ast.args[0]), field: ast.args[1], at: fieldRange(ast) };
    case "[]":
      return { ...range, kind: "index", object: convert(ast.args[0]), index: convert(ast.args[1]) };
    case "call":
      return convertCall(ast.args[0], ast.args[1], range);
    case "rcall":
      return convertMethod(ast.args[0], ast.args[1], ast.args[2], range);
    case "list":
      return { ...range, kind: "list", items: ast.args.map(convert) };
    case "map":
      return {
        ...range,
        kind: "map",
        entries: ast.args.map(([key, value]) => [convert(key), convert(value)] as const),
      };
    case "?:":
      return {
        ...range,
        kind: "choice",
        test: convert(ast.args[0]),
        yes: convert(ast.args[1]),
        no: convert(ast.args[2]),
      };
    case "&&":
    case "||":
      return {
        ...range,
        kind: ast.op === "&&" ? "and" : "or",
        left: convert(ast.args[0]),
        right: convert(ast.args[1]),
      };
    case "!_":
      return { ...range, kind: "not", operand: convert(ast.args) };
    case "-_":
      // -9223372036854775808 is one number: its absolute value alone would not fit.
      if (ast.args.op === "value" && typeof ast.args.args === "bigint") {
        return { ...range, kind: "literal", value: -(literal(ast.args.args, range, -int64.min) as bigint) };
      }
      return { ...range, kind: "negate", operand: convert(ast.args) };
    case ".?":
    case "[?]":
      throw new Unsupported("Optional access is not part of the language.", range, "Use has(x.y) or x != null && ….");
    default:
      return { ...range, kind: "binary", operator: ast.op, left: convert(ast.args[0]), right: convert(ast.args[1]) };
  }
}

/** The field's own name inside `a.b.c`; the library gives its start as `pos`. */
function fieldRange(ast: ASTNode): Range {
  return { start: ast.pos, end: ast.end };
}

function literal(value: unknown, range: Range, max: bigint): null | boolean | bigint | number | string {
  if (typeof value === "bigint" && value > max) {
    throw new Unsupported(`${value} is too large: whole numbers have 64 bits.`, range);
  }
  if (value instanceof Uint8Array) throw new Unsupported("There are no bytes here.", range, 'Write a string: "…".');
  if (typeof value === "object" && value !== null) {
    throw new Unsupported("There are no unsigned numbers here.", range, "Leave out the u.");
  }
  return value as null | boolean | bigint | number | string;
}

function convertCall(name: string, args: readonly ASTNode[], range: Range): Node {
  if (name !== "has") return { ...range, kind: "call", name, method: false, args: args.map(convert) };
  const field = args[0];
  if (args.length !== 1 || field?.op !== ".") {
    throw new Unsupported("has() takes one field, as in has(result.json.image).", range);
  }
  return { ...range, kind: "has", object: convert(field.args[0]), field: field.args[1], at: fieldRange(field) };
}

function convertMethod(name: string, receiver: ASTNode, args: readonly ASTNode[], range: Range): Node {
  const isMacro = macroNames.includes(name) && (args.length === 2 || (name === "map" && args.length === 3));
  if (!isMacro) return { ...range, kind: "call", name, method: true, args: [receiver, ...args].map(convert) };
  const [variable, ...rest] = args as [ASTNode, ...ASTNode[]];
  const body = convert(rest.at(-1)!);
  const filter = rest.length === 2 ? convert(rest[0]!) : null;
  // The library has refused anything but a name here.
  const bound = String(variable.args);
  return { ...range, kind: "macro", macro: name as MacroName, list: convert(receiver), variable: bound, filter, body };
}
