/** Steps in the order they were or would be executed: guards, steps, undo steps, `always`. */
import type { RunRecord, StepRecord } from "../engine/run-record.ts";
import type { Effects, Phase } from "../language/runbook.ts";

const phases: readonly Phase[] = ["guards", "steps", "rollback", "always"];

/** Items of a `forEach` become known while the run goes on; they stand behind the step they belong to. */
export function stepsInOrder(record: RunRecord): StepRecord[] {
  const planned = new Set(record.started.steps.map((step) => step.path));
  const later = new Map<string, StepRecord[]>();
  const first: StepRecord[] = [];
  for (const step of record.steps.values()) {
    const parent = planned.has(step.path) || step.phase === "rollback" ? null : parentOf(step.path, record.steps);
    const list = parent === null ? first : (later.get(parent) ?? []);
    list.push(step);
    if (parent !== null) later.set(parent, list);
  }
  const ordered: StepRecord[] = [];
  const stack: StepRecord[] = [];
  for (const phase of phases) {
    for (const step of first.filter((s) => s.phase === phase)) {
      stack.push(step);
      for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
        ordered.push(next);
        for (const part of (later.get(next.path) ?? []).reverse()) stack.push(part);
      }
    }
  }
  return ordered;
}

/** `hosts[3].ping` → `hosts[3]`, or the nearest step above it that the record knows; null = none. */
function parentOf(path: string, steps: ReadonlyMap<string, StepRecord>): string | null {
  for (let end = path.length; end > 0; ) {
    end = Math.max(path.lastIndexOf(".", end - 1), path.lastIndexOf("[", end - 1));
    if (end > 0 && steps.has(path.slice(0, end))) return path.slice(0, end);
  }
  return null;
}

const strength: readonly Effects[] = ["read", "write", "destructive"];

/** Path → the strongest effect of the step and of every step that is part of it; its way back does not count. */
export function effectsWithin(steps: readonly StepRecord[]): ReadonlyMap<string, Effects> {
  const known = new Map(steps.map((step) => [step.path, step]));
  const strongest = new Map(steps.map((step) => [step.path, step.effects]));
  for (const { path, phase, effects } of steps) {
    if (effects === "read" || phase === "rollback") continue;
    for (let at = parentOf(path, known); at !== null; at = parentOf(at, known)) {
      if (strength.indexOf(effects) > strength.indexOf(strongest.get(at) ?? "read")) strongest.set(at, effects);
    }
  }
  return strongest;
}

/** The step an undo step belongs to: `deploy.rollback.redeploy` → `deploy`; null = not an undo step. */
export function undoneStep(path: string): string | null {
  const at = path.indexOf(".rollback.");
  return at < 1 ? null : path.slice(0, at);
}

/** Paths of steps that have items, by the list they were found in. */
const repeated = new WeakMap<readonly StepRecord[], ReadonlySet<string>>();

/** True when other steps of the list are parts of this one: a group, parallel steps, a runbook, a step with items. */
export function isGroup(step: StepRecord, steps: readonly StepRecord[]): boolean {
  if (step.stepType === "group" || step.stepType === "parallel" || step.stepType.startsWith("runbook/")) return true;
  let paths = repeated.get(steps);
  if (paths === undefined) {
    paths = new Set(steps.filter((s) => s.path.endsWith("]")).map((s) => s.path.slice(0, s.path.lastIndexOf("["))));
    repeated.set(steps, paths);
  }
  return paths.has(step.path);
}
