/**
 * The typed check: unknown names, wrong types, values that may be null, regular expressions and literals that cannot be
 * read. Reports every problem of an expression; what a problem makes unknowable is `dyn` from there on, so that one
 * mistake is one problem.
 */
import { closest } from "../../util/closest.ts";
import type { JsonSchema } from "../../util/json.ts";
import type { Range } from "../diagnostic.ts";
import type { CelProblem, CheckOptions, CheckResult } from "./cel.ts";
import { checkCall } from "./check-call.ts";
import { minusProblem, unknownFieldProblem, unknownNameProblem } from "./check-names.ts";
import { binaryType } from "./check-operator.ts";
import { factsOf, factsWhen, isKnownPresent, type NullFacts, union, withoutName } from "./null-facts.ts";
import { childrenOf, collectSizeTests, listKey, pathOf, sizeTested } from "./references.ts";
import { type Node, type NodeOf, parseExpression } from "./syntax.ts";
import * as t from "./types.ts";

/** Checks an expression against the types of its variables. Never throws. */
export function checkExpression(text: string, options: CheckOptions): CheckResult {
  const parsed = parseExpression(text);
  if (!parsed.ok) return { problems: [parsed.problem], type: {} };
  const checker = new Checker(text, options);
  const type = checker.whole(parsed.root);
  if (options.verification === true) checker.vacuous(parsed.root);
  const problems = checker.problems.sort((a, b) => a.range.start - b.range.start);
  return { problems, type: t.toSchema(type) };
}

/** What is known at a place inside the expression. */
export interface Env {
  /** Macro variables. */
  readonly bound: ReadonlyMap<string, t.Type>;
  readonly facts: NullFacts;
}

export class Checker {
  readonly text: string;
  readonly options: CheckOptions;
  readonly problems: CelProblem[] = [];

  constructor(text: string, options: CheckOptions) {
    this.text = text;
    this.options = options;
  }

  report(code: string, message: string, at: Range, hint?: string, severity: "error" | "warning" = "error"): t.Type {
    const range = { start: at.start, end: at.end };
    this.problems.push({ code, severity, message, range, ...(hint === undefined ? {} : { hint }) });
    return t.dyn;
  }

  /** The source of a node, blanks joined. */
  source(at: Range): string {
    return this.text.slice(at.start, at.end).replace(/\s+/g, " ");
  }

  whole(root: Node): t.Type {
    const { expects, nullAllowed = false, assuming = [], place } = this.options;
    const env: Env = { bound: new Map(), facts: factsOf(assuming) };
    const type = nullAllowed || place !== undefined ? this.type(root, env) : this.value(root, env);
    if (place !== undefined && !nullAllowed && type.nullable) return this.nullAt(place, root, type);
    if (this.problems.some(({ severity }) => severity === "error")) return type;
    if (!isExpected(type, expects, nullAllowed)) {
      const message = `This is ${t.describeType(type)}; ${expectedWords[expects]} is needed here.`;
      this.report("cel-type", message, root, expectedHint(type, expects, this.source(root)));
    }
    return type;
  }

  /** Type of a node whose value is used: it must not be null. */
  value(node: Node, env: Env): t.Type {
    const type = this.type(node, env);
    return type.nullable ? this.maybeNull(node, type) : type;
  }

  /** A value that may be null is null at times; what is null always is a mistake of its own. */
  nullAt(place: "text" | "item", root: Node, type: t.Type): t.Type {
    if (type.kind !== "null") return this.maybeNull(root, type);
    const what = this.source(root);
    if (place === "text")
      return this.report("null-in-string", `${what} is null, which cannot stand inside a longer text.`, root);
    return this.report("null-in-list", `${what} is null, which cannot be an item.`, root);
  }

  maybeNull(node: Node, type: t.Type): t.Type {
    const what = this.source(node);
    const message = type.kind === "null" ? "null cannot be used here." : `${what} may be null here.`;
    const isPath = pathOf(node) !== null;
    const hint = isPath ? `Write ${what} != null && …, or test it in the step's if.` : "Test it against null first.";
    this.report("maybe-null", message, node, type.kind === "null" ? undefined : hint);
    return type.kind === "null" ? t.dyn : t.nonNull(type);
  }

  type(node: Node, env: Env): t.Type {
    const type = this.rawType(node, env);
    return type.nullable && isKnownPresent(node, env.facts) ? t.nonNull(type) : type;
  }

  rawType(node: Node, env: Env): t.Type {
    switch (node.kind) {
      case "literal":
        return typeOfLiteral(node);
      case "name":
        return this.name(node, env);
      case "field":
        return this.member(node.object, node.field, node.at, env);
      case "index":
        return this.index(node, env);
      case "has":
        // A field that cannot be there is a slip of the pen, not a question.
        this.member(node.object, node.field, node.at, env);
        return t.boolean;
      case "call":
        return checkCall(this, node, env);
      case "macro":
        return this.macro(node, env);
      case "list": {
        const items = node.items.map((item) => this.type(item, env));
        return items.length === 0 ? { ...t.listOf(t.dyn) } : t.listOf(items.reduce(t.join));
      }
      case "map":
        return this.map(node, env);
      case "choice": {
        this.boolean(node.test, env, "The condition before ?");
        const yes = this.type(node.yes, { ...env, facts: union(env.facts, factsWhen(node.test, true)) });
        const no = this.type(node.no, { ...env, facts: union(env.facts, factsWhen(node.test, false)) });
        const type = t.join(yes, no);
        if (type.kind !== "dyn" || yes.kind === "dyn" || no.kind === "dyn") return type;
        const message = `The two values are of different kinds: ${t.describeType(yes)} and ${t.describeType(no)}.`;
        return this.report("cel-type", message, node, "Bring them to one, as with string(…).");
      }
      case "and":
      case "or": {
        const sign = node.kind === "and" ? "&&" : "||";
        this.boolean(node.left, env, sign);
        const facts = union(env.facts, factsWhen(node.left, node.kind === "and"));
        this.boolean(node.right, { ...env, facts }, sign);
        return t.boolean;
      }
      case "not":
        this.boolean(node.operand, env, "!");
        return t.boolean;
      case "negate": {
        const type = this.value(node.operand, env);
        if (t.isNumber(type) || type.kind === "dyn") return type;
        return this.report("cel-type", `"-" needs a number; this is ${t.describeType(type)}.`, node.operand);
      }
      case "binary":
        return this.binary(node, env);
    }
  }

  boolean(node: Node, env: Env, what: string): void {
    const type = this.value(node, env);
    if (type.kind === "boolean" || type.kind === "dyn") return;
    const hint = type.kind === "string" ? 'Compare it, as in x == "yes".' : undefined;
    this.report("cel-type", `${what} needs a boolean; this is ${t.describeType(type)}.`, node, hint);
  }

  name(node: NodeOf<"name">, env: Env): t.Type {
    const bound = env.bound.get(node.name);
    if (bound !== undefined) return bound;
    const { variables } = this.options;
    if (Object.hasOwn(variables, node.name)) return t.typeOf(variables[node.name]);
    return unknownNameProblem(this, node, [...env.bound.keys(), ...Object.keys(variables)]);
  }

  member(of: Node, name: string, at: Range, env: Env): t.Type {
    const object = this.value(of, env);
    return t.fieldType(object, name) ?? unknownFieldProblem(this, of, object, name, at);
  }

  index(node: NodeOf<"index">, env: Env): t.Type {
    if (node.index.kind === "literal" && typeof node.index.value === "string") {
      return this.member(node.object, node.index.value, node.index, env);
    }
    const object = this.value(node.object, env);
    const index = this.value(node.index, env);
    if (object.kind === "dyn" || index.kind === "dyn") return object.kind === "list" ? t.itemType(object) : t.dyn;
    if (object.kind === "list") {
      if (index.kind === "integer" || index.kind === "number") return t.itemType(object);
      return this.report(
        "cel-type",
        `A list is indexed by a whole number, not by ${t.describeType(index)}.`,
        node.index,
      );
    }
    if (object.kind !== "object") {
      return this.report("cel-type", `${t.describeType(object)} cannot be indexed.`, node);
    }
    if (index.kind !== "string") {
      return this.report("cel-type", `A map is indexed by a string, not by ${t.describeType(index)}.`, node.index);
    }
    const names = t.fieldNames(object);
    return names === null ? (t.fieldType(object, "") ?? t.dyn) : t.dyn;
  }

  map(node: NodeOf<"map">, env: Env): t.Type {
    const properties = new Map<string, JsonSchema>();
    for (const [key, value] of node.entries) {
      const type = this.value(key, env);
      if (type.kind !== "string" && type.kind !== "dyn") {
        this.report("cel-type", `A key of a map is a string, not ${t.describeType(type)}.`, key);
      }
      const schema = t.toSchema(this.type(value, env));
      if (key.kind === "literal" && typeof key.value === "string") properties.set(key.value, schema);
    }
    const isOpen = properties.size < node.entries.length || properties.size === 0;
    const schema = {
      type: "object",
      properties: Object.fromEntries(properties),
      ...(isOpen ? { additionalProperties: true } : {}),
    };
    return { kind: "object", nullable: false, schema };
  }

  macro(node: NodeOf<"macro">, env: Env): t.Type {
    const list = this.value(node.list, env);
    if (list.kind !== "list" && list.kind !== "object" && list.kind !== "dyn") {
      this.report("cel-type", `${node.macro}() needs a list or a map; this is ${t.describeType(list)}.`, node.list);
    }
    const item = t.itemType(list);
    const inside: Env = {
      bound: new Map([...env.bound, [node.variable, item]]),
      facts: withoutName(env.facts, node.variable),
    };
    if (node.macro === "map") {
      if (node.filter === null) return t.listOf(this.type(node.body, inside));
      this.boolean(node.filter, inside, "The condition of map()");
      const facts = union(inside.facts, factsWhen(node.filter, true));
      return t.listOf(this.type(node.body, { ...inside, facts }));
    }
    this.boolean(node.body, inside, `${node.macro}()`);
    return node.macro === "filter" ? (list.kind === "list" ? list : t.listOf(item)) : t.boolean;
  }

  binary(node: NodeOf<"binary">, env: Env): t.Type {
    const { operator, left, right } = node;
    if (operator === "==" || operator === "!=") {
      const isNull = (side: Node): boolean => side.kind === "literal" && side.value === null;
      if (isNull(left) || isNull(right)) {
        this.type(left, env);
        this.type(right, env);
        return t.boolean;
      }
    }
    if (operator === "-") {
      const minus = minusProblem(this, node, env);
      if (minus !== null) return minus;
    }
    const types = [this.value(left, env), this.value(right, env)] as const;
    return binaryType(this, node, types[0], types[1]);
  }

  /** `all()` over a list that nothing says is not empty. */
  vacuous(root: Node): void {
    const tested = new Set((this.options.beside ?? []).flatMap(sizeTested));
    collectSizeTests(root, tested);
    const visit = (node: Node): void => {
      if (node.kind === "macro" && node.macro === "all" && node.list.kind !== "list") {
        const key = listKey(sourceOfMap(node.list));
        if (key === null || !tested.has(key)) {
          const list = this.source(node.list);
          const message = `all() is true when ${list} is empty, and nothing here says that it is not.`;
          this.report("vacuous-all", message, node, `Add size(${list}) > 0.`, "warning");
        }
      }
      for (const child of childrenOf(node)) visit(child);
    };
    visit(root);
  }

  /** The nearest of some names as a hint. */
  near(name: string, names: readonly string[]): string | undefined {
    const near = closest(name, names);
    if (near !== undefined) return `Did you mean "${near}"?`;
    if (names.length === 0) return "Nothing is declared there.";
    return names.length > 24 ? undefined : `There is: ${names.join(", ")}.`;
  }
}

/** `list.map(…)` has as many items as the list. */
function sourceOfMap(node: Node): Node {
  return node.kind === "macro" && node.macro === "map" && node.filter === null ? sourceOfMap(node.list) : node;
}

function typeOfLiteral({ value }: NodeOf<"literal">): t.Type {
  switch (typeof value) {
    case "string":
      return t.string;
    case "bigint":
      return t.integer;
    case "number":
      return t.double;
    case "boolean":
      return t.boolean;
    default:
      return t.nullType;
  }
}

const expectedWords: Readonly<Record<CheckOptions["expects"], string>> = {
  boolean: "true or false",
  string: "a string",
  integer: "a whole number",
  number: "a number",
  array: "a list",
  object: "a map",
  duration: "a duration",
  timestamp: "a timestamp",
  any: "a value",
};

function isExpected(type: t.Type, expects: CheckOptions["expects"], nullAllowed: boolean): boolean {
  if (type.kind === "dyn" || expects === "any") return true;
  if (type.kind === "null") return nullAllowed;
  switch (expects) {
    case "array":
      return type.kind === "list";
    case "number":
      return t.isNumber(type);
    default:
      return type.kind === expects;
  }
}

function expectedHint(type: t.Type, expects: CheckOptions["expects"], source: string): string | undefined {
  const short = source.length > 60 ? "…" : source;
  if (expects === "boolean") {
    return type.kind === "list"
      ? `Write size(${short}) > 0, or all()/exists() over it.`
      : "Compare it with something: ==, !=, <, >.";
  }
  if (expects === "string" && (t.isNumber(type) || type.kind === "boolean")) return `Write string(${short}).`;
  if (expects === "integer" && (t.isNumber(type) || type.kind === "string")) return `Write int(${short}).`;
  if (expects === "number" && type.kind === "string") return `Write double(${short}).`;
  if (expects === "duration" && type.kind === "string") return `Write duration(${short}).`;
  return expects === "timestamp" && type.kind === "string" ? `Write timestamp(${short}).` : undefined;
}
