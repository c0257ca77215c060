/** Short forms for the JSON Schemas of step types. */
import type { JsonSchema } from "../util/json.ts";

type Properties = Readonly<Record<string, JsonSchema>>;

/** A closed object; the names in `required` must be there. */
export function closed(properties: Properties, required: readonly string[] = [], more: JsonSchema = {}): JsonSchema {
  return { type: "object", additionalProperties: false, required, properties, ...more };
}

/** A closed object in which every property is always there: the form of results. */
export function result(properties: Properties): JsonSchema {
  return closed(properties, Object.keys(properties));
}

/** An object whose listed properties are always there and which may carry others of the vendor's. */
export function row(properties: Properties): JsonSchema {
  return { type: "object", additionalProperties: true, required: Object.keys(properties), properties };
}

/** For `closed`: one of the two must be given, and not both. */
export function either(one: string, other: string): JsonSchema {
  return { ...notBoth(one, other), else: { required: [other] } };
}

/** For `closed`: beside the one the other says nothing. */
export function notBoth(one: string, other: string): JsonSchema {
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema is called so.
  return { if: { required: [one] }, then: { properties: { [other]: false } } };
}

export function text(description: string, more: JsonSchema = {}): JsonSchema {
  return { type: "string", description, ...more };
}

/** A text out of a closed list; each value with its own Markdown sentence. */
export function choice(description: string, values: Readonly<Record<string, string>>): JsonSchema {
  return text(description, { enum: Object.keys(values), markdownEnumDescriptions: Object.values(values) });
}

export function whole(description: string, more: JsonSchema = {}): JsonSchema {
  return { type: "integer", description, ...more };
}

export function decimal(description: string): JsonSchema {
  return { type: "number", description };
}

export function truth(description: string): JsonSchema {
  return { type: "boolean", description };
}

export function listOf(items: JsonSchema, description: string, more: JsonSchema = {}): JsonSchema {
  return { type: "array", items, description, ...more };
}

/** The same, or null. */
export function nullable(schema: JsonSchema): JsonSchema {
  return { ...schema, type: [schema["type"], "null"] };
}

/** Any JSON; expressions see it as dynamic. */
export function anything(description: string): JsonSchema {
  return { description };
}

/** An object of texts under names the author chooses. */
export function textMap(description: string): JsonSchema {
  return { type: "object", additionalProperties: { type: "string" }, description };
}
