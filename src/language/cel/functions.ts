/**
 * The functions of the language, for the checker and the evaluator alike: standard CEL, the parts of CEL's published
 * string extension that checks of texts need, and six of our own.
 */
import { EvaluationError } from "./evaluation-error.ts";
import { type CelFunction, clip, fail, type Overload, overload, type Spend } from "./overload.ts";
import { compileRegex } from "./regex.ts";
import { diff, diffType, percentile } from "./rows.ts";
import { parseSemver } from "./semver.ts";
import { parseCsv, parseJsonExactly, splitLines } from "./tables.ts";
import {
  durationHint,
  makeTimestamp,
  parseDuration,
  parseTimestamp,
  type TimestampPart,
  timestampPart,
} from "./time.ts";
import * as t from "./types.ts";
import { load, maxInt, minInt, timestampText } from "./values.ts";

/** Texts are charged by length, so that a loop over a large text stays bounded. */
const charsPerStep = 64;
function spendText(spend: Spend, text: string): void {
  if (text.length > charsPerStep) spend(Math.ceil(text.length / charsPerStep));
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

function doubleText(value: number): string {
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
