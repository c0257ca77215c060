/** Steps as they would run, in execution order, with values that are not known yet named by who will provide them. */

import { UnknownValue } from "../language/cel/cel.ts";
import { evaluateExpression } from "../language/cel/index.ts";
import type { Phase, Step, Verification } from "../language/runbook.ts";
import { resolveTemplate, resolveTree } from "../language/template.ts";
import type { Catalogue } from "../steps/step-type.ts";
import type { JsonObject } from "../util/json.ts";
import type { PlannedCheck, PlannedStep } from "./plan.ts";
import { isLeaf, resolveAction } from "./resolve-action.ts";
import { allSteps, childPath, itemPath, newFrame, type Place, type StepFactsSource, scopeOf } from "./scope.ts";

export interface PlanScope {
  readonly catalogue: Catalogue;
  /** Name → mask. */
  readonly maskedSecrets: Readonly<Record<string, string>>;
  /** Path of the step where a run stands: a `forEach` around it is planned by item, from that item to the next one. */
  readonly at?: string;
}

/** Under plan nothing of a step is known: everything about it is provided by the step itself. */
export const unknownFacts: StepFactsSource = {
  get: (path) => new UnknownValue(path),
};

/** Groups come before their members; a `forEach` over a known list shows one entry with its count. */
export function planSteps(
  scope: PlanScope,
  steps: readonly Step[],
  parent: string,
  place: Place,
  phase: Phase,
): PlannedStep[] {
  return steps.flatMap((step) => planStep(scope, step, childPath(parent, step.id), place, phase));
}

function planStep(scope: PlanScope, step: Step, path: string, outer: Place, phase: Phase): PlannedStep[] {
  if (step.forEach !== null && scope.at?.startsWith(`${path}[`)) {
    const one = { ...step, forEach: null, if: null };
    return itemsFrom(step.forEach, path, outer, Number.parseInt(scope.at.slice(path.length + 1), 10)).flatMap((item) =>
      planStep(scope, one, itemPath(path, item.index), { ...outer, items: [...outer.items, item] }, phase),
    );
  }
  const place = step.forEach === null ? outer : eachPlace(step, path, outer);
  const { action } = step;
  const base = {
    path,
    id: step.id,
    title: text(step.title, place),
    phase,
    effects: step.effects,
    condition: conditionOf(step, place),
    timeoutMs: step.timeoutMs,
    probed: false,
    outputs: null,
  };
  if (isLeaf(action)) {
    const resolved = resolveAction(step, action, place, scope.catalogue, scope.maskedSecrets);
    const planned: PlannedStep = {
      ...base,
      type: resolved.type.type,
      action: forEachText(step, outer) + resolved.text.text,
      argv: resolved.text.argv,
      unknown: resolved.unknown,
      undo: planSteps(scope, step.rollback, `${path}.rollback`, place, "rollback"),
      checks: step.verify.map((verification) => checkOf(verification, place, path)),
      timeoutMs: step.timeoutMs ?? (resolved.type.person === null ? resolved.type.timeoutMs : null),
    };
    return [planned];
  }
  const kind = action.kind === "runbook" ? `runbook/${action.name}` : action.kind;
  const header: PlannedStep = {
    ...base,
    type: kind,
    action: forEachText(step, outer),
    argv: null,
    unknown: [],
    undo: [],
    checks: [],
  };
  if (action.kind !== "runbook") {
    return [header, ...planSteps(scope, action.steps, path, place, phase)];
  }
  const used = usedFrame(action.with, action.runbook, place, path);
  return [header, ...planSteps(scope, allSteps(action.runbook), path, used, phase)];
}

function usedFrame(given: JsonObject, runbook: Parameters<typeof allSteps>[0], place: Place, path: string): Place {
  const scope = scopeOf(place);
  const resolved = resolveTree(given, (expression) => evaluateExpression(expression, scope));
  const unknown = new Map(resolved.unknowns.map((item) => [item.pointer.slice(1), item.from[0] ?? path]));
  const values = (resolved.value ?? {}) as Record<string, unknown>;
  const inputs: Record<string, unknown> = {};
  for (const [name, input] of Object.entries(runbook.inputs)) {
    const from = unknown.get(name);
    inputs[name] = from === undefined ? (values[name] ?? input.default ?? null) : new UnknownValue(from);
  }
  return { frame: newFrame({ ...place.frame, runbook, prefix: path, inputs }), items: [] };
}

function eachPlace(step: Step, path: string, outer: Place): Place {
  const as = step.forEach?.as ?? "item";
  const value = new UnknownValue(`each ${as}`);
  return { ...outer, items: [...outer.items, { path, index: null, as, value }] };
}

/** The item at `index` and the next one. */
function itemsFrom(forEach: NonNullable<Step["forEach"]>, path: string, outer: Place, index: number) {
  const scope = scopeOf(outer);
  const list = resolveTemplate(forEach.in, (expression) => evaluateExpression(expression, scope));
  const values: readonly unknown[] = list.kind === "value" && Array.isArray(list.value) ? list.value : [];
  return values.slice(index, index + 2).map((value, nth) => ({ path, index: index + nth, as: forEach.as, value }));
}

function forEachText(step: Step, outer: Place): string {
  if (step.forEach === null) return "";
  const scope = scopeOf(outer);
  const list = resolveTemplate(step.forEach.in, (expression) => evaluateExpression(expression, scope));
  const count = list.kind === "value" && Array.isArray(list.value) ? String(list.value.length) : "‹some›";
  return `for each of ${count}: `;
}

function text(template: string, place: Place): string {
  const scope = scopeOf(place);
  const resolved = resolveTemplate(template, (expression) => evaluateExpression(expression, scope));
  if (resolved.kind === "value") return String(resolved.value);
  return resolved.kind === "unknown" ? resolved.text : template;
}

function conditionOf(step: Step, place: Place): PlannedStep["condition"] {
  if (step.if === null) return null;
  const value = evaluateExpression(step.if, scopeOf(place));
  const status =
    value.kind !== "value" ? ("undecided" as const) : value.value === true ? ("met" as const) : ("not_met" as const);
  return { expr: step.if, status };
}

function checkOf(verification: Verification, place: Place, path: string): PlannedCheck {
  const own = new UnknownValue(path);
  const value = evaluateExpression(verification.that, scopeOf(place, { result: own, outputs: own, artifacts: own }));
  const status =
    value.kind === "error"
      ? ("could_not_run" as const)
      : value.kind === "unknown"
        ? ("undecided" as const)
        : value.value === true
          ? ("met" as const)
          : ("not_met" as const);
  return { that: verification.that, status };
}
