/** Lengths of time and moments in `with` fields. */
import { parseDurationMs } from "../util/duration.ts";
import type { JsonSchema } from "../util/json.ts";
import { StepFailure } from "./step-type.ts";

/** Schema of a field that holds a length of time. */
export function durationField(description: string): JsonSchema {
  return {
    type: "string",
    pattern: "^(([0-9]+(\\.[0-9]+)?(ms|s|m|h|d|w))+|P[0-9WDTHMS.]+)$",
    patternErrorMessage: "Write a duration like 90s, 5m, 1h30m, 90d or PT1H30M.",
    description,
  };
}

/** Milliseconds. Throws a `fatal` failure naming `field` for text that is no length of time. */
export function durationMs(text: string, field: string): number {
  const ms = parseDurationMs(text);
  if (ms !== null) return ms;
  throw new StepFailure(
    "fatal",
    "duration-invalid",
    `${field} is ${JSON.stringify(text)}, not a length of time. Write it as 30s, 1m30s or 4h.`,
    { facts: { field, value: text } },
  );
}

/** Milliseconds since 1970 of an RFC 3339 moment. Throws a `fatal` failure naming `field` for text that is none. */
export function momentMs(text: string, field: string): number {
  const at = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new StepFailure(
    "fatal",
    "moment-invalid",
    `${field} is ${JSON.stringify(text)}, not a moment. Write it as 2026-11-20T18:00:00Z.`,
    { facts: { field, value: text } },
  );
}

/** As Go reads it, which knows no days (https://pkg.go.dev/time#ParseDuration); what is no duration stays as it is. */
export function goDuration(text: string): string {
  const ms = parseDurationMs(text);
  if (ms === null) return text;
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}
