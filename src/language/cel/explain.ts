/** Conditions in words: what was expected and what was found, for reports. */
import type { Evaluation, Explanation } from "./cel.ts";
import { Context, runToEnd } from "./context.ts";
import { compile } from "./evaluate.ts";
import { itemsOf } from "./loops.ts";
import { childrenOf } from "./references.ts";
import { type Node, type NodeOf, parseExpression } from "./syntax.ts";
import { load, toJson, type Value } from "./values.ts";

/** Longest value shown. */
const longestShown = 200;
/** Items of `all()` that are shown one by one. */
const mostItems = 3;

/**
 * Says what a condition expects and what there is: both sides of comparisons, the first failing items of `all()`, counts
 * for `exists()`. Of conditions joined by `&&` those that do not hold; all of them when all hold. Never throws.
 */
export function explainCondition(text: string, scope: Readonly<Record<string, unknown>>): Explanation {
  const parsed = parseExpression(text);
  if (!parsed.ok) return { expected: oneLine(text), actual: parsed.problem.message };
  const explainer = new Explainer(text, new Context(scope));
  return explainer.condition(parsed.root, []);
}

class Explainer {
  readonly text: string;
  readonly context: Context;

  constructor(text: string, context: Context) {
    this.text = text;
    this.context = context;
  }

  condition(node: Node, bound: readonly string[]): Explanation {
    const parts = conjuncts(node);
    const results = parts.map((part) => ({ part, result: this.evaluate(part, bound) }));
    const isFalse = (result: Evaluation): boolean => result.kind === "value" && result.value === false;
    // One part that is false decides; what could not be decided beside it explains nothing.
    const decided = results.filter(({ result }) => isFalse(result));
    const open = decided.length > 0 ? decided : results.filter(({ result }) => !isTrue(result));
    const failing = open.map(({ part }) => part);
    const shown = (failing.length > 0 ? failing : parts).map((part) => this.part(part, bound));
    return {
      expected: shown.map(({ expected }) => expected).join(" and "),
      actual: shown.map(({ actual }) => actual).join("; "),
    };
  }

  part(node: Node, bound: readonly string[]): Explanation {
    const expected = this.source(node);
    const result = this.evaluate(node, bound);
    // The parts of a comparison say more than "not known"; an error says more than the parts.
    if (result.kind === "error") return { expected, actual: result.message };
    switch (node.kind) {
      case "binary":
        return this.comparison(node, bound);
      case "macro":
        return { expected, actual: this.macro(node, bound) ?? this.shown(node, bound) };
      case "not":
        if (node.operand.kind === "macro") return { expected, actual: this.part(node.operand, bound).actual };
        return { expected, actual: this.named(node.operand, bound) };
      case "or": {
        const sides = disjuncts(node).map((side) => this.part(side, bound).actual);
        return { expected, actual: sides.join("; ") };
      }
      case "call":
        if (node.args.length > 0 && result.kind !== "unknown")
          return { expected, actual: this.named(node.args[0]!, bound) };
        return { expected, actual: this.shown(node, bound) };
      case "has":
        return { expected, actual: this.presence(node, bound) };
      case "choice":
        return this.choice(node, bound);
      default:
        return { expected, actual: this.named(node, bound) };
    }
  }

  comparison(node: NodeOf<"binary">, bound: readonly string[]): Explanation {
    const { left, right, operator } = node;
    const expected = this.source(node);
    if (left.kind === "literal" && right.kind !== "literal") return { expected, actual: this.named(right, bound) };
    const isWritten = !readsNames(right);
    const value = isWritten ? "" : `, which is ${this.shown(right, bound)}`;
    const isLong = operator === "in" && value.length > longestShown;
    return { expected: isLong ? expected : expected + value, actual: this.named(left, bound) };
  }

  /** `result.status = 503`; a written value alone. */
  named(node: Node, bound: readonly string[]): string {
    const value = this.shown(node, bound);
    return node.kind === "literal" ? value : `${this.source(node)} = ${value}`;
  }

  choice(node: NodeOf<"choice">, bound: readonly string[]): Explanation {
    const test = this.evaluate(node.test, bound);
    if (test.kind !== "value") return { expected: this.source(node), actual: this.named(node.test, bound) };
    const branch = this.part(test.value === true ? node.yes : node.no, bound);
    const because = `${test.value === true ? "" : "not "}${this.source(node.test)}`;
    return { expected: `${branch.expected} (because ${because})`, actual: branch.actual };
  }

  presence(node: NodeOf<"has">, bound: readonly string[]): string {
    const object = this.evaluate(node.object, bound);
    if (object.kind !== "value") return this.named(node.object, bound);
    const keys = Object.keys(Object(object.value));
    const has = keys.includes(node.field);
    const list = keys.length === 0 ? "nothing" : clip(keys.join(", "));
    return has ? `${this.source(node.object)} has "${node.field}"` : `${this.source(node.object)} has ${list}`;
  }

  /** Counts of `all`, `exists`, `exists_one`, with the items that matter; null for the other macros. */
  macro(node: NodeOf<"macro">, bound: readonly string[]): string | null {
    if (node.macro === "map" || node.macro === "filter") return null;
    const list = this.source(node.list);
    const items = this.items(node, bound);
    if (items === null) return this.named(node.list, bound);
    if (items.length === 0) return `${list} is empty (0 items)`;
    const inside = [...bound, node.variable];
    const results = items.map((item) => {
      this.bind(bound.length, item);
      return this.evaluate(node.body, inside);
    });
    const holding = results.filter(isTrue).length;
    if (node.macro !== "all") return `${holding} of ${items.length} in ${list}`;
    if (holding === items.length) return `all ${items.length} of ${list}`;
    const failing = [...results.keys()].filter((at) => !isTrue(results[at]!));
    const first = failing.slice(0, mostItems).map((at) => {
      this.bind(bound.length, items[at]!);
      return `[${at}] ${this.condition(node.body, inside).actual}`;
    });
    const more = failing.length > mostItems ? `; and ${failing.length - mostItems} more` : "";
    return `${failing.length} of ${items.length} in ${list} do not: ${first.join("; ")}${more}`;
  }

  items(node: NodeOf<"macro">, bound: readonly string[]): readonly Value[] | null {
    const list = this.evaluate(node.list, bound);
    if (list.kind !== "value") return null;
    // Read again: what evaluate() gives is for outside and has lost the boxes of whole doubles.
    return itemsOf(compile(node.list, bound)(this.context)).map(load);
  }

  bind(slot: number, item: Value): void {
    this.context.slots[slot] = item;
  }

  evaluate(node: Node, bound: readonly string[]): Evaluation {
    return runToEnd(compile(node, bound), this.context);
  }

  shown(node: Node, bound: readonly string[]): string {
    const result = this.evaluate(node, bound);
    if (result.kind === "value") return clip(JSON.stringify(toJson(result.value)));
    return result.kind === "unknown" ? `known after ${result.from.join(", ")}` : result.message;
  }

  /** The source of a node with the parentheses that belong to its parts. */
  source({ start, end }: Node): string {
    let from = start;
    let to = end;
    for (let guard = 0; guard < 40; guard++) {
      const open = parenthesisBalance(this.text.slice(from, to));
      if (open.missingBefore > 0) from = this.text.lastIndexOf("(", from - 1);
      else if (open.missingAfter > 0) to = this.text.indexOf(")", to) + 1;
      else break;
      if (from < 0 || to <= 0) return oneLine(this.text.slice(start, end));
    }
    return oneLine(this.text.slice(from, to));
  }
}

function isTrue(result: Evaluation): boolean {
  return result.kind === "value" && result.value === true;
}

function conjuncts(node: Node): readonly Node[] {
  return node.kind === "and" ? [...conjuncts(node.left), ...conjuncts(node.right)] : [node];
}

function disjuncts(node: Node): readonly Node[] {
  return node.kind === "or" ? [...disjuncts(node.left), ...disjuncts(node.right)] : [node];
}

function readsNames(node: Node): boolean {
  return node.kind === "name" || childrenOf(node).some(readsNames);
}

/** Parentheses that a piece of source closes without opening, or opens without closing; those in strings do not count. */
function parenthesisBalance(source: string): { missingBefore: number; missingAfter: number } {
  let open = 0;
  let missingBefore = 0;
  const bare = source.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, "");
  for (const char of bare) {
    if (char === "(") open++;
    if (char !== ")") continue;
    if (open === 0) missingBefore++;
    else open--;
  }
  return { missingBefore, missingAfter: open };
}

function oneLine(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}

function clip(text: string): string {
  return text.length > longestShown ? `${text.slice(0, longestShown)}… (${text.length} characters)` : text;
}
