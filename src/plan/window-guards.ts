/** The windows among the guards of a runbook. */
import type { Action, Step } from "../language/runbook.ts";
import { childPath, membersOf } from "./scope.ts";

export interface WindowGuard {
  readonly path: string;
  readonly step: Step;
  readonly action: Extract<Action, { kind: "uses" }>;
}

/** Also those in groups; not those of a `forEach` or a used runbook, whose place is not the run's own. */
export function* windowGuards(guards: readonly Step[], parent = ""): Generator<WindowGuard> {
  for (const step of guards) {
    const { action } = step;
    const path = childPath(parent, step.id);
    if (step.forEach !== null || action.kind === "runbook") continue;
    if (action.kind === "uses" && action.type === "window") yield { path, step, action };
    else yield* windowGuards(membersOf(step), path);
  }
}
