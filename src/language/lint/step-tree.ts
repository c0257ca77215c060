/** Walks over steps in the order they run. */
import type { Runbook, Step } from "../runbook.ts";

export type ListName = "guards" | "steps" | "always" | "rollback";

/** Where a step stands. */
export interface StepPlace {
  readonly list: ListName;
  /** Groups and parallel blocks around it, outermost first; a rollback step's list begins with the step it undoes. */
  readonly parents: readonly Step[];
}

/** Members of a group or parallel block; those of a used runbook belong to another document. */
export function membersOf(step: Step): readonly Step[] {
  return step.action.kind === "group" || step.action.kind === "parallel" ? step.action.steps : [];
}

/** Every step of the document with its place, groups before their members, rollback steps after the step they undo. */
export function* allSteps(runbook: Runbook): Generator<readonly [Step, StepPlace]> {
  for (const list of ["guards", "steps", "always"] as const) {
    for (const step of runbook[list]) yield* below(step, { list, parents: [] });
  }
}

function* below(step: Step, place: StepPlace): Generator<readonly [Step, StepPlace]> {
  yield [step, place];
  const parents = [...place.parents, step];
  for (const member of membersOf(step)) yield* below(member, { list: place.list, parents });
  for (const undo of step.rollback) yield* below(undo, { list: "rollback", parents });
}

/** Name after `uses:`, `run` for a command, null for groups and used runbooks. */
export function typeOf(step: Step): string | null {
  if (step.action.kind === "run") return "run";
  return step.action.kind === "uses" ? step.action.type : null;
}
