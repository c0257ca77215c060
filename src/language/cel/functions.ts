/**
 * The functions of the language, for the checker and the evaluator alike: standard CEL, the parts of CEL's published
 * string extension that checks of texts need, and six of our own (docs/reference/expressions.md).
 */
import { EvaluationError } from "./evaluation-error.ts";
import { equalValues, loadKnown } from "./operators.ts";
import { compileRegex } from "./regex.ts";
import { parseSemver } from "./semver.ts";
import { nearestRank, parseCsv, parseJsonExactly, splitLines } from "./tables.ts";
import {
  durationHint,
  makeTimestamp,
  parseDuration,
  parseTimestamp,
  type TimestampPart,
  timestampPart,
} from "./time.ts";
import * as t from "./types.ts";
import {
  type CelDuration,
  kindName,
  kindOf,
  load,
  maxInt,
  minInt,
  timestampText,
  type Value,
  type ValueKind,
} from "./values.ts";

/** Charges work against the limit of one evaluation. */
export type Spend = (steps: number) => void;

export interface Overload {
  /** Of a method: the receiver first. `number` takes whole and other numbers. */
  readonly params: readonly (ValueKind | "number" | "any")[];
  readonly result: t.Type | ((args: readonly t.Type[]) => t.Type);
  /** To be called inside `orUndecided`. */
  readonly call: (args: readonly Value[], spend: Spend) => Value;
}

export interface CelFunction {
  /** Called as `name(x)`, as `x.name()`, or both. */
  readonly form: "function" | "method" | "both";
  readonly overloads: readonly Overload[];
}

type Params = Overload["params"];
type Arg<P> = P extends "string"
  ? string
  : P extends "integer"
    ? bigint
    : P extends "double"
      ? number
      : P extends "number"
        ? bigint | number
        : P extends "boolean"
          ? boolean
          : P extends "list"
            ? readonly unknown[]
            : P extends "timestamp"
              ? Date
              : P extends "duration"
                ? CelDuration
                : P extends "object"
                  ? Readonly<Record<string, unknown>>
                  : Value;

function overload<const P extends Params>(
  params: P,
  result: Overload["result"],
  call: (args: { [I in keyof P]: Arg<P[I]> }, spend: Spend) => Value,
): Overload {
  return { params, result, call: call as unknown as Overload["call"] };
}

function fail(message: string): never {
  throw new EvaluationError("bad-value", message);
}

/** Texts are charged by length, so that a loop over a large text stays bounded. */
const charsPerStep = 64;
function spendText(spend: Spend, text: string): void {
  if (text.length > charsPerStep) spend(Math.ceil(text.length / charsPerStep));
}

function clip(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

function toInt(value: number | bigint, from: unknown = value): bigint {
  const whole = typeof value === "bigint" ? value : Number.isFinite(value) ? BigInt(Math.trunc(value)) : null;
  if (whole === null || whole > maxInt || whole < minInt) {
    throw new EvaluationError("overflow", `int(): ${from} does not fit in 64 bits.`);
  }
  return whole;
}

function intOfText(text: string): bigint {
  if (!/^[+-]?\d{1,30}$/.test(text)) return fail(`int(): "${clip(text)}" is not a whole number.`);
  return toInt(BigInt(text.replace("+", "")), text);
}

function doubleOfText(text: string): number {
  const special: Readonly<Record<string, number>> = {
    NaN: Number.NaN,
    Infinity,
    "+Infinity": Infinity,
    "-Infinity": -Infinity,
  };
  if (Object.hasOwn(special, text)) return special[text]!;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return fail(`double(): "${clip(text)}" is not a number.`);
  return Number(text);
}

const trueTexts = ["1", "t", "true", "TRUE", "True"];
const falseTexts = ["0", "f", "false", "FALSE", "False"];

function boolOfText(text: string): boolean {
  if (trueTexts.includes(text)) return true;
  return falseTexts.includes(text) ? false : fail(`bool(): "${clip(text)}" is neither true nor false.`);
}

export function doubleText(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}

function codePoints(text: string): number {
  let count = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00) count--;
  }
  return count;
}

function matches(text: string, pattern: string, spend: Spend): boolean {
  const regex = compileRegex(pattern);
  if (typeof regex === "string") return fail(`"${clip(pattern)}" is not a regular expression: ${regex}.`);
  spend(Math.ceil(text.length / 4));
  return regex.test(text);
}

function position(index: bigint, length: number, name: string): number {
  if (index < 0n || index > BigInt(length)) {
    throw new EvaluationError("index-out-of-range", `${name}(): ${index} is outside the text (length ${length}).`);
  }
  return Number(index);
}

function texts(list: readonly unknown[], name: string): readonly string[] {
  const wrong = list.find((item) => typeof item !== "string");
  return wrong === undefined ? (list as string[]) : fail(`${name}() needs a list of strings.`);
}

function percentile(list: readonly unknown[], p: number | bigint, spend: Spend): Value {
  spend(list.length);
  if (list.length === 0) return fail("percentile(): the list is empty.");
  if (!(Number(p) >= 0 && Number(p) <= 100)) return fail(`percentile(): ${p} is not between 0 and 100.`);
  const numbers = list.map((item) => {
    const value = loadKnown(item);
    const isNumber = typeof value === "bigint" || typeof value === "number";
    return isNumber ? Number(value) : fail(`percentile(): the list holds ${kindName(kindOf(value))}.`);
  });
  return load(nearestRank(numbers, Number(p)));
}

type Row = Readonly<Record<string, unknown>>;

/** By what a row is found in the other list: a text or number, told apart. */
function rowsByKey(list: readonly unknown[], key: string): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const [at, item] of list.entries()) {
    const row = loadKnown(item);
    if (kindOf(row) !== "object") return fail(`diff(): item ${at} is ${kindName(kindOf(row))}, not a map.`);
    if (!Object.hasOwn(row as Row, key)) return fail(`diff(): item ${at} has no key "${key}".`);
    const value = loadKnown((row as Row)[key]);
    const name = `${kindOf(value)}:${String(value)}`;
    if (rows.has(name)) return fail(`diff(): "${clip(String(value))}" appears twice as ${key}.`);
    rows.set(name, row as Row);
  }
  return rows;
}

/** Rows that differ: those of `a` in their order (changed or removed), then those only `b` has. */
function diff(a: readonly unknown[], b: readonly unknown[], key: string, spend: Spend): Value {
  spend(a.length + b.length);
  const before = rowsByKey(a, key);
  const after = rowsByKey(b, key);
  const out: unknown[] = [];
  for (const [name, row] of before) {
    const other = after.get(name);
    if (other === undefined) out.push({ key: row[key], change: "removed", before: row, after: null });
    else if (!equalValues(row, other, spend)) out.push({ key: row[key], change: "changed", before: row, after: other });
  }
  for (const [name, row] of after) {
    if (!before.has(name)) out.push({ key: row[key], change: "added", before: null, after: row });
  }
  return out;
}

function diffType([rows]: readonly t.Type[]): t.Type {
  const row = t.toSchema(t.orNull(t.itemType(rows ?? t.dyn)));
  const change = { type: "string", enum: ["added", "removed", "changed"] };
  return {
    kind: "list",
    nullable: false,
    schema: {
      type: "array",
      items: { type: "object", properties: { key: {}, change, before: row, after: row } },
    },
  };
}

function method(...overloads: Overload[]): CelFunction {
  return { form: "method", overloads };
}
function plain(...overloads: Overload[]): CelFunction {
  return { form: "function", overloads };
}

function stringTest(test: (text: string, part: string) => boolean): CelFunction {
  return method(
    overload(["string", "string"], t.boolean, ([text, part], spend) => {
      spendText(spend, text);
      return test(text, part);
    }),
  );
}

function stringChange(change: (text: string) => string): CelFunction {
  return method(
    overload(["string"], t.string, ([text], spend) => {
      spendText(spend, text);
      return change(text);
    }),
  );
}

function part(name: TimestampPart, plus = 0, perDuration?: number): CelFunction {
  const overloads = [
    overload(["timestamp"], t.integer, ([at]) => BigInt(timestampPart(at, name) + plus)),
    overload(["timestamp", "string"], t.integer, ([at, zone]) => BigInt(timestampPart(at, name, zone) + plus)),
  ];
  if (perDuration === undefined) return method(...overloads);
  const whole = (ms: number): bigint =>
    BigInt(Math.trunc(name === "millisecond" ? ms % 1000 : Math.round(ms * 1e6) / 1e6 / perDuration));
  return method(
    ...overloads,
    overload(["duration"], t.integer, ([d]) => whole(d.durationMs)),
  );
}

const sizes = [
  overload(["string"], t.integer, ([text], spend) => {
    spendText(spend, text);
    return BigInt(codePoints(text));
  }),
  overload(["list"], t.integer, ([list]) => BigInt(list.length)),
  overload(["object"], t.integer, ([map], spend) => {
    const { length } = Object.keys(map);
    spend(length);
    return BigInt(length);
  }),
];

function searches(find: (text: string, part: string, from?: number) => number, name: string): CelFunction {
  return method(
    overload(["string", "string"], t.integer, ([text, part], spend) => {
      spendText(spend, text);
      return BigInt(find(text, part));
    }),
    overload(["string", "string", "integer"], t.integer, ([text, part, from], spend) => {
      spendText(spend, text);
      return BigInt(find(text, part, position(from, text.length, name)));
    }),
  );
}

function spendList(spend: Spend, list: readonly string[]): readonly string[] {
  spend(list.length);
  return list;
}

/** Name → function. Macros (`all exists exists_one map filter has`) are part of the grammar. */
export const functions: ReadonlyMap<string, CelFunction> = new Map<string, CelFunction>([
  ["size", { form: "both", overloads: sizes }],
  ["startsWith", stringTest((text, part) => text.startsWith(part))],
  ["endsWith", stringTest((text, part) => text.endsWith(part))],
  ["contains", stringTest((text, part) => text.includes(part))],
  [
    "matches",
    {
      form: "both",
      overloads: [overload(["string", "string"], t.boolean, ([text, pattern], spend) => matches(text, pattern, spend))],
    },
  ],
  ["lowerAscii", stringChange((text) => text.replace(/[A-Z]+/g, (part) => part.toLowerCase()))],
  ["upperAscii", stringChange((text) => text.replace(/[a-z]+/g, (part) => part.toUpperCase()))],
  ["trim", stringChange((text) => text.trim())],
  ["indexOf", searches((text, part, from) => text.indexOf(part, from), "indexOf")],
  ["lastIndexOf", searches((text, part, from) => text.lastIndexOf(part, from), "lastIndexOf")],
  [
    "substring",
    method(
      overload(["string", "integer"], t.string, ([text, from]) => text.slice(position(from, text.length, "substring"))),
      overload(["string", "integer", "integer"], t.string, ([text, from, to]) => {
        if (from > to) return fail(`substring(): ${from} lies behind ${to}.`);
        return text.slice(position(from, text.length, "substring"), position(to, text.length, "substring"));
      }),
    ),
  ],
  [
    "replace",
    method(
      overload(["string", "string", "string"], t.string, ([text, from, to], spend) => {
        spendText(spend, text);
        const parts = text.split(from);
        spend(parts.length + Math.ceil((parts.length * to.length) / charsPerStep));
        return parts.join(to);
      }),
    ),
  ],
  [
    "split",
    method(
      overload(["string", "string"], t.listOf(t.string), ([text, separator], spend) => {
        spendText(spend, text);
        return spendList(spend, text.split(separator));
      }),
    ),
  ],
  [
    "join",
    method(
      overload(["list"], t.string, ([list], spend) => spendList(spend, texts(list, "join")).join("")),
      overload(["list", "string"], t.string, ([list, between], spend) =>
        spendList(spend, texts(list, "join")).join(between),
      ),
    ),
  ],

  ["dyn", plain(overload(["any"], t.dyn, ([value]) => value))],
  [
    "bool",
    plain(
      overload(["boolean"], t.boolean, ([value]) => value),
      overload(["string"], t.boolean, ([text]) => boolOfText(text)),
    ),
  ],
  [
    "int",
    plain(
      overload(["number"], t.integer, ([value]) => toInt(value)),
      overload(["string"], t.integer, ([text]) => intOfText(text)),
      overload(["timestamp"], t.integer, ([at]) => BigInt(Math.floor(at.getTime() / 1000))),
    ),
  ],
  [
    "double",
    plain(
      overload(["number"], t.double, ([value]) => Number(value)),
      overload(["string"], t.double, ([text]) => doubleOfText(text)),
    ),
  ],
  [
    "string",
    plain(
      overload(["string"], t.string, ([text]) => text),
      overload(["boolean"], t.string, ([value]) => String(value)),
      overload(["number"], t.string, ([value]) => (typeof value === "bigint" ? `${value}` : doubleText(value))),
      overload(["timestamp"], t.string, ([at]) => timestampText(at)),
      overload(["duration"], t.string, ([value]) => value.toString()),
      overload(["semver"], t.string, ([value]) => (value as { text: string }).text),
    ),
  ],
  [
    "duration",
    plain(
      overload(["string"], t.duration, ([text]) => {
        return parseDuration(text) ?? fail(`"${clip(text)}" is not a duration. ${durationHint(text)}`);
      }),
      overload(["duration"], t.duration, ([value]) => value),
    ),
  ],
  [
    "timestamp",
    plain(
      overload(["string"], t.timestamp, ([text]) => {
        return parseTimestamp(text) ?? fail(`"${clip(text)}" is not a timestamp (RFC 3339, years 1 to 9999).`);
      }),
      overload(["integer"], t.timestamp, ([seconds]) => makeTimestamp(Number(seconds) * 1000)),
      overload(["timestamp"], t.timestamp, ([at]) => at),
    ),
  ],
  ["getFullYear", part("year")],
  ["getMonth", part("month")],
  ["getDate", part("day")],
  ["getDayOfMonth", part("day", -1)],
  ["getDayOfWeek", part("weekday")],
  ["getDayOfYear", part("dayOfYear")],
  ["getHours", part("hour", 0, 3_600_000)],
  ["getMinutes", part("minute", 0, 60_000)],
  ["getSeconds", part("second", 0, 1000)],
  ["getMilliseconds", part("millisecond", 0, 1)],

  [
    "json",
    plain(
      overload(["string"], t.dyn, ([text], spend) => {
        spend(Math.ceil(text.length / 8));
        try {
          return load(parseJsonExactly(text));
        } catch {
          return fail(`json(): the text is not JSON: "${clip(text)}".`);
        }
      }),
    ),
  ],
  [
    "csv",
    plain(
      overload(
        ["string"],
        {
          kind: "list",
          nullable: false,
          schema: { type: "array", items: { type: "object", additionalProperties: { type: "string" } } },
        },
        ([text], spend) => {
          spend(Math.ceil(text.length / 8));
          return parseCsv(text);
        },
      ),
    ),
  ],
  [
    "lines",
    plain(
      overload(["string"], t.listOf(t.string), ([text], spend) => {
        spend(Math.ceil(text.length / 16));
        return splitLines(text);
      }),
    ),
  ],
  ["diff", plain(overload(["list", "list", "string"], diffType, ([a, b, key], spend) => diff(a, b, key, spend)))],
  ["percentile", plain(overload(["list", "number"], t.number, ([list, p], spend) => percentile(list, p, spend)))],
  [
    "semver",
    plain(
      overload(
        ["string"],
        t.semver,
        ([text]) => parseSemver(text) ?? fail(`"${clip(text)}" is not a version (SemVer).`),
      ),
      overload(["semver"], t.semver, ([value]) => value),
    ),
  ],
]);

/** The overload that takes these values, with texts of times read where only a time is taken; undefined = none. */
export function selectOverload(
  fn: CelFunction,
  args: readonly Value[],
): { readonly overload: Overload; readonly args: readonly Value[] } | undefined {
  const exact = fn.overloads.find((candidate) => takes(candidate, args));
  if (exact !== undefined) return { overload: exact, args };
  for (const candidate of fn.overloads) {
    const read = args.map((value, at) => readTime(value, candidate.params[at]));
    if (takes(candidate, read)) return { overload: candidate, args: read };
  }
  return undefined;
}

function takes({ params }: Overload, args: readonly Value[]): boolean {
  if (params.length !== args.length) return false;
  return args.every((value, at) => {
    const param = params[at]!;
    if (param === "any") return true;
    const kind = kindOf(value);
    return kind === param || (param === "number" && (kind === "integer" || kind === "double"));
  });
}

/** Times come out of JSON as texts; see `asTimes` in operators.ts. */
function readTime(value: Value, param: string | undefined): Value {
  if (typeof value !== "string") return value;
  if (param === "timestamp") return parseTimestamp(value) ?? value;
  return param === "duration" ? (parseDuration(value) ?? value) : value;
}
