/** A value in words. The data have no prototype, so `String()` throws for a map where a text was meant. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

/** Words for what a schema says: names of types, hints for wrong types, and where a key would belong. */
import { closest } from "../util/closest.ts";
import { isObject } from "../util/json.ts";
import type { Findings } from "./findings.ts";
import { groupKeys } from "./schema/step-schema.ts";
import { lastKeyOf, parentOf, type Source, valueAt } from "./source.ts";

export function describeType(type: string): string {
  const words: Record<string, string> = {
    string: "a text",
    integer: "a whole number",
    number: "a number",
    boolean: "true or false",
    array: "a list",
    object: "a map",
    null: "empty",
  };
  return words[type] ?? type;
}

/** How to write the value so that it has the expected type; undefined when nothing better than the message is known. */
export function typeHint(
  name: string,
  expected: readonly string[],
  data: unknown,
  written: string,
): string | undefined {
  if (expected.includes("string") && (typeof data === "number" || typeof data === "boolean")) {
    if (name === "version") return `Quote it, and give it three numbers: "${threeNumbers(written)}".`;
    if (name === "timeout" || name === "every" || name === "delay" || name === "budget")
      return `Write the unit: ${written}s.`;
    return `Quote it: "${written}".`;
  }
  if (data === null) return "Write a value after the colon, or remove the key.";
  if (expected.includes("boolean") && typeof data === "string") {
    if (/^(yes|on|y|true)$/i.test(data)) return "Write true.";
    if (/^(no|off|n|false)$/i.test(data)) return "Write false.";
  }
  if (
    (expected.includes("integer") || expected.includes("number")) &&
    typeof data === "string" &&
    /^-?\d+(\.\d+)?$/.test(data)
  )
    return `Write ${data} without quotes.`;
  if (expected.includes("array") && !Array.isArray(data))
    return isObject(data) ? 'Begin each item with "- ".' : `Write a list: [${written.split("\n")[0]!.slice(0, 40)}].`;
  if (expected.includes("string") && isObject(data)) {
    return Object.keys(data).length === 1 ? 'If it is one text, quote it: a ": " inside it makes a map.' : undefined;
  }
  return undefined;
}

function threeNumbers(written: string): string {
  const parts = written.split(".");
  while (parts.length < 3) parts.push("0");
  return parts.join(".");
}

/** Keys that people bring along from other tools. */
const otherTools: Readonly<Record<string, string>> = {
  when: "if",
  condition: "if",
  unless: "if",
  name: "title",
  command: "run",
  cmd: "run",
  shell: "uses: script",
  script: "uses: script",
  args: "with",
  parameters: "inputs",
  params: "inputs",
  vars: "inputs",
  variables: "inputs",
  environment: "env",
  retries: "retry",
  attempts: "retry",
  depends_on: "the order of the steps",
  needs: "the order of the steps",
  dependsOn: "the order of the steps",
  register: "outputs",
  assert: "verify",
  expect: "verify",
  checks: "verify",
  undo: "rollback",
  compensate: "rollback",
  finally: "always",
  loop: "forEach",
  with_items: "forEach",
  foreach: "forEach",
  ignore_errors: "continueOnFailure",
  "continue-on-error": "continueOnFailure",
  "timeout-minutes": "timeout",
  "working-directory": "cwd",
  concurrent: "parallel",
  team: "owner",
  summary: "title",
  preconditions: "guards",
  schedule: "drill",
};

export function unknownKeyHint(name: string, known: readonly string[], pointer: string): string | undefined {
  const near = closest(name, known);
  if (near !== undefined) return `Did you mean "${near}"?`;
  const other = Object.hasOwn(otherTools, name) ? otherTools[name]! : undefined;
  if (other !== undefined && (known.includes(other) || other.includes(" ")))
    return `Here this is ${other.includes("order") ? other : `"${other}"`}.`;
  if (pointer === "" && /^x-|^_/.test(name)) return "There are no extension keys; put remarks into comments.";
  return known.length === 0 ? "It takes no keys." : known.length > 40 ? undefined : `Allowed: ${known.join(", ")}.`;
}

/** A key that exists but not here: beside another action, on a group, on the wrong provider. */
export function misplacedKey(pointer: string, source: Source, findings: Findings): void {
  const key = lastKeyOf(pointer);
  const owner = valueAt(source.data, parentOf(pointer));
  const at = source.keyAt(pointer);
  const grand = lastKeyOf(parentOf(parentOf(pointer)));
  if (grand === "targets" && key === "name") {
    findings.error("key-not-allowed", at, '"name" is always set: it is the name of the target.', {
      hint: "Remove it, or call the variable something else.",
    });
    return;
  }
  if (grand === "targets") {
    findings.error("key-not-allowed", at, `"${key}" of a target stands only in runbook.config.yaml.`, {
      hint: "A runbook cannot lift or claim protection; move it there.",
    });
    return;
  }
  if (!isObject(owner)) return;
  // In the order of the file: the second action is the one too many.
  const actions = Object.keys(owner).filter((k) => ["run", "uses", "parallel", "steps"].includes(k));
  const first = actions.find((k) => k !== key);
  if (actions.includes(key) && first !== undefined) {
    const second = source.keyAt(`${parentOf(pointer)}/${actions[1]!}`);
    findings.error("two-actions", second, `A step has one action; this one has "${actions[0]!}" already.`, {
      hint: "Make two steps of it.",
    });
    return;
  }
  if (first === "parallel" || first === "steps" || (first === "uses" && /^runbook\//.test(textOf(owner["uses"])))) {
    const what = first === "uses" ? "A nested runbook" : first === "parallel" ? "A parallel block" : "A group";
    findings.error("key-not-allowed", at, `${what} has no "${key}".`, {
      hint: `It carries only ${groupKeys.join(", ")}; write it on the steps inside.`,
    });
    return;
  }
  // With two actions the second one is the mistake, not what belongs to it.
  if (key === "with" && actions.length > 1) return;
  if (key === "with" && first === "run") {
    findings.error("key-not-allowed", at, '"with" belongs to "uses"; a command takes words, env and stdin.', {
      hint: "Put the values into the command or into env.",
    });
    return;
  }
  findings.error("key-not-allowed", at, `"${key}" cannot stand here.`, {
    hint:
      "type" in owner
        ? `A provider of type ${textOf(owner["type"])} does not have it.`
        : actions.length > 0
          ? `It does not go with "${actions[0]}".`
          : undefined,
  });
}
