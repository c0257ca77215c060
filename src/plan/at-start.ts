/** What can be said of a run before its first step: which steps are skipped whatever happens. */
import { evaluateExpression } from "../language/cel/index.ts";
import type { Runbook, Step } from "../language/runbook.ts";
import type { JsonObject } from "../util/json.ts";
import { unknownFacts } from "./plan-steps.ts";
import { newFrame, type Place, scopeOf } from "./scope.ts";

/** Where only inputs and target are known. */
export function placeAtStart(runbook: Runbook, target: JsonObject, inputs: Readonly<Record<string, unknown>>): Place {
  const run = { id: "", slug: "", actor: "", startedAt: "", reason: null, dry: false };
  return { frame: newFrame({ runbook, prefix: "", inputs, target, run, facts: unknownFacts }), items: [] };
}

/** True only when its condition is false already. `place`: null = nothing is known. */
export function isSkippedForCertain(step: Step, place: Place | null): boolean {
  if (step.if === null || place === null) return false;
  const holds = evaluateExpression(step.if, scopeOf(place));
  return holds.kind === "value" && holds.value === false;
}
