/** Messages for names that do not exist, and for `-` inside a name. */
import type { Range } from "../diagnostic.ts";
import type { Checker, Env } from "./check.ts";
import { pathOf } from "./references.ts";
import type { Node, NodeOf } from "./syntax.ts";
import * as t from "./types.ts";

export function unknownNameProblem(checker: Checker, node: NodeOf<"name">, names: readonly string[]): t.Type {
  const message = `There is no "${node.name}" here.`;
  return checker.report("unknown-reference", message, node, checker.near(node.name, names));
}

export function unknownFieldProblem(checker: Checker, object: Node, type: t.Type, name: string, at: Range): t.Type {
  const source = checker.source(object);
  if (type.kind !== "object") {
    const hint =
      type.kind === "list" ? `Take one item, as in ${source}[0].${name}, or use all(), exists(), filter().` : undefined;
    const message = `${source} is ${t.describeType(type)}: there is no "${name}" in it.`;
    return checker.report("cel-type", message, at, hint);
  }
  const names = t.fieldNames(type) ?? [];
  return checker.report("unknown-reference", missing(object, source, name), at, checker.near(name, names));
}

function missing(object: Node, source: string, name: string): string {
  switch (pathOf(object)?.path.at(-1)) {
    case "steps":
      return `no step "${name}".`;
    case "inputs":
      return `no input "${name}".`;
    case "outputs":
      return `no output "${name}" in ${source}.`;
    default:
      return `no "${name}" in ${source}.`;
  }
}

/**
 * `steps.pre-state.outputs` reads as `steps.pre - state.outputs`. When the left side ends in an unknown name and the
 * pieces joined are (nearly) a name that exists, that is the one problem to report. Null when it is a real minus.
 */
export function minusProblem(checker: Checker, node: NodeOf<"binary">, env: Env): t.Type | null {
  const pieces = dashedName(node, checker.text);
  if (pieces === null) return null;
  const { owner, words, range } = pieces;
  const before = checker.problems.length;
  const names = owner === null ? Object.keys(checker.options.variables) : namesIn(checker, owner, env);
  // Looking at the owner is a side trip; its own problems are reported when the pieces are checked one by one.
  checker.problems.length = before;
  if (names.includes(words[0]!) || (owner === null && env.bound.has(words[0]!))) return null;
  const plain = words.join("").toLowerCase();
  const meant = names.find((name) => name.replaceAll("_", "").toLowerCase() === plain);
  if (meant === undefined) return null;
  const isStep = owner !== null && pathOf(owner)?.path.at(-1) === "steps";
  const what = isStep
    ? `no step "${words[0]}".`
    : `no "${words[0]}"${owner === null ? " here" : ` in ${checker.source(owner)}`}.`;
  const is = isStep ? `the step is called "${meant}"` : `the name is "${meant}"`;
  return checker.report("unknown-reference", `${what} In an expression "-" means minus; ${is}.`, range);
}

function namesIn(checker: Checker, owner: Node, env: Env): readonly string[] {
  return t.fieldNames(checker.type(owner, env)) ?? [];
}

/** The words around a chain of minus signs without blanks: owner `steps`, words `pre`, `state`. */
function dashedName(
  node: NodeOf<"binary">,
  text: string,
): { owner: Node | null; words: readonly string[]; range: Range } | null {
  const operands: Node[] = [];
  let left: Node = node;
  while (left.kind === "binary" && left.operator === "-") {
    operands.unshift(left.right);
    left = left.left;
  }
  if (left.kind !== "field" && left.kind !== "name") return null;
  const words = [left.kind === "field" ? left.field : left.name];
  let end = left.end;
  for (const operand of operands) {
    const first = pathOf(deepest(operand));
    if (first === null || text.slice(end, first.range.start) !== "-") return null;
    words.push(first.path[0]!);
    end = first.ranges[0]!.end;
  }
  return { owner: left.kind === "field" ? left.object : null, words, range: { start: left.start, end } };
}

/** The node an operand begins with: the path under calls, indexes and macros. */
function deepest(node: Node): Node {
  switch (node.kind) {
    case "field":
    case "index":
    case "has":
      return deepest(node.object);
    case "macro":
      return deepest(node.list);
    case "call":
      return node.method ? deepest(node.args[0]!) : node;
    default:
      return node;
  }
}
