/** A value in words. The data have no prototype, so `String()` throws for a map where a text was meant. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

/** Words for what a schema says: names of types, hints for wrong types, and where a key would belong. */
import { closest } from "../util/closest.ts";
import { isObject } from "../util/json.ts";
import type { Findings } from "./findings.ts";
import { definitionName, groupKeys } from "./schema/step-schema.ts";
import { escapePointer, lastKeyOf, parentOf, type Source, valueAt } from "./source.ts";

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

interface WrongType {
  /** Of the key; of the list for an item. */
  readonly name: string;
  readonly isItem: boolean;
  readonly expected: readonly string[];
  readonly data: unknown;
  /** As it stands in the file. */
  readonly written: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

/** How to write the value so that it has the expected type; undefined when nothing better than the message is known. */
export function typeHint({ name, isItem, expected, data, written, schema }: WrongType): string | undefined {
  if ((name === "id" || name === "as") && (data === null || typeof data === "boolean"))
    return `${written} is a word of the expression language; write ${written === "" ? "a name" : `${written}_step`}.`;
  if (expected.includes("string") && (typeof data === "number" || typeof data === "boolean")) {
    if (name === "version") return `Quote it, and give it three numbers: "${threeNumbers(written)}".`;
    if (name === "irreversible") return "Write the reason: why it cannot or need not be undone.";
    if (/^Write a duration/.test(String(schema["patternErrorMessage"] ?? "")) && typeof data === "number")
      return `Write the unit: ${["s", "m", "h", "d"].map((unit) => written + unit).join(", ")}.`;
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
  if (expected.includes("array") && name === "command" && typeof data === "string")
    return `Write each word as an item: [${data.trim().split(/\s+/).join(", ")}].`;
  if (expected.includes("array") && !Array.isArray(data))
    return isObject(data) ? 'Begin each item with "- ".' : `Write a list: [${written.split("\n")[0]!.slice(0, 40)}].`;
  if (expected.includes("string") && isObject(data)) {
    return Object.keys(data).length === 1 ? 'If it is one text, quote it: a ": " inside it makes a map.' : undefined;
  }
  if (expected.includes("string") && Array.isArray(data) && "patternErrorMessage" in schema)
    return String(schema["patternErrorMessage"]);
  if (expected.includes("object")) return mapHint(isItem ? "-" : `${name}:`, schema);
  return undefined;
}

/** How a map is written: with the keys it must have, or with names the author chooses. */
function mapHint(before: string, schema: Readonly<Record<string, unknown>>): string {
  const then = isObject(schema["then"]) ? schema["then"] : {};
  const known = isObject(schema["properties"]) ? Object.keys(schema["properties"]) : [];
  const required = (schema["required"] ?? then["required"] ?? []) as readonly string[];
  if (before === "-" && known.includes("uses")) return "A step is a map: - { id: …, title: …, run: … }.";
  const keys = required.length > 0 ? required : known.slice(0, 1);
  return `Write ${before} { ${(keys.length > 0 ? keys : ["NAME"]).map((key) => `${key}: …`).join(", ")} }.`;
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

/** The schema of what a step type is given; null when there is no such type. */
export function definitionOf(type: string, root: unknown): Readonly<Record<string, unknown>> | null {
  const node = valueAt(root, `/$defs/${escapePointer(definitionName(type))}`);
  return isObject(node) ? node : null;
}

/** The same for the `with` at a pointer. */
export function schemaOfWith(pointer: string, root: unknown, source: Source): Readonly<Record<string, unknown>> | null {
  if (lastKeyOf(pointer) !== "with") return null;
  return definitionOf(textOf(valueAt(source.data, `${parentOf(pointer)}/uses`)), root);
}

/** A key that exists but not here: beside another action, on a group, on the wrong provider. */
export function misplacedKey(pointer: string, source: Source, findings: Findings, root: unknown): void {
  const key = lastKeyOf(pointer);
  const owner = valueAt(source.data, parentOf(pointer));
  const at = source.keyAt(pointer);
  const condition = schemaOfWith(parentOf(pointer), root, source)?.["if"];
  const [other] = isObject(condition) ? ((condition["required"] ?? []) as readonly string[]) : [];
  if (other !== undefined) {
    findings.error("key-not-allowed", at, `"${key}" does not go with "${other}".`, { hint: "Keep one of the two." });
    return;
  }
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
