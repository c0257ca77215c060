/** Words and values of steps that several parts of the report show. */
import type { CheckOutcome } from "../engine/events.ts";
import type { StepRecord } from "../engine/run-record.ts";
import type { Json } from "../util/json.ts";
import { excerpt, jsonText } from "./format.ts";

/** How much of an output the report shows; the whole is in the log. */
export const shownLines = 20;
export const shownWidth = 500;
const shownValueLength = 2000;

export interface NamedValue {
  readonly name: string;
  readonly value: string;
}

export function statusText(step: StepRecord): string {
  if (step.status === "pending") return "not reached";
  if (step.status === "succeeded") return step.why?.startsWith("accepted by ") ? "accepted" : "ok";
  return step.status.replace("_", " ");
}

export function checksText(checks: readonly CheckOutcome[]): string {
  return checks.length === 0 ? "" : `${checks.filter((c) => c.status === "met").length}/${checks.length}`;
}

export function shortValue(value: Json, wide: boolean): string {
  const text = wide && typeof value !== "string" ? JSON.stringify(value, null, 2) : jsonText(value);
  if (wide) return excerpt(text, shownLines * 2, shownLines, shownWidth);
  return text.includes("\n")
    ? text
        .split("\n")
        .map((line) => excerpt(line, 1, 0, shownValueLength))
        .slice(0, 10)
        .join("\n")
    : excerpt(text, 1, 0, shownValueLength);
}
