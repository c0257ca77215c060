/**
 * Reads JSON of a vendor strictly where we depend on it: a shape returns the value it was given, or says which field
 * is not what the documentation promises. Keys nobody asked for are kept.
 */
export type Shape<T> = (value: unknown, at: string) => T;

/** `[3].Version is a string ("41"), expected a whole number` */
export class ShapeMismatch extends Error {}

function mismatch(at: string, value: unknown, expected: string): never {
  const kind = value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
  const shown =
    typeof value === "string" || typeof value === "number" ? ` (${JSON.stringify(value).slice(0, 60)})` : "";
  const found = value === undefined ? "is missing" : `is ${kind.replace(/^a (?=[aeiou])/, "an ")}${shown}`;
  throw new ShapeMismatch(`${at === "" ? "the whole" : at} ${found}, expected ${expected}`);
}

export const aText: Shape<string> = (value, at) =>
  typeof value === "string" ? value : mismatch(at, value, "a string");

export const aWhole: Shape<number> = (value, at) =>
  Number.isSafeInteger(value) ? (value as number) : mismatch(at, value, "a whole number");

export const aTruth: Shape<boolean> = (value, at) =>
  typeof value === "boolean" ? value : mismatch(at, value, "true or false");

/** Absent and null become `instead`: Go leaves empty fields out, or prints null for an empty list. */
export function or<T, U>(shape: Shape<T>, instead: U): Shape<T | U> {
  return (value, at) => (value === undefined || value === null ? instead : shape(value, at));
}

export function aList<T>(item: Shape<T>): Shape<T[]> {
  return (value, at) =>
    Array.isArray(value) ? value.map((each, index) => item(each, `${at}[${index}]`)) : mismatch(at, value, "a list");
}

/** An object used as a map. */
export function aMap<T>(item: Shape<T>): Shape<Record<string, T>> {
  return (value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return mismatch(at, value, "an object");
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, item(each, join(at, name))]));
  };
}

/** An object with these fields; the others are kept as they are. */
export function anObject<T extends object>(fields: { readonly [K in keyof T]: Shape<T[K]> }): Shape<T> {
  return (value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return mismatch(at, value, "an object");
    const given = value as Record<string, unknown>;
    const read: Record<string, unknown> = { ...given };
    for (const name of Object.keys(fields) as (keyof T & string)[])
      read[name] = fields[name](given[name], join(at, name));
    return read as T;
  };
}

function join(at: string, name: string): string {
  return at === "" ? name : `${at}.${name}`;
}
