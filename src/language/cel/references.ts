/** What an expression reads, and what it tests: questions about the text alone, without types or values. */
import type { Reference } from "./cel.ts";
import { UnknownValue } from "./cel.ts";
import { Context, runToEnd } from "./context.ts";
import { compile } from "./evaluate.ts";
import { type Node, type NodeOf, parseExpression } from "./syntax.ts";

/** The direct parts of a node, in reading order. */
export function childrenOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case "literal":
    case "name":
      return [];
    case "field":
    case "has":
      return [node.object];
    case "index":
      return [node.object, node.index];
    case "call":
      return node.args;
    case "macro":
      return node.filter === null ? [node.list, node.body] : [node.list, node.filter, node.body];
    case "list":
      return node.items;
    case "map":
      return node.entries.flat();
    case "choice":
      return [node.test, node.yes, node.no];
    case "and":
    case "or":
    case "binary":
      return [node.left, node.right];
    case "not":
    case "negate":
      return [node.operand];
  }
}

/** A name path with the range of each of its parts: `a.b["c"]`. Null when the node is anything else. */
export function pathOf(node: Node): Reference | null {
  if (node.kind === "name") {
    const range = { start: node.start, end: node.end };
    return { path: [node.name], range, ranges: [range] };
  }
  const isLiteralIndex = node.kind === "index" && node.index.kind === "literal" && typeof node.index.value === "string";
  if (node.kind !== "field" && node.kind !== "has" && !isLiteralIndex) return null;
  const object = pathOf((node as NodeOf<"field" | "index" | "has">).object);
  if (object === null) return null;
  const { name, at } = segmentOf(node as NodeOf<"field" | "index" | "has">);
  return {
    path: [...object.path, name],
    range: { start: object.range.start, end: at.end },
    ranges: [...object.ranges, at],
  };
}

function segmentOf(node: NodeOf<"field" | "index" | "has">): { name: string; at: { start: number; end: number } } {
  if (node.kind !== "index") return { name: node.field, at: node.at };
  const { value, start, end } = node.index as NodeOf<"literal">;
  return { name: String(value), at: { start, end } };
}

/** One text per name path, to compare paths; null when the node is no path. */
export function keyOf(node: Node): string | null {
  const path = pathOf(node)?.path;
  return path === undefined ? null : keyOfPath(path);
}

export function keyOfPath(path: readonly string[]): string {
  return path.length === 1 || path.every((part) => /^\w+$/.test(part)) ? path.join(".") : JSON.stringify(path);
}

/** Every name path an expression reads, in reading order, longest form; names bound by macros are left out. */
export function references(text: string): readonly Reference[] {
  const parsed = parseExpression(text);
  if (!parsed.ok) return [];
  const found: Reference[] = [];
  collect(parsed.root, new Set(), found);
  return found;
}

function collect(node: Node, bound: ReadonlySet<string>, found: Reference[]): void {
  const path = pathOf(node);
  if (path !== null) {
    if (!bound.has(path.path[0]!)) found.push(path);
    return;
  }
  if (node.kind !== "macro") {
    for (const child of childrenOf(node)) collect(child, bound, found);
    return;
  }
  collect(node.list, bound, found);
  const inside = new Set([...bound, node.variable]);
  if (node.filter !== null) collect(node.filter, inside, found);
  collect(node.body, inside, found);
}

function isUnder(reference: Reference, path: readonly string[]): boolean {
  return path.every((part, at) => reference.path[at] === part);
}

/**
 * Whether an expression cannot come out true without having looked at a path (or below it): in every operand of `||`
 * and both branches of `?:`, in some operand of `&&`. `a || b` looks at `a` first, so `a` alone is enough.
 */
export function alwaysTests(text: string, path: readonly string[]): boolean {
  const parsed = parseExpression(text);
  return parsed.ok && looksAt(parsed.root, path);
}

function looksAt(node: Node, path: readonly string[]): boolean {
  switch (node.kind) {
    case "and":
      return looksAt(node.left, path) || looksAt(node.right, path);
    case "or":
      return looksAt(node.left, path);
    case "choice":
      return looksAt(node.test, path) || (looksAt(node.yes, path) && looksAt(node.no, path));
    case "macro":
      return looksAt(node.list, path);
    default: {
      const own = pathOf(node);
      return own !== null ? isUnder(own, path) : childrenOf(node).some((child) => looksAt(child, path));
    }
  }
}

/** Keys (`keyOfPath`) of the lists whose emptiness an expression tests: `size(x) > 0`, `x != []`, `x.exists(…)`. */
export function sizeTested(text: string): readonly string[] {
  const parsed = parseExpression(text);
  if (!parsed.ok) return [];
  const keys = new Set<string>();
  collectSizeTests(parsed.root, keys);
  return [...keys];
}

export function collectSizeTests(node: Node, keys: Set<string>): void {
  for (const child of childrenOf(node)) collectSizeTests(child, keys);
  if (node.kind === "macro" && (node.macro === "exists" || node.macro === "exists_one")) addKey(node.list, keys);
  if (node.kind !== "binary" || !/^(==|!=|<=?|>=?)$/.test(node.operator)) return;
  for (const [side, other] of [
    [node.left, node.right],
    [node.right, node.left],
  ] as const) {
    const measured = sizeArgument(side);
    // `size(x) >= 0` holds for nothing as well.
    const isVacuous =
      other.kind === "literal" && other.value === 0n && /=$/.test(node.operator) && node.operator !== "!=";
    if (measured !== null && !isVacuous) addKey(measured, keys);
    if (node.operator === "!=" && other.kind === "list" && other.items.length === 0) addKey(side, keys);
  }
}

function sizeArgument(node: Node): Node | null {
  return node.kind === "call" && node.name === "size" && node.args.length === 1 ? node.args[0]! : null;
}

function addKey(node: Node, keys: Set<string>): void {
  const key = listKey(node);
  if (key !== null) keys.add(key);
  // An item that exists in filter(…) or map(…) exists in the list below.
  if (node.kind === "macro" && (node.macro === "filter" || node.macro === "map")) addKey(node.list, keys);
}

/** What names a list in size tests: its path, or its text without blanks. */
export function listKey(node: Node): string | null {
  return keyOf(node) ?? (node.kind === "list" ? null : shapeOf(node));
}

/** A text that is the same for the same expression, whatever its spacing. */
function shapeOf(node: Node): string {
  const parts = childrenOf(node).map(shapeOf).join(",");
  switch (node.kind) {
    case "literal":
      return typeof node.value === "string" ? JSON.stringify(node.value) : `${typeof node.value}:${node.value}`;
    case "name":
      return node.name;
    case "field":
    case "has":
      return `${node.kind === "has" ? "has " : ""}${parts}.${node.field}`;
    case "call":
      return `${node.name}(${parts})`;
    case "macro":
      return `${node.macro}[${node.variable}](${parts})`;
    case "binary":
      return `(${node.operator} ${parts})`;
    default:
      return `(${node.kind} ${parts})`;
  }
}

/** Whether an expression has the same value whatever its names stand for: `true`, `1 == 1`, `x == x`, `true || x`. */
export function isConstant(text: string): boolean {
  const parsed = parseExpression(text);
  if (!parsed.ok) return false;
  if (comparesWithItself(parsed.root)) return true;
  const names = new Set(references(text).map(({ path }) => path[0]!));
  const scope = Object.fromEntries([...names].map((name) => [name, new UnknownValue(name)]));
  const result = runToEnd(compile(parsed.root), new Context(scope));
  // A function that does not exist says nothing about what was meant.
  return result.kind === "error" ? result.code !== "unknown-function" : result.kind === "value";
}

function comparesWithItself(node: Node): boolean {
  return node.kind === "binary" && /^([=!]=|[<>]=?)$/.test(node.operator) && shapeOf(node.left) === shapeOf(node.right);
}
