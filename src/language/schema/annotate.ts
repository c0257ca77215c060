/** What only editors read of a published schema; it says nothing about validity, and no run carries it. */
import { isObject, type Json, type JsonSchema } from "../../util/json.ts";

/** A value, and the definition of `$defs` it is an example of; null = the schema itself. */
export interface Example {
  readonly of: string | null;
  readonly value: Json;
}

/** An editor shows every example of a value, so a few must do. */
const mostScalars = 3;

/**
 * The same schema with `examples` at every described node that has none of its own: what the given ones, which are valid as
 * a whole, hold there. A closed list behind `if` gets snippets as well, because editors do not offer it otherwise. Pure.
 */
export function annotated(schema: JsonSchema, examples: readonly Example[]): JsonSchema {
  const definitions = (schema["$defs"] ?? {}) as Readonly<Record<string, JsonSchema>>;
  const seen = new Map<object, Json[]>();

  const visit = (node: unknown, value: Json): void => {
    if (!isObject(node)) return;
    seen.set(node, [...(seen.get(node) ?? []), value]);
    if (typeof node["$ref"] === "string") visit(definitions[node["$ref"].slice("#/$defs/".length)], value);
    if (Array.isArray(value)) {
      for (const item of value) visit(node["items"], item);
      return;
    }
    if (!isObject(value)) return;
    const properties = isObject(node["properties"]) ? node["properties"] : {};
    for (const [key, member] of Object.entries(value)) {
      visit(Object.hasOwn(properties, key) ? properties[key] : node["additionalProperties"], member as Json);
    }
  };
  for (const { of, value } of examples) visit(of === null ? schema : definitions[of], value);

  const annotate = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(annotate);
    if (!isObject(node)) return node;
    const copy = Object.fromEntries(Object.entries(node).map(([key, member]) => [key, annotate(member)]));
    const values = seen.get(node);
    const lacksExamples = values !== undefined && "markdownDescription" in node && !("examples" in node);
    return { ...copy, ...(lacksExamples ? { examples: choose(values) } : {}), ...snippets(node["else"]) };
  };
  return annotate(schema) as JsonSchema;
}

function choose(values: readonly Json[]): Json[] {
  const texts = [...new Set(values.map((value) => JSON.stringify(value)))];
  return texts.slice(0, typeof values[0] === "object" ? 1 : mostScalars).map((text) => JSON.parse(text) as Json);
}

/** `defaultSnippets` of VS Code and yaml-language-server: label, text and description of what completion offers. */
function snippets(otherwise: unknown): JsonSchema {
  if (!isObject(otherwise) || !Array.isArray(otherwise["enum"])) return {};
  const sentences = (otherwise["markdownEnumDescriptions"] ?? []) as readonly string[];
  const defaultSnippets = otherwise["enum"].map((value: Json, index) => ({
    label: String(value),
    bodyText: String(value),
    markdownDescription: sentences[index],
  }));
  return { defaultSnippets };
}
