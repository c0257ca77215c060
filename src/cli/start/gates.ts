/** Gates: what nobody passes but by the answer it asks for, or by an override its author allowed. */
import type { Runbook, Step } from "../../language/runbook.ts";
import { childPath, membersOf, withoutItems } from "../../plan/scope.ts";

export interface Gate {
  readonly path: string;
  readonly mayOverride: boolean;
}

const gateTypes: ReadonlySet<string> = new Set(["approval", "checkpoint", "window"]);

/** The gate at a path of a run, or the first one in what stands there: skipping a group would pass it too. Null = none. */
export function gateAt(runbook: Runbook, path: string): Gate | null {
  const written = withoutItems(path);
  for (const gate of gatesOf(runbook, "")) {
    if (gate.path === written) return { ...gate, path };
    // Guards of a used runbook are passed with all that they guard.
    if (gate.path.startsWith(`${written}.`) && !gate.isGuard) return gate;
  }
  return null;
}

function* gatesOf(runbook: Runbook, parent: string): Generator<Gate & { readonly isGuard: boolean }> {
  yield* gatesIn(runbook.guards, parent, true);
  yield* gatesIn([...runbook.steps, ...runbook.always], parent, false);
}

function* gatesIn(
  steps: readonly Step[],
  parent: string,
  isGuard: boolean,
): Generator<Gate & { readonly isGuard: boolean }> {
  for (const step of steps) {
    const path = childPath(parent, step.id);
    const { action } = step;
    if (isGuard || (action.kind === "uses" && gateTypes.has(action.type)))
      yield { path, mayOverride: step.override === "reason", isGuard };
    if (action.kind === "runbook") yield* gatesOf(action.runbook, path);
    else yield* gatesIn(membersOf(step), path, isGuard);
    yield* gatesIn(step.rollback, childPath(path, "rollback"), false);
  }
}
