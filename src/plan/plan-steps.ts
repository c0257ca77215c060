/** Steps as they would run, in execution order, with values that are not known yet named by who will provide them. */

import { UnknownValue } from "../language/cel/cel.ts";
import { evaluateExpression } from "../language/cel/index.ts";
import type { Phase, Runbook, Step, Verification } from "../language/runbook.ts";
import { resolveTemplate, resolveTree } from "../language/template.ts";
import type { Catalogue } from "../steps/step-type.ts";
import type { JsonObject } from "../util/json.ts";
import type { PlannedCheck, PlannedStep } from "./plan.ts";
import { isLeaf, resolveAction } from "./resolve-action.ts";
import {
  childPath,
  itemPath,
  membersOf,
  newFrame,
  type Place,
  type StepFactsSource,
  scopeOf,
  typeNameOf,
} from "./scope.ts";

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

/** A step at its place. */
interface Node {
  readonly step: Step;
  readonly path: string;
  /** With the items of its own `forEach`. */
  readonly place: Place;
  /** Without them. */
  readonly outer: Place;
  readonly phase: Phase;
}

/** Groups come before their members; a `forEach` over a known list shows one entry with its count. */
export function planSteps(
  scope: PlanScope,
  steps: readonly Step[],
  parent: string,
  place: Place,
  phase: Phase,
): PlannedStep[] {
  return steps
    .flatMap((step) => nodesOf(step, childPath(parent, step.id), place, phase, scope.at))
    .map((node) => planStep(scope, node));
}

/** The same steps in the same order, without what they would do. */
export function outlineSteps(steps: readonly Step[], place: Place, phase: Phase) {
  const nodes = steps.flatMap((step) => nodesOf(step, step.id, place, phase));
  return nodes.map((node) => ({ ...outlineStep(node), note: node.step.note }));
}

/** The step and those in it. `at`: as in the scope of a plan. */
function nodesOf(step: Step, path: string, outer: Place, phase: Phase, at?: string): Node[] {
  if (step.forEach !== null && at?.startsWith(`${path}[`)) {
    const one = { ...step, forEach: null, if: null };
    return itemsFrom(step.forEach, path, outer, Number.parseInt(at.slice(path.length + 1), 10)).flatMap((item) =>
      nodesOf(one, itemPath(path, item.index), { ...outer, items: [...outer.items, item] }, phase, at),
    );
  }
  const place = step.forEach === null ? outer : eachPlace(step, path, outer);
  const node = { step, path, place, outer, phase };
  const { action } = step;
  if (isLeaf(action)) return [node];
  const inner = action.kind === "runbook" ? usedFrame(action.with, action.runbook, place, path) : place;
  return [node, ...membersOf(step).flatMap((member) => nodesOf(member, childPath(path, member.id), inner, phase, at))];
}

function outlineStep({ step, path, place, phase }: Node) {
  const { id, effects } = step;
  return { path, id, title: text(step.title, place), phase, type: typeNameOf(step), effects };
}

function planStep(scope: PlanScope, node: Node): PlannedStep {
  const { step, path, place, outer } = node;
  const base = {
    ...outlineStep(node),
    condition: conditionOf(step, place),
    timeoutMs: step.timeoutMs,
    probed: false,
    outputs: null,
  };
  const each = forEachText(step, outer);
  if (!isLeaf(step.action)) return { ...base, action: each, argv: null, unknown: [], undo: [], checks: [] };
  const resolved = resolveAction(step, step.action, place, scope.catalogue, scope.maskedSecrets);
  return {
    ...base,
    action: each + resolved.text.text,
    argv: resolved.text.argv,
    unknown: resolved.unknown,
    undo: planSteps(scope, step.rollback, `${path}.rollback`, place, "rollback"),
    checks: step.verify.map((verification) => checkOf(verification, place, path)),
    timeoutMs: step.timeoutMs ?? (resolved.type.person === null ? resolved.type.timeoutMs : null),
  };
}

function usedFrame(given: JsonObject, runbook: Runbook, place: Place, path: string): Place {
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
  const resolved = resolveTemplate(template, (expression) => evaluateExpression(expression, scopeOf(place)));
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
