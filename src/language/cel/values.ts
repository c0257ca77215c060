/**
 * Values of expressions. Inside, whole numbers are BigInt and all other numbers are JS numbers (CEL int and double);
 * outside, plain JSON. `load` and `store` are the border: a whole double kept inside a list is boxed, or reading it back
 * would make a whole number of it.
 */
import { UnknownValue } from "./cel.ts";
import { EvaluationError } from "./evaluation-error.ts";
import { isSemver, type Semver } from "./semver.ts";

/** A length of time. In JSON it is seconds with an `s`, as in `90s` or `-1.5s` (the form of protobuf's JSON). */
export class CelDuration {
  /** Milliseconds, may be negative or a fraction. */
  readonly durationMs: number;
  constructor(durationMs: number) {
    this.durationMs = durationMs;
  }
  toString(): string {
    const seconds = this.durationMs / 1000;
    return `${Number.isInteger(seconds) ? seconds : Number(seconds.toFixed(9))}s`;
  }
  toJSON(): string {
    return this.toString();
  }
}

/** Not decided: the steps and inputs that will provide what was read, in reading order. */
export class Undecided {
  readonly from: readonly string[];
  constructor(from: readonly string[]) {
    this.from = from;
  }
  with(other: unknown): Undecided {
    return other instanceof Undecided ? new Undecided([...new Set([...this.from, ...other.from])]) : this;
  }
}

/** A whole double inside a list or map made by an expression. */
class CelDouble {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Date
  | CelDuration
  | Semver
  | Undecided
  | readonly unknown[]
  | { readonly [key: string]: unknown };

export type ValueKind =
  | "null"
  | "boolean"
  | "integer"
  | "double"
  | "string"
  | "list"
  | "object"
  | "timestamp"
  | "duration"
  | "semver";

export function kindOf(value: Value): ValueKind {
  switch (typeof value) {
    case "bigint":
      return "integer";
    case "number":
      return "double";
    case "string":
      return "string";
    case "boolean":
      return "boolean";
    default:
      if (value === null) return "null";
      if (Array.isArray(value)) return "list";
      if (value instanceof Date) return "timestamp";
      if (value instanceof CelDuration) return "duration";
      return isSemver(value) ? "semver" : "object";
  }
}

const kindNames: Readonly<Record<ValueKind, string>> = {
  null: "null",
  boolean: "a boolean",
  integer: "a whole number",
  double: "a number",
  string: "a string",
  list: "a list",
  object: "a map",
  timestamp: "a timestamp",
  duration: "a duration",
  semver: "a version",
};

/** `a string`, `a list`, … for messages. */
export function kindName(kind: ValueKind): string {
  return kindNames[kind];
}

/** Takes a value out of a scope, list or map. Anything that is not data is an error. */
export function load(raw: unknown): Value {
  switch (typeof raw) {
    case "number":
      return Number.isSafeInteger(raw) ? BigInt(raw) : raw;
    case "string":
    case "boolean":
    case "bigint":
      return raw;
    case "object":
      if (raw === null || Array.isArray(raw) || raw instanceof Date) return raw;
      if (raw instanceof CelDouble) return raw.value;
      if (raw instanceof UnknownValue) return new Undecided([raw.from]);
      return raw as Value;
    default:
      throw new EvaluationError("cel-type", `A ${typeof raw} is not data.`);
  }
}

/** Puts a value into a list or map. */
export function store(value: Value): unknown {
  return typeof value === "number" && Number.isInteger(value) ? new CelDouble(value) : value;
}

export const minInt = -(2n ** 63n);
export const maxInt = 2n ** 63n - 1n;

const plainPrototypes: readonly unknown[] = [Object.prototype, null];

/** An object that is data: not an instance of a class. */
export function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return plainPrototypes.includes(prototype) || Object.getPrototypeOf(prototype) === null;
}

/** Deepest value that leaves an expression: whoever walks it further (JSON.stringify does) must not run out of stack. */
const deepest = 500;

/**
 * A finished value as plain data: whole numbers become JS numbers where they fit exactly and stay BigInt where not;
 * timestamps stay `Date`, durations `CelDuration`, versions become text. An unknown anywhere inside makes the whole
 * `Undecided`.
 */
export function unload(value: Value, depth = 0): unknown {
  switch (typeof value) {
    case "bigint":
      return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
        ? Number(value)
        : value;
    case "object":
      if (value === null || value instanceof Date || value instanceof CelDuration || value instanceof Undecided) {
        return value;
      }
      if (isSemver(value)) return value.text;
      if (depth > deepest) throw new EvaluationError("cel-limit", `The value is nested deeper than ${deepest} levels.`);
      return Array.isArray(value) ? unloadList(value, depth) : unloadMap(value as Record<string, unknown>, depth);
    default:
      return value;
  }
}

function unloadList(list: readonly unknown[], depth: number): unknown {
  let undecided: Undecided | undefined;
  const out = list.map((item) => {
    const value = item === undefined ? null : unload(load(item), depth + 1);
    if (value instanceof Undecided) undecided = value.with(undecided);
    return value;
  });
  return undecided ?? out;
}

function unloadMap(map: Record<string, unknown>, depth: number): unknown {
  let undecided: Undecided | undefined;
  const entries: [string, unknown][] = [];
  for (const [key, item] of Object.entries(map)) {
    if (item === undefined) continue;
    const value = unload(load(item), depth + 1);
    if (value instanceof Undecided) undecided = value.with(undecided);
    entries.push([key, value]);
  }
  // fromEntries defines own properties, so a key "__proto__" stays a key.
  return undecided ?? Object.fromEntries(entries);
}

/** Finished data as JSON: timestamps as ISO text, durations as seconds (`90s`), whole numbers beyond 2^53 as digits. */
export function toJson(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value.toString();
  }
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (value instanceof Date) return timestampText(value);
  if (value instanceof CelDuration) return value.toString();
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJson(item)]));
  }
  return value ?? null;
}

/** RFC 3339 in UTC; whole seconds without a fraction. */
export function timestampText(value: Date): string {
  return value.toISOString().replace(".000Z", "Z");
}
