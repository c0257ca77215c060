/** Calls: known names, right arguments, and literals that can be tried before anything runs. */
import { closest } from "../../util/closest.ts";
import type { Checker, Env } from "./check.ts";
import { EvaluationError } from "./evaluation-error.ts";
import { functions } from "./functions.ts";
import { type CelFunction, type Overload, selectOverload } from "./overload.ts";
import { compileRegex } from "./regex.ts";
import type { Node, NodeOf } from "./syntax.ts";
import { durationHint } from "./time.ts";
import * as t from "./types.ts";

export function checkCall(checker: Checker, node: NodeOf<"call">, env: Env): t.Type {
  const fn = functions.get(node.name);
  if (fn === undefined) return unknownFunction(checker, node, env);
  const args = node.args.map((arg) => (node.name === "dyn" ? checker.type(arg, env) : checker.value(arg, env)));
  if (fn.form === (node.method ? "function" : "method")) {
    const source = node.args[0] === undefined ? "x" : checker.source(node.args[0]);
    const hint = node.method ? `Write ${node.name}(${source}).` : `Write ${source}.${node.name}(…).`;
    return checker.report("cel-type", `${node.name}() is a ${fn.form}.`, node, hint);
  }
  const overload = fn.overloads.find((candidate) => accepts(candidate, args));
  if (overload === undefined) return noOverload(checker, node, fn, args);
  tryLiterals(checker, node, fn);
  return typeof overload.result === "function" ? overload.result(args) : overload.result;
}

const macros = ["all", "exists", "exists_one", "map", "filter"];

function unknownFunction(checker: Checker, node: NodeOf<"call">, env: Env): t.Type {
  for (const arg of node.args) if (!node.method || arg === node.args[0]) checker.type(arg, env);
  if (macros.includes(node.name)) {
    const form = `list.${node.name}(x, …)`;
    return checker.report(
      "cel-type",
      `${node.name}() is written ${form}.`,
      node,
      `Write ${form}, where x is each item.`,
    );
  }
  const form = node.method ? "function" : "method";
  const names = [...functions].filter(([, fn]) => fn.form !== form).map(([name]) => name);
  const near =
    elsewhere[node.name] ??
    nearName(node.name, [...names, ...(node.method ? macros : ["has"])]) ??
    elsewhere[closest(node.name, Object.keys(elsewhere)) ?? ""] ??
    everyFunction;
  return checker.report(
    "unknown-function",
    `There is no ${node.method ? "method" : "function"} ${node.name}().`,
    node,
    near,
  );
}

const everyFunction = "docs/reference/expressions.md lists them all.";

/** What other languages call it. */
const elsewhere: Readonly<Record<string, string>> = {
  length: "Write size(x).",
  len: "Write size(x).",
  count: "Write size(list.filter(x, …)).",
  includes: 'Write text.contains("…") or x in list.',
  toLowerCase: "Write text.lowerAscii().",
  toUpperCase: "Write text.upperAscii().",
  lower: "Write text.lowerAscii().",
  upper: "Write text.upperAscii().",
  any: "Write list.exists(x, …).",
  some: "Write list.exists(x, …).",
  every: "Write list.all(x, …).",
  find: "Write list.filter(x, …)[0].",
  fromJSON: "Write json(text).",
  toString: "Write string(x).",
  test: 'Write text.matches("…").',
  match: 'Write text.matches("…").',
  now: "Time comes from the run: run.startedAt, steps.x.finishedAt.",
  uint: "There are no unsigned numbers: write int(x).",
};

function nearName(name: string, names: readonly string[]): string | undefined {
  const near = closest(name, names);
  return near === undefined ? undefined : `Did you mean ${near}()?`;
}

function accepts(overload: Overload, args: readonly t.Type[]): boolean {
  if (overload.params.length !== args.length) return false;
  return args.every(({ kind }, at) => {
    const param = overload.params[at]!;
    if (param === "any" || kind === "dyn" || kind === param) return true;
    // JSON's number may be whole; whether it is shows when it is there.
    if (param === "number" || param === "integer" || param === "double") {
      return kind === "number" || (param === "number" && (kind === "integer" || kind === "double"));
    }
    return false;
  });
}

function noOverload(checker: Checker, node: NodeOf<"call">, fn: CelFunction, args: readonly t.Type[]): t.Type {
  const got = args.slice(node.method ? 1 : 0).map(t.describeType);
  const forms = fn.overloads.map(({ params }) => `${node.name}(${params.slice(node.method ? 1 : 0).join(", ")})`);
  const on = node.method ? ` on ${t.describeType(args[0]!)}` : "";
  const message = `${node.name}()${on} does not take ${got.length === 0 ? "nothing" : got.join(", ")}.`;
  const receivers = [...new Set(fn.overloads.map(({ params }) => params[0]))].join(" or ");
  const hint = `It is ${[...new Set(forms)].join(" or ")}${node.method ? ` on ${receivers}` : ""}.`;
  return checker.report("cel-type", message, node, hint);
}

function isLiteralArg(node: Node): node is NodeOf<"literal"> {
  return node.kind === "literal";
}

/** Patterns and texts written out in the expression are tried now: duration("90d") would fail in the run. */
function tryLiterals(checker: Checker, node: NodeOf<"call">, fn: CelFunction): void {
  if (node.name === "matches") {
    const pattern = node.args[1];
    if (pattern?.kind !== "literal" || typeof pattern.value !== "string") return;
    const regex = compileRegex(pattern.value);
    if (typeof regex !== "string") return;
    checker.report("cel-regex", `Not a regular expression: ${regex}.`, pattern, "The syntax is RE2's.");
    return;
  }
  if (node.args.length === 0 || !node.args.every(isLiteralArg)) return;
  try {
    const selected = selectOverload(
      fn,
      node.args.map(({ value }) => value),
    );
    selected?.overload.call(selected.args, () => undefined);
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error;
    const text = node.args[0]!.value;
    const hint = node.name === "duration" && typeof text === "string" ? durationHint(text) : undefined;
    checker.report(
      "cel-type",
      hint === undefined ? error.message : `"${text}" is not a duration.`,
      node.args[0]!,
      hint,
    );
  }
}
