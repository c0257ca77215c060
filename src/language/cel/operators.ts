/** Equality, order and arithmetic of values. */

import { EvaluationError } from "./evaluation-error.ts";
import type { Spend } from "./overload.ts";
import { compareSemver, isSemver } from "./semver.ts";
import type { Operator } from "./syntax.ts";
import { makeDuration, makeTimestamp, parseDuration, parseTimestamp } from "./time.ts";
import { CelDuration, kindName, kindOf, load, maxInt, minInt, Undecided, type Value } from "./values.ts";

/** Longest text or list an expression may build. */
const maxLength = 16 * 1024 * 1024;

/** Thrown when an unknown is met deep inside a value that is needed. */
class UndecidedInside {
  readonly undecided: Undecided;
  constructor(undecided: Undecided) {
    this.undecided = undecided;
  }
}

/** Runs work that may meet an unknown inside a list or map; then the result is that unknown. */
export function orUndecided<T>(work: () => T): T | Undecided {
  try {
    return work();
  } catch (signal) {
    if (signal instanceof UndecidedInside) return signal.undecided;
    throw signal;
  }
}

/** Takes a value out of a list or map inside `orUndecided`. */
export function loadKnown(raw: unknown): Value {
  const value = load(raw);
  if (value instanceof Undecided) throw new UndecidedInside(value);
  return value;
}

export function isScalar(value: Value): value is boolean | bigint | number | string {
  return typeof value !== "object";
}

export function equalScalars(a: boolean | bigint | number | string, b: boolean | bigint | number | string): boolean {
  if (typeof a === typeof b) return a === b;
  // == between BigInt and number compares the mathematical values.
  // biome-ignore lint/suspicious/noDoubleEquals: see above
  return isNumber(a) && isNumber(b) && a == b;
}

/** `a == b`: deep, numbers by value, different kinds are different. To be called inside `orUndecided`. */
export function equalValues(left: Value, right: Value, spend: Spend): boolean {
  if (left === right) return true;
  if (isScalar(left) && isScalar(right)) return equalScalars(left, right);
  if (left instanceof Undecided) throw new UndecidedInside(left.with(right));
  if (right instanceof Undecided) throw new UndecidedInside(right);
  const [a, b] = asTimes(left, right);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Date || b instanceof Date) {
    return a instanceof Date && b instanceof Date && a.getTime() === b.getTime();
  }
  if (a instanceof CelDuration || b instanceof CelDuration) {
    return a instanceof CelDuration && b instanceof CelDuration && a.durationMs === b.durationMs;
  }
  if (isSemver(a) || isSemver(b)) return isSemver(a) && isSemver(b) && compareSemver(a, b) === 0;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    spend(a.length);
    return a.every((item, at) => equalValues(load(item), load(b[at]), spend));
  }
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(x);
  spend(keys.length);
  if (keys.length !== Object.keys(y).length) return false;
  return keys.every((key) => Object.hasOwn(y, key) && equalValues(load(x[key]), load(y[key]), spend));
}

function isNumber(value: Value): value is bigint | number {
  return typeof value === "bigint" || typeof value === "number";
}

/**
 * JSON has no times, so a timestamp that went through a journal or an output is text again. Beside a timestamp or
 * duration such a text is read as one; two texts stay texts.
 */
function asTimes(a: Value, b: Value): readonly [Value, Value] {
  if (typeof a === "string" && typeof b === "object") return [timeLike(a, b), b];
  if (typeof b === "string" && typeof a === "object") return [a, timeLike(b, a)];
  return [a, b];
}

function timeLike(text: string, other: Value): Value {
  if (other instanceof Date) return parseTimestamp(text) ?? text;
  return other instanceof CelDuration ? (parseDuration(text) ?? text) : text;
}

/** Negative, zero or positive; NaN when a NaN is compared. Undefined when the two have no order. */
export function compareValues(left: Value, right: Value): number | undefined {
  if (isNumber(left) && isNumber(right)) return left < right ? -1 : left > right ? 1 : left >= right ? 0 : Number.NaN;
  if (typeof left === "string" && typeof right === "string") return compareTexts(left, right);
  if (typeof left === "boolean" && typeof right === "boolean") return Number(left) - Number(right);
  const [a, b] = asTimes(left, right);
  if (a instanceof Date && b instanceof Date) return a.getTime() - b.getTime();
  if (a instanceof CelDuration && b instanceof CelDuration) return a.durationMs - b.durationMs;
  return isSemver(a) && isSemver(b) ? compareSemver(a, b) : undefined;
}

/** By code point. UTF-16 units order differently only where a surrogate meets U+E000 to U+FFFF. */
function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x === y) continue;
    const [high, low] = [x >= 0xd800 && x < 0xe000, y >= 0xd800 && y < 0xe000];
    return high === low ? x - y : high ? (y >= 0xe000 ? 1 : x - y) : x >= 0xe000 ? -1 : x - y;
  }
  return a.length - b.length;
}

type Arithmetic = "+" | "-" | "*" | "/" | "%";

/** `a + b` and so on. A whole number beside another number gives another number. */
export function arithmetic(operator: Arithmetic, a: Value, b: Value, spend: Spend): Value {
  if (typeof a === "bigint" && typeof b === "bigint") return wholeArithmetic(operator, a, b);
  if (isNumber(a) && isNumber(b) && operator !== "%") return doubleArithmetic(operator, Number(a), Number(b));
  if (operator === "+") {
    if (typeof a === "string" && typeof b === "string") {
      if (a.length + b.length > maxLength) throw new EvaluationError("cel-limit", "The text grows beyond 16 MiB.");
      spend(Math.ceil((a.length + b.length) / 256));
      return a + b;
    }
    if (Array.isArray(a) && Array.isArray(b)) {
      spend(a.length + b.length);
      return [...a, ...b];
    }
  }
  return timeArithmetic(operator, a, b) ?? noOverload(operator, a, b);
}

function wholeArithmetic(operator: Arithmetic, a: bigint, b: bigint): bigint {
  if (b === 0n && (operator === "/" || operator === "%")) {
    throw new EvaluationError("division-by-zero", `${a} ${operator} 0: division by zero.`);
  }
  const result =
    operator === "+" ? a + b : operator === "-" ? a - b : operator === "*" ? a * b : operator === "/" ? a / b : a % b;
  return inInt64(result);
}

export function inInt64(value: bigint): bigint {
  if (value > maxInt || value < minInt) throw new EvaluationError("overflow", "The result does not fit in 64 bits.");
  return value;
}

function doubleArithmetic(operator: Exclude<Arithmetic, "%">, a: number, b: number): number {
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
  }
}

function timeArithmetic(operator: Arithmetic, left: Value, right: Value): Value | undefined {
  if (operator !== "+" && operator !== "-") return undefined;
  // Only here two texts may both be timestamps: nothing else can be subtracted from a text.
  const bothTexts = operator === "-" && typeof left === "string" && typeof right === "string";
  const [a, b] = bothTexts ? [parseTimestamp(left), parseTimestamp(right)] : operandTimes(left, right);
  const sign = operator === "+" ? 1 : -1;
  if (a instanceof CelDuration && b instanceof CelDuration) return makeDuration(a.durationMs + sign * b.durationMs);
  if (a instanceof Date && b instanceof CelDuration) return makeTimestamp(a.getTime() + sign * b.durationMs);
  if (a instanceof CelDuration && b instanceof Date && sign === 1) return makeTimestamp(b.getTime() + a.durationMs);
  if (a instanceof Date && b instanceof Date && sign === -1) return makeDuration(a.getTime() - b.getTime());
  return undefined;
}

/** A text beside a time is a timestamp or a duration, whichever it reads as. */
function operandTimes(left: Value, right: Value): readonly [Value, Value] {
  const read = (value: Value, other: Value): Value => {
    const beside = other instanceof Date || other instanceof CelDuration;
    if (typeof value !== "string" || !beside) return value;
    return parseTimestamp(value) ?? parseDuration(value) ?? value;
  };
  return [read(left, right), read(right, left)];
}

export function noOverload(operator: Operator, a: Value, b: Value): never {
  const [x, y] = [kindName(kindOf(a)), kindName(kindOf(b))];
  throw new EvaluationError("cel-type", `"${operator}" does not work between ${x} and ${y}.`);
}
