/** Timestamps and durations as CEL knows them (https://github.com/google/cel-spec/blob/master/doc/langdef.md). */
import { EvaluationError } from "./evaluation-error.ts";
import { CelDuration } from "./values.ts";

const minTimestampMs = -62_135_596_800_000;
const maxTimestampMs = 253_402_300_799_999;
const maxDurationMs = 315_576_000_000_000;

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** The instant of an RFC 3339 text, to the millisecond; null when it is none. */
export function parseTimestamp(text: string): Date | null {
  if (text.length < 20) return null;
  const match = rfc3339.exec(text);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, Math.min(second, 59), Number((match[7] ?? "").padEnd(3, "0").slice(0, 3)));
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60;
  if (!exists || second > 60) return null;
  const offset = match[8] === undefined ? 0 : (Number(match[9]) * 60 + Number(match[10])) * (match[8] === "-" ? -1 : 1);
  const at = new Date(date.getTime() - offset * 60_000);
  return inRange(at.getTime()) ? at : null;
}

function inRange(ms: number): boolean {
  return ms >= minTimestampMs && ms <= maxTimestampMs;
}

export function makeTimestamp(ms: number): Date {
  if (!inRange(ms)) throw new EvaluationError("overflow", "The timestamp is out of range (years 1 to 9999).");
  return new Date(ms);
}

export function makeDuration(ms: number): CelDuration {
  if (!(Math.abs(ms) <= maxDurationMs)) {
    throw new EvaluationError("overflow", "The duration is out of range (10,000 years).");
  }
  return new CelDuration(ms);
}

const unitMs: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};

/** `1h30m`, `90s`, `-1.5h`, `0`; null when it is none. There are no days in CEL. */
export function parseDuration(text: string): CelDuration | null {
  if (text.length > 100) return null;
  const unsigned = text.replace(/^[+-]/, "");
  if (unsigned === "0") return new CelDuration(0);
  if (!/^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:h|ms|m|us|µs|ns|s))+$/.test(unsigned)) return null;
  let ms = 0;
  for (const [, number, unit] of unsigned.matchAll(/([\d.]+)([a-zµ]+)/g)) ms += Number(number) * unitMs[unit!]!;
  // A nanosecond is the smallest unit; sums of fractions must not end in …0000001.
  ms = Math.round(ms * 1e6) / 1e6;
  return makeDuration(text.startsWith("-") ? -ms : ms);
}

/** What to write instead of a duration with days or weeks, when the text is one. */
export function durationHint(text: string): string | undefined {
  const days = /^(\d+)([dw])$/.exec(text);
  if (days === null) return 'Write hours, minutes and seconds, as in duration("1h30m").';
  return `There are no days in durations: write duration("${Number(days[1]) * (days[2] === "w" ? 168 : 24)}h").`;
}

export type TimestampPart =
  | "year"
  | "month"
  | "day"
  | "weekday"
  | "dayOfYear"
  | "hour"
  | "minute"
  | "second"
  | "millisecond";

/** A part of a timestamp in a zone (IANA name or ±hh:mm, default UTC), numbered as CEL numbers it (months from 0). */
export function timestampPart(at: Date, part: TimestampPart, zone = "UTC"): number {
  const local = new Date(at.getTime() + offsetMs(at, zone));
  switch (part) {
    case "year":
      return local.getUTCFullYear();
    case "month":
      return local.getUTCMonth();
    case "day":
      return local.getUTCDate();
    case "weekday":
      return local.getUTCDay();
    case "dayOfYear": {
      const start = new Date(local);
      start.setUTCMonth(0, 1);
      return Math.round((local.getTime() - start.getTime()) / 86_400_000);
    }
    case "hour":
      return local.getUTCHours();
    case "minute":
      return local.getUTCMinutes();
    case "second":
      return local.getUTCSeconds();
    case "millisecond":
      return local.getUTCMilliseconds();
  }
}

function offsetMs(at: Date, zone: string): number {
  if (zone === "UTC") return 0;
  const fixed = /^([+-]?)(\d\d):(\d\d)$/.exec(zone);
  if (fixed !== null) return (Number(fixed[2]) * 60 + Number(fixed[3])) * (fixed[1] === "-" ? -60_000 : 60_000);
  let parts: Intl.DateTimeFormatPart[];
  try {
    parts = zoneFormat(zone).formatToParts(at);
  } catch {
    throw new EvaluationError("bad-value", `"${zone}" is not a time zone. Write an IANA name or +02:00.`);
  }
  const get = (type: string): number => Number(parts.find((part) => part.type === type)!.value);
  const local = new Date(0);
  local.setUTCFullYear(get("year"), get("month") - 1, get("day"));
  local.setUTCHours(get("hour"), get("minute"), get("second"));
  return local.getTime() - Math.floor(at.getTime() / 1000) * 1000;
}

const zoneFormats = new Map<string, Intl.DateTimeFormat>();

function zoneFormat(zone: string): Intl.DateTimeFormat {
  let format = zoneFormats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      calendar: "iso8601",
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    if (zoneFormats.size >= 100) zoneFormats.clear();
    zoneFormats.set(zone, format);
  }
  return format;
}
