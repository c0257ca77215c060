/** Plain data as JSON knows it. What flows between the folders is made of this and nothing else. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * A JSON Schema (draft 2020-12). The same object describes a step type's input
 * for people and editors, validates it, and types its result for expressions.
 */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
