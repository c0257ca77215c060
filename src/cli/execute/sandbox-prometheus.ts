/** The sandbox's Prometheus is the machine's own: a run that asks it is refused where there is none, before its first step. */
import { findTool } from "../../host/tools.ts";
import type { Runbook, Step } from "../../language/runbook.ts";
import { allSteps, membersOf } from "../../plan/scope.ts";
import { missingTool } from "../project/tool-homes.ts";

/** Why the run must not begin; null = it may. `path`: the PATH in which the sandbox looks. */
export function prometheusRefusal(runbook: Runbook, path: string): string | null {
  if (!asks(allSteps(runbook))) return null;
  // Both come in one package: the server, and the program that makes its history.
  const missing = ["prometheus", "promtool"].find((name) => findTool(name, path, "/") === null);
  return missing === undefined ? null : `the sandbox asks a real Prometheus: ${missingTool(missing)}`;
}

function asks(steps: readonly Step[]): boolean {
  return steps.some((step) => {
    const { action } = step;
    if (asks(membersOf(step)) || asks(step.rollback)) return true;
    return action.kind === "uses" && JSON.stringify(action.with).includes("target.services.prometheus");
  });
}
