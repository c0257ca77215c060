/**
 * Evaluates expressions on plain data. A tree is compiled once to closures; every evaluation counts its work and ends
 * with `cel-limit` when there is too much of it. Reads own properties only.
 *
 * Unknowns follow CEL: an operation on an unknown is unknown, except where the other operand decides (`false && x`,
 * `true || x`, a condition, `all`, `exists`). Errors are absorbed in the same places.
 */
import type { Range } from "../diagnostic.ts";
import { didYouMean, member, pathText, read } from "./access.ts";
import type { Evaluation } from "./cel.ts";
import { attempt, Context, type EvaluateOptions, ensureBoolean, notBoolean, type Run, runToEnd } from "./context.ts";
import { EvaluationError } from "./evaluation-error.ts";
import { functions } from "./functions.ts";
import { type Each, itemsOf, quantify, select } from "./loops.ts";
import {
  arithmetic,
  compareValues,
  equalScalars,
  equalValues,
  inInt64,
  isScalar,
  loadKnown,
  noOverload,
  orUndecided,
} from "./operators.ts";
import { selectOverload } from "./overload.ts";
import { type Node, type NodeOf, parseExpression } from "./syntax.ts";
import { kindName, kindOf, load, store, Undecided, type Value } from "./values.ts";

/**
 * Evaluates an expression. Whole numbers in and out are JS numbers, or BigInt where they would lose digits; `Date` is a
 * timestamp; an `UnknownValue` anywhere in the scope makes what reads it unknown. Never throws.
 */
export function evaluateExpression(
  text: string,
  scope: Readonly<Record<string, unknown>>,
  options: EvaluateOptions = {},
): Evaluation {
  const parsed = parseExpression(text);
  if (!parsed.ok) {
    const { code, message, range } = parsed.problem;
    return { kind: "error", code, message, range };
  }
  return runToEnd(compile(parsed.root), new Context(scope, options.maxSteps));
}

const memo = new WeakMap<Node, Run>();

/** Compiles a tree; `bound` are the macro variables around it, outermost first. */
export function compile(node: Node, bound: readonly string[] = []): Run {
  // A node stands in one place, so it always has the same variables around it.
  let run = memo.get(node);
  if (run === undefined) {
    const cannotFail = node.kind === "literal" || (node.kind === "name" && bound.includes(node.name));
    run = cannotFail ? compileNow(node, bound) : locate(compileNow(node, bound), node);
    memo.set(node, run);
  }
  return run;
}

function locate(run: Run, range: Range): Run {
  return (context) => {
    try {
      return run(context);
    } catch (error) {
      if (error instanceof EvaluationError) error.range ??= { start: range.start, end: range.end };
      throw error;
    }
  };
}

function compileNow(node: Node, bound: readonly string[]): Run {
  switch (node.kind) {
    case "literal": {
      const { value } = node;
      return () => value;
    }
    case "name":
      return compileName(node, bound);
    case "field":
      return compileField(node, bound);
    case "index":
      return compileIndex(node, bound);
    case "has":
      return compileHas(node, bound);
    case "call":
      return compileCall(node, bound);
    case "macro":
      return compileMacro(node, bound);
    case "list": {
      const items = node.items.map((item) => compile(item, bound));
      return (context) => collect(items, context, (values) => values.map(store));
    }
    case "map":
      return compileMap(node, bound);
    case "choice": {
      const [test, yes, no] = [compile(node.test, bound), compile(node.yes, bound), compile(node.no, bound)];
      return (context) => {
        const value = test(context);
        if (value === true) return yes(context);
        if (value === false) return no(context);
        return value instanceof Undecided ? value : notBoolean(value, "The condition before ?");
      };
    }
    case "and":
    case "or":
      return compileLogic(node, bound);
    case "not": {
      const operand = compile(node.operand, bound);
      return (context) => {
        const value = operand(context);
        if (value instanceof Undecided) return value;
        return typeof value === "boolean" ? !value : notBoolean(value, '"!" before it');
      };
    }
    case "negate": {
      const operand = compile(node.operand, bound);
      return (context) => {
        const value = operand(context);
        if (typeof value === "bigint") return inInt64(-value);
        if (typeof value === "number" || value instanceof Undecided) return typeof value === "number" ? -value : value;
        throw new EvaluationError("cel-type", `"-" does not work on ${kindName(kindOf(value))}.`);
      };
    }
    case "binary":
      return compileBinary(node, bound);
  }
}

function compileName({ name }: NodeOf<"name">, bound: readonly string[]): Run {
  const slot = bound.lastIndexOf(name);
  if (slot >= 0) return (context) => context.slots[slot]!;
  return ({ scope }) => {
    if (Object.hasOwn(scope, name) && scope[name] !== undefined) return load(scope[name]);
    throw new EvaluationError(
      "unknown-reference",
      `There is no "${name}" here.${didYouMean(name, Object.keys(scope))}`,
    );
  };
}

function compileField(node: NodeOf<"field">, bound: readonly string[]): Run {
  const object = compile(node.object, bound);
  const { field } = node;
  return (context) => {
    context.step();
    const value = object(context);
    return value instanceof Undecided ? value : member(value, field, node.object);
  };
}

function compileHas(node: NodeOf<"has">, bound: readonly string[]): Run {
  const object = compile(node.object, bound);
  return (context) => {
    const value = object(context);
    if (value instanceof Undecided) return value;
    return read(value, node.field, pathText(node.object) ?? "The value") !== undefined;
  };
}

function compileIndex(node: NodeOf<"index">, bound: readonly string[]): Run {
  const [object, index] = [compile(node.object, bound), compile(node.index, bound)];
  return (context) => {
    context.step();
    const container = object(context);
    const at = index(context);
    if (container instanceof Undecided) return container.with(at);
    if (at instanceof Undecided) return at;
    if (!Array.isArray(container)) {
      if (typeof at === "string") return member(container, at, node.object);
      const [what, by] = [kindName(kindOf(container)), kindName(kindOf(at))];
      throw new EvaluationError("cel-type", `[…] does not work on ${what} with ${by}.`);
    }
    const isWhole = typeof at === "bigint" || (typeof at === "number" && Number.isInteger(at));
    if (!isWhole)
      throw new EvaluationError("cel-type", `A list is indexed by a whole number, not ${kindName(kindOf(at))}.`);
    const item: unknown = at < 0 || at >= container.length ? undefined : container[Number(at)];
    if (item !== undefined) return load(item);
    throw outside(node, Number(at), container, context, bound);
  };
}

/** An index outside a list; for `filter(…)[0]` it says how many of how many matched. */
function outside(
  node: NodeOf<"index">,
  at: number,
  list: readonly unknown[],
  context: Context,
  bound: readonly string[],
): EvaluationError {
  if (node.object.kind === "macro" && (node.object.macro === "filter" || node.object.filter !== null)) {
    const source = compile(node.object.list, bound)(context);
    const all = Array.isArray(source) ? source.length : Object.keys(source as object).length;
    if (list.length === 0) return new EvaluationError("empty-selection", `nothing matched the filter (0 of ${all})`);
    const matched = `the filter matched ${list.length} of ${all}`;
    return new EvaluationError("empty-selection", `${matched}; there is no item ${at} (they count from 0)`);
  }
  const has = list.length === 0 ? "the list is empty" : `the list has ${list.length} items, counted from 0`;
  return new EvaluationError("index-out-of-range", `There is no item ${at}: ${has}.`);
}

/** Runs all parts; when one is unknown the whole is. */
function collect(parts: readonly Run[], context: Context, make: (values: Value[]) => Value): Value {
  context.spend(parts.length + 1);
  const values: Value[] = [];
  let undecided: Undecided | undefined;
  for (const part of parts) {
    const value = part(context);
    if (value instanceof Undecided) undecided = undecided === undefined ? value : undecided.with(value);
    else values.push(value);
  }
  return undecided ?? make(values);
}

function compileMap(node: NodeOf<"map">, bound: readonly string[]): Run {
  const parts = node.entries.flat().map((part) => compile(part, bound));
  return (context) =>
    collect(parts, context, (values) => {
      const map = new Map<string, unknown>();
      for (let at = 0; at < values.length; at += 2) {
        const key = values[at]!;
        if (typeof key !== "string") {
          throw new EvaluationError("cel-type", `A key of a map is a string, not ${kindName(kindOf(key))}.`);
        }
        if (map.has(key)) throw new EvaluationError("bad-value", `The key "${key}" appears twice in one map.`);
        map.set(key, store(values[at + 1]!));
      }
      return Object.fromEntries(map);
    });
}

function compileCall(node: NodeOf<"call">, bound: readonly string[]): Run {
  const parts = node.args.map((arg) => compile(arg, bound));
  const { name } = node;
  const fn = functions.get(name);
  if (fn === undefined || fn.form === (node.method ? "function" : "method")) {
    return () => {
      throw new EvaluationError("unknown-function", `There is no ${node.method ? "method" : "function"} ${name}().`);
    };
  }
  return (context) =>
    collect(parts, context, (values) => {
      const selected = selectOverload(fn, values);
      if (selected === undefined) {
        const got = values.map((value) => kindName(kindOf(value))).join(", ");
        throw new EvaluationError("cel-type", `${name}() does not take ${got === "" ? "nothing" : got}.`);
      }
      return orUndecided(() => selected.overload.call(selected.args, context.spend));
    });
}

/** `&&` and `||`: the deciding value wins over errors and unknowns on either side. */
function compileLogic(node: NodeOf<"and" | "or">, bound: readonly string[]): Run {
  const [left, right] = [compile(node.left, bound), compile(node.right, bound)];
  const decides = node.kind === "or";
  const sign = node.kind === "or" ? '"||"' : '"&&"';
  return (context) => {
    context.step();
    const first = attempt(left, context);
    if (first === decides) return decides;
    const second = attempt(right, context);
    if (second === decides) return decides;
    if (first instanceof Undecided) return first.with(second);
    if (second instanceof Undecided) return second;
    return ensureBoolean(first, sign) && ensureBoolean(second, sign) && !decides;
  };
}

function compileMacro(node: NodeOf<"macro">, bound: readonly string[]): Run {
  const list = compile(node.list, bound);
  const inside = [...bound, node.variable];
  const slot = bound.length;
  const body = compile(node.body, inside);
  const filter = node.filter === null ? null : compile(node.filter, inside);
  const each: Each = (context, item) => {
    context.step();
    context.slots[slot] = load(item);
  };
  const over = (work: (items: readonly unknown[], context: Context) => Value): Run => {
    return (context) => {
      const value = list(context);
      return value instanceof Undecided ? value : work(itemsOf(value), context);
    };
  };
  switch (node.macro) {
    case "all":
    case "exists":
      return over((items, context) => quantify(items, context, node.macro === "exists", each, body));
    case "exists_one":
      return over((items, context) => {
        const selected = select(items, context, each, body);
        return selected instanceof Undecided ? selected : selected.length === 1;
      });
    case "filter":
      return over((items, context) => select(items, context, each, body));
    case "map":
      return over((items, context) => {
        const out: unknown[] = [];
        for (const item of items) {
          each(context, item);
          if (filter !== null) {
            const keep = filter(context);
            if (keep instanceof Undecided) return keep;
            if (ensureBoolean(keep, "map()") && keep === false) continue;
          }
          const value = body(context);
          if (value instanceof Undecided) return value;
          out.push(store(value));
        }
        return out;
      });
  }
}

function compileBinary(node: NodeOf<"binary">, bound: readonly string[]): Run {
  const [left, right] = [compile(node.left, bound), compile(node.right, bound)];
  const { operator } = node;
  const apply = binary(operator);
  return (context) => {
    context.step();
    const a = left(context);
    const b = right(context);
    if (a instanceof Undecided) return a.with(b);
    return b instanceof Undecided ? b : apply(a, b, context.spend);
  };
}

type Apply = (a: Value, b: Value, spend: (steps: number) => void) => Value;

function binary(operator: NodeOf<"binary">["operator"]): Apply {
  switch (operator) {
    case "==":
      return (a, b, spend) =>
        isScalar(a) && isScalar(b) ? equalScalars(a, b) : orUndecided(() => equalValues(a, b, spend));
    case "!=":
      return (a, b, spend) => orUndecided(() => !equalValues(a, b, spend));
    case "in":
      return (a, b, spend) => orUndecided(() => isIn(a, b, spend));
    case "<":
    case "<=":
    case ">":
    case ">=":
      return (a, b) => {
        const order = compareValues(a, b) ?? noOverload(operator, a, b);
        if (operator === "<") return order < 0;
        if (operator === "<=") return order <= 0;
        return operator === ">" ? order > 0 : order >= 0;
      };
    default:
      return (a, b, spend) => arithmetic(operator, a, b, spend);
  }
}

function isIn(item: Value, container: Value, spend: (steps: number) => void): boolean {
  if (Array.isArray(container)) {
    spend(container.length);
    return container.some((other) => equalValues(item, loadKnown(other), spend));
  }
  if (typeof item === "string" && kindOf(container) === "object") return Object.hasOwn(container as object, item);
  return noOverload("in", item, container);
}
