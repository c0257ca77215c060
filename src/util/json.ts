/** Plain data as JSON knows it. What flows between the folders is made of this and nothing else. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** What a terminal could obey or show otherwise than it is, and JSON leaves as it is: DEL, C1, direction and invisible ones. */
const unprintable = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Most text has none of them. */
const printedOtherwise = new RegExp(`${unprintable.source}|##\\[`);

/** JSON that is safe to print: such characters as `\u009b`, and no `##[`, which runners obey anywhere. It reads back to the same value. */
export function printableJson(value: unknown, indent = 0): string {
  const text = JSON.stringify(value, null, indent);
  if (!printedOtherwise.test(text)) return text;
  return text
    .replace(unprintable, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .replaceAll("##[", "\\u0023#[");
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
