/** Words to write JSON Schemas of outputs with (draft 2020-12). Objects stay open: fields are added within a major. */
import type { JsonSchema } from "../../util/json.ts";

type Fields = Readonly<Record<string, JsonSchema>>;

/** Every field is always there. */
export function record(fields: Fields, more: JsonSchema = {}): JsonSchema {
  return { type: "object", required: Object.keys(fields), properties: fields, ...more };
}

/** `optional` fields may be absent. */
export function recordWith(fields: Fields, optional: Fields): JsonSchema {
  return { type: "object", required: Object.keys(fields), properties: { ...fields, ...optional } };
}

export const text: JsonSchema = { type: "string" };
export const truth: JsonSchema = { type: "boolean" };
export const whole: JsonSchema = { type: "integer" };
export const count: JsonSchema = { type: "integer", minimum: 0 };
export const anything: JsonSchema = {};
export const map: JsonSchema = { type: "object" };
export const time: JsonSchema = {
  type: "string",
  pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$",
  description: "UTC, ISO 8601 with milliseconds.",
};
export const ms: JsonSchema = { type: "number", minimum: 0, description: "Milliseconds." };
export const digest: JsonSchema = { type: "string", pattern: "^sha256:[0-9a-f]{64}$" };
export const hex: JsonSchema = { type: "string", pattern: "^[0-9a-f]{64}$" };
export const runId: JsonSchema = { type: "string", pattern: "^rb-[a-z0-9]{6}$" };
export const path: JsonSchema = { type: "string", description: "Step path, such as `confirm.version`." };

export function list(items: JsonSchema): JsonSchema {
  return { type: "array", items };
}

export function mapOf(values: JsonSchema): JsonSchema {
  return { type: "object", additionalProperties: values };
}

export function oneOf(...values: readonly string[]): JsonSchema {
  return { type: "string", enum: values };
}

export function exactly(value: string): JsonSchema {
  return { const: value };
}

/** The schema, or null. */
export function orNull(schema: JsonSchema): JsonSchema {
  if (Array.isArray(schema["enum"]))
    return { ...schema, type: [schema["type"], "null"], enum: [...schema["enum"], null] };
  if (typeof schema["type"] === "string") return { ...schema, type: [schema["type"], "null"] };
  return { anyOf: [schema, { type: "null" }] };
}

export function described(schema: JsonSchema, description: string): JsonSchema {
  return { ...schema, description };
}

/** A whole schema file. */
export function published(name: string, title: string, schema: JsonSchema): JsonSchema {
  return { $schema: "https://json-schema.org/draft/2020-12/schema", $id: `${name}.v1.schema.json`, title, ...schema };
}
