/** Small builders for the published schemas: every node is described for people (hover) and for programs. */
import type { JsonSchema } from "../../util/json.ts";

type Node = Record<string, unknown>;

/** Description of a node, as Markdown for editors that show it and as plain text for those that do not. */
export function doc(markdown: string): Node {
  return { description: plain(markdown), markdownDescription: markdown };
}

/** The same for the values of a closed list, one sentence each. */
function values(sentences: readonly string[]): Node {
  return { enumDescriptions: sentences.map(plain), markdownEnumDescriptions: sentences };
}

function plain(markdown: string): string {
  return markdown.replace(/`|\*\*/g, "");
}

/** The same schema with Markdown wherever it is described: step types describe their fields in plain words. */
export function documented<T>(node: T): T {
  if (Array.isArray(node)) return node.map(documented) as T;
  if (typeof node !== "object" || node === null) return node;
  const members = Object.entries(node).map(([key, value]) => [key, documented(value)]);
  const described = Object.fromEntries(members) as Node;
  const { description, markdownEnumDescriptions: sentences } = described;
  const isPlain = typeof description === "string" && !("markdownDescription" in described);
  return {
    ...described,
    ...(isPlain ? doc(description) : {}),
    ...(Array.isArray(sentences) ? values(sentences) : {}),
  } as T;
}

export function text(markdown: string, more: Node = {}): Node {
  return { type: "string", minLength: 1, ...more, ...doc(markdown) };
}

/** A bare CEL expression. */
export function cel(markdown: string): Node {
  return { type: "string", minLength: 1, ...doc(markdown) };
}

/** `90s`, `1h30m`, `90d`, or ISO 8601 `PT1H30M`. */
const durationPattern =
  "^(?:(?:[0-9]+(?:\\.[0-9]+)?(?:ms|s|m|h|d|w))+|P(?=.)(?:[0-9]+W)?(?:[0-9]+D)?(?:T(?=.)(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+(?:\\.[0-9]+)?S)?)?)$";

export function duration(markdown: string): Node {
  return {
    type: "string",
    pattern: durationPattern,
    maxLength: 40,
    patternErrorMessage: "Write a duration like 90s, 5m, 1h30m, 90d or PT1H30M.",
    ...doc(markdown),
  };
}

/** A duration that is longer than nothing: a limit, an interval. */
export function span(markdown: string): Node {
  return { ...duration(markdown), pattern: `^(?=.*[1-9])${durationPattern.slice(1)}` };
}

export function flag(markdown: string): Node {
  return { type: "boolean", ...doc(markdown) };
}

/** A closed list; each value with its own sentence. */
export function choice(markdown: string, sentences: Readonly<Record<string, string>>): Node {
  return { type: "string", enum: Object.keys(sentences), ...values(Object.values(sentences)), ...doc(markdown) };
}

export function listOf(items: Node, markdown: string, more: Node = {}): Node {
  return { type: "array", items, ...more, ...doc(markdown) };
}

export function mapOf(values: Node, markdown: string, more: Node = {}): Node {
  return { type: "object", additionalProperties: values, ...more, ...doc(markdown) };
}

/**
 * An object with exactly these members. Members are asked for only while every key is known, so that a misspelt
 * required key is one mistake and not two.
 */
export function record(
  properties: Readonly<Record<string, unknown>>,
  required: readonly string[],
  markdown: string,
): Node {
  return {
    type: "object",
    additionalProperties: false,
    properties,
    ...(required.length === 0 ? {} : whenKnown(Object.keys(properties), required)),
    ...doc(markdown),
  };
}

export function whenKnown(known: readonly string[], required: readonly string[]): Node {
  return when({ propertyNames: { enum: known } }, { required });
}

/** `if` / `then` / `else` of JSON Schema. */
export function when(condition: Node, consequence: Node, otherwise?: Node): Node {
  const branches = otherwise === undefined ? {} : { else: otherwise };
  // biome-ignore lint/suspicious/noThenProperty: the keyword is called so.
  return { if: condition, then: consequence, ...branches };
}

const holePattern = "^\\s*\\$\\{\\{[\\s\\S]*\\}\\}\\s*$";

/**
 * The schema of a `with` member as it stands in a runbook: wherever a value is expected, text with a hole will do.
 * Constraints of the value itself hold for values without holes.
 */
export function withHoles(schema: JsonSchema, literal: boolean): JsonSchema {
  const out: Node = { ...schema };
  const inner = (s: unknown) => (typeof s === "object" && s !== null ? withHoles(s as JsonSchema, literal) : s);
  if (typeof out["properties"] === "object" && out["properties"] !== null) {
    out["properties"] = Object.fromEntries(Object.entries(out["properties"]).map(([k, v]) => [k, inner(v)]));
  }
  for (const keyword of ["items", "additionalProperties"]) if (keyword in out) out[keyword] = inner(out[keyword]);
  if (literal) return out;
  const types =
    out["type"] === undefined
      ? []
      : Array.isArray(out["type"])
        ? [...(out["type"] as string[])]
        : [out["type"] as string];
  if (types.length === 0 && !("enum" in out) && !("const" in out)) return out;
  if (!types.includes("string") && types.length > 0) {
    out["type"] = [...types, "string"];
    if ("enum" in out || "const" in out) return guarded(out, "string");
    return {
      ...out,
      ...when(
        { type: "string" },
        { pattern: holePattern, patternErrorMessage: `Write ${types.join(" or ")}, or a hole.` },
      ),
    };
  }
  return guarded(out, "string");
}

const ofTexts = [
  ...["enum", "enumDescriptions", "markdownEnumDescriptions", "const"],
  ...["pattern", "patternErrorMessage", "minLength", "maxLength", "format"],
];

/** Moves constraints on texts behind "unless it has a hole". */
function guarded(schema: Node, type: string): JsonSchema {
  const constraints: Node = {};
  const rest: Node = {};
  for (const [k, v] of Object.entries(schema)) {
    if (ofTexts.includes(k)) constraints[k] = v;
    else rest[k] = v;
  }
  if (Object.keys(constraints).length === 0 || "if" in rest) return schema;
  if (Object.keys(constraints).every((k) => k === "minLength")) return schema;
  return { ...rest, if: { type, pattern: "\\$\\{\\{" }, else: constraints };
}

const placeholders = "`{date}`, `{actor}`, `{runbook}`, `{target}` and `{run}` are filled in.";

/** Keys of `evidence` that runbook and project file share. */
export const evidenceNodes = {
  retention: duration("How long the run directory is kept: `prune` removes older ones."),
  append: text(`File below the project to which each finished run appends one block. ${placeholders}`),
  artifactsDir: text(
    `Folder below the project into which each finished run puts a folder of its own: \`run.json\`, \`index.md\`, its artifacts. ${placeholders}`,
  ),
};
