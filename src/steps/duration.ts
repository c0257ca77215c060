/** Lengths of time in `with` fields: `30s`, `1m30s`, `250ms`, `4h`, `90d`. */
import type { JsonSchema } from "../util/json.ts";
import { StepFailure } from "./step-type.ts";

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const pattern = "^([0-9]+(ms|s|m|h|d))+$";

/** Schema of a field that holds a length of time. */
export function durationField(description: string): JsonSchema {
  return { type: "string", pattern, description };
}

/** Milliseconds. Throws a `fatal` failure naming `field` for text that is no length of time. */
export function durationMs(text: string, field: string): number {
  if (!new RegExp(pattern).test(text)) {
    throw new StepFailure(
      "fatal",
      "duration-invalid",
      `${field} is ${JSON.stringify(text)}, not a length of time. Write it as 30s, 1m30s or 4h.`,
      { facts: { field, value: text } },
    );
  }
  let total = 0;
  for (const [, count, unit] of text.matchAll(/([0-9]+)(ms|s|m|h|d)/g)) total += Number(count) * unitsMs[unit ?? ""]!;
  return total;
}

/** `90s`, `1m30s`, `2h`: the largest units that are needed, milliseconds only below one second. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)}ms`;
  const seconds = Math.round(ms / 1_000);
  const parts = [
    [Math.floor(seconds / 3_600), "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join("");
}
