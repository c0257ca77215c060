/**
 * Whether a value fits an input: the part of JSON Schema that inputs declare, patterns in linear time, and formats that are
 * checked. RFC 3339 (date, date-time), RFC 1123 (hostname), RFC 3986 (uri), RFC 9562 (uuid), RFC 4291 (ipv6).
 */
import { parseDurationMs } from "../util/duration.ts";
import { isObject, type JsonSchema } from "../util/json.ts";
import { type SchemaError, schemaCheck } from "../util/schema-check.ts";
import { compileRegex } from "./cel/index.ts";

/** What is wrong, in words that begin with the value: `"x" is shorter than 3 characters`. Empty = it fits. */
export function inputProblems(value: unknown, schema: JsonSchema): string[] {
  const fits = (name: string) => (Object.hasOwn(formats, name) ? formats[name]!.fits : null);
  return schemaCheck(readable(schema), { matcher, format: fits })(value).map((error) => {
    const items = error.instancePath.split("/").slice(1);
    return `${items.map((index) => `item ${Number(index) + 1}: `).join("")}${problemOf(error)}`;
  });
}

const isText = (given: unknown) => typeof given === "string";
const isNumber = (given: unknown) => typeof given === "number";
const keywords: Readonly<Record<string, (given: unknown) => boolean>> = {
  type: (given) => ["string", "integer", "number", "boolean", "array", "object"].includes(given as string),
  enum: Array.isArray,
  pattern: isText,
  format: isText,
  minimum: isNumber,
  maximum: isNumber,
  minLength: isNumber,
  items: isObject,
};

/** What can be understood of it: a runbook that broke its schema is looked at all the same, and was told so. */
function readable(schema: JsonSchema): JsonSchema {
  const known = Object.entries(schema).filter(
    ([name, given]) => Object.hasOwn(keywords, name) && keywords[name]!(given),
  );
  return Object.fromEntries(
    known.map(([name, given]) => [name, name === "items" ? readable(given as JsonSchema) : given]),
  );
}

/** A pattern is the author's: matched in linear time, never by a backtracking engine. */
function matcher(pattern: string): (text: string) => boolean {
  const regex = compileRegex(pattern);
  return (text) => typeof regex === "string" || regex.test(text);
}

function problemOf({ keyword, params, message, data }: SchemaError): string {
  const shown = JSON.stringify(data);
  const limit = String(params["limit"]);
  switch (keyword) {
    case "type":
      return `${shown} is not of type ${String(params["type"])}`;
    case "enum":
      return `${shown} is not in the enum: ${(params["allowedValues"] as unknown[]).map(textOf).join(", ")}`;
    case "minimum":
      return `${shown} is below the minimum ${limit}`;
    case "maximum":
      return `${shown} is above the maximum ${limit}`;
    case "minLength":
      return `${shown} is shorter than ${limit} characters`;
    case "pattern":
      return `${shown} does not match ${String(params["pattern"])}`;
    case "format":
      return `${shown} is no ${String(params["format"])}; write it as ${formats[String(params["format"])]!.example}`;
    default:
      return `${shown} ${message}`;
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

interface Format {
  readonly example: string;
  readonly fits: (text: string) => boolean;
}

const label = "(?!-)[A-Za-z0-9-]{1,63}(?<!-)";
const hostname = new RegExp(`^${label}(?:\\.${label})*$`);
const dateTime =
  /^(\d{4}-\d{2}-\d{2})[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

const formats: Readonly<Record<string, Format>> = {
  date: { example: "2026-11-26", fits: isDay },
  "date-time": {
    example: "2026-11-26T09:00:00Z",
    fits: (text) => isDay(dateTime.exec(text)?.[1] ?? ""),
  },
  duration: { example: "90s or PT1H30M", fits: (text) => parseDurationMs(text) !== null },
  email: {
    example: "name@example.com",
    fits: (text) => {
      const at = text.lastIndexOf("@");
      return at > 0 && at <= 64 && !/[\s@<>]/.test(text.slice(0, at)) && hostname.test(text.slice(at + 1));
    },
  },
  hostname: { example: "shop.example", fits: (text) => text.length <= 253 && hostname.test(text) },
  ipv4: { example: "192.0.2.1", fits: isIpv4 },
  ipv6: { example: "2001:db8::1", fits: isIpv6 },
  uri: {
    example: "https://shop.example/path",
    fits: (text) => /^[A-Za-z][A-Za-z0-9+.-]*:[^\s]/.test(text) && !/[\s<>"{}|\\^`]/.test(text) && URL.canParse(text),
  },
  uuid: {
    example: "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    fits: (text) => /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text),
  },
};

/** A day of the calendar. */
function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

function isIpv4(text: string): boolean {
  return /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/.test(text);
}

/** Eight groups, one run of them left out at most, the last two perhaps as IPv4. */
function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1) ?? "";
  const isMixed = last.includes(".");
  if (isMixed && !isIpv4(last)) return false;
  const plain = isMixed ? groups.slice(0, -1) : groups;
  const count = plain.length + (isMixed ? 2 : 0);
  if (!plain.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? count <= 7 : count === 8;
}
