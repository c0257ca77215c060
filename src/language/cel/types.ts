/** Types of expressions. A type is a JSON Schema seen through CEL's eyes; schemas are read lazily, as deep as needed. */
import { isObject, type JsonSchema } from "../../util/json.ts";
import type { ValueKind } from "./values.ts";

/** `number` is JSON's: whole or not. `dyn` is anything. */
export type TypeKind = ValueKind | "number" | "dyn";

export interface Type {
  readonly kind: TypeKind;
  /** May be null besides. */
  readonly nullable: boolean;
  /** The schema without its null. */
  readonly schema: JsonSchema;
}

export const dyn: Type = { kind: "dyn", nullable: false, schema: {} };
export const nullType: Type = { kind: "null", nullable: true, schema: { type: "null" } };
export const boolean: Type = { kind: "boolean", nullable: false, schema: { type: "boolean" } };
export const integer: Type = { kind: "integer", nullable: false, schema: { type: "integer" } };
export const number: Type = { kind: "number", nullable: false, schema: { type: "number" } };
export const double: Type = { kind: "double", nullable: false, schema: { type: "number" } };
export const string: Type = { kind: "string", nullable: false, schema: { type: "string" } };
export const timestamp: Type = {
  kind: "timestamp",
  nullable: false,
  schema: { type: "string", format: "date-time" },
};
export const duration: Type = { kind: "duration", nullable: false, schema: { type: "string", format: "duration" } };
export const semver: Type = { kind: "semver", nullable: false, schema: { type: "string" } };

export function listOf(item: Type): Type {
  return { kind: "list", nullable: false, schema: { type: "array", items: toSchema(item) } };
}

export function nonNull(type: Type): Type {
  return type.nullable && type.kind !== "null" ? { ...type, nullable: false } : type;
}

export function orNull(type: Type): Type {
  return type.kind === "dyn" ? type : { ...type, nullable: true };
}

/** The JSON Schema of a type; `{}` = dynamic. */
export function toSchema(type: Type): JsonSchema {
  if (type.kind === "dyn" || type.kind === "null" || !type.nullable) return type.schema;
  const { type: name, ...rest } = type.schema;
  const withNull =
    typeof name === "string" ? { ...rest, type: [name, "null"] } : { anyOf: [type.schema, { type: "null" }] };
  return Array.isArray(type.schema["enum"]) && typeof name === "string"
    ? { ...withNull, enum: [...type.schema["enum"], null] }
    : withNull;
}

/** The type a JSON Schema describes; what it cannot say in one type is `dyn`. */
export function typeOf(schema: unknown): Type {
  if (!isObject(schema)) return dyn;
  const alternatives = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(alternatives)) return typeOfAlternatives(alternatives);
  const names = typeNames(schema);
  const known = names.filter((name) => name !== "null");
  const nullable = known.length < names.length;
  if (known.length === 0) return nullable ? nullType : dyn;
  const { enum: values, ...rest } = schema;
  const bare: JsonSchema = {
    ...rest,
    ...(Array.isArray(values) ? { enum: values.filter((value) => value !== null) } : {}),
    type: known.length === 1 ? known[0] : known,
  };
  const kind = known.length === 1 ? kindOfName(known[0]!, bare) : isNumeric(known) ? "number" : "dyn";
  return kind === "dyn" ? dyn : { kind, nullable, schema: kind === "number" ? { ...bare, type: "number" } : bare };
}

function isNumeric(names: readonly string[]): boolean {
  return names.every((name) => name === "integer" || name === "number");
}

function typeNames(schema: JsonSchema): readonly string[] {
  const type = schema["type"];
  if (typeof type === "string") return [type];
  if (Array.isArray(type)) return type.filter((name): name is string => typeof name === "string");
  const values = Array.isArray(schema["enum"]) ? schema["enum"] : "const" in schema ? [schema["const"]] : [];
  if (values.length > 0) return [...new Set(values.map(nameOfValue))];
  if (isObject(schema["properties"]) || isObject(schema["additionalProperties"])) return ["object"];
  return isObject(schema["items"]) ? ["array"] : [];
}

function nameOfValue(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function kindOfName(name: string, schema: JsonSchema): TypeKind {
  switch (name) {
    case "string":
      if (schema["format"] === "date-time") return "timestamp";
      return schema["format"] === "duration" ? "duration" : "string";
    case "integer":
    case "number":
    case "boolean":
    case "object":
      return name;
    case "array":
      return "list";
    default:
      return "dyn";
  }
}

function typeOfAlternatives(alternatives: readonly unknown[]): Type {
  return alternatives.map(typeOf).reduce(join);
}

/** The type of a value that has either type. */
export function join(a: Type, b: Type): Type {
  if (a.kind === "null") return orNull(b);
  if (b.kind === "null") return orNull(a);
  const nullable = a.nullable || b.nullable;
  if (a.kind === b.kind) {
    const same = a.schema === b.schema || JSON.stringify(a.schema) === JSON.stringify(b.schema);
    if (same) return { ...a, nullable };
    const plain = plainTypes[a.kind];
    if (plain !== undefined) return { ...plain, nullable };
    if (a.kind === "list") return { ...listOf(join(itemType(a), itemType(b))), nullable };
    return { kind: "object", nullable, schema: { type: "object" } };
  }
  return isNumber(a) && isNumber(b) ? { ...number, nullable } : dyn;
}

const plainTypes: Partial<Record<TypeKind, Type>> = {
  boolean,
  integer,
  number,
  double,
  string,
  timestamp,
  duration,
  semver,
};

export function isNumber(type: Type): boolean {
  return type.kind === "integer" || type.kind === "number" || type.kind === "double";
}

/** Type of a list's items (of a map's: its keys). */
export function itemType(type: Type): Type {
  if (type.kind === "list") return typeOf(type.schema["items"]);
  return type.kind === "object" ? string : dyn;
}

/** The names an object type has, in order; null when it may have any. */
export function fieldNames(type: Type): readonly string[] | null {
  const properties = type.schema["properties"];
  if (type.kind !== "object" || !isObject(properties)) return null;
  return Object.keys(properties);
}

/**
 * Type of a field; undefined when the object cannot have it. Properties listed without `additionalProperties` are all
 * there are: a step type that promises nothing about a field has not got it.
 */
export function fieldType(type: Type, name: string): Type | undefined {
  if (type.kind === "dyn") return dyn;
  if (type.kind !== "object") return undefined;
  const properties = type.schema["properties"];
  if (isObject(properties) && Object.hasOwn(properties, name)) return typeOf(properties[name]);
  const others = type.schema["additionalProperties"];
  if (isObject(others)) return typeOf(others);
  if (others === true) return dyn;
  return isObject(properties) || others === false ? undefined : dyn;
}

const kindWords: Readonly<Record<TypeKind, string>> = {
  dyn: "anything",
  null: "null",
  boolean: "a boolean",
  integer: "a whole number",
  double: "a number with a fraction",
  number: "a number",
  string: "a string",
  list: "a list",
  object: "a map",
  timestamp: "a timestamp",
  duration: "a duration",
  semver: "a version",
};

/** `a string`, `a list of strings or null`, … */
export function describeType(type: Type): string {
  return kindWords[type.kind] + (type.nullable && type.kind !== "null" ? " or null" : "");
}
