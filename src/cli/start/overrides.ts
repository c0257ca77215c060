/** `--override STEP --reason TEXT`: only where the author wrote `override: reason`, always with a reason. */
import type { Runbook, Step } from "../../language/runbook.ts";
import { allSteps, membersOf, withoutItems } from "../../plan/scope.ts";
import type { Arguments } from "../arguments.ts";
import { CommandError, UsageError } from "../errors.ts";
import { stepPathOf } from "../follow/step-path.ts";

export interface StepReason {
  readonly step: string;
  readonly reason: string;
}

/** `paths`: of the steps of a run, items included; without them those of the runbook. */
export function overridesOf(args: Arguments, runbook: Runbook, paths?: readonly string[]): StepReason[] {
  const names = args.texts("override");
  if (names.length === 0) return [];
  const reason = requireReason(args, "--override");
  return names.map((name) => {
    const path = stepPath(runbook, name, paths);
    if (stepAt(runbook, path)?.override !== "reason") {
      throw new CommandError(
        "refused",
        `${path} may not be overridden: its author did not write \`override: reason\``,
        `runbook plan ${runbook.name}`,
      );
    }
    return { step: path, reason };
  });
}

export function requireReason(args: Arguments, flag: string): string {
  const reason = args.text("reason")?.trim();
  if (!reason) {
    const next = args.again({ without: ["reason"], add: ["--reason", "why you do this"] });
    throw new UsageError(`${flag} needs --reason "…": it is kept in the report`, next);
  }
  return reason;
}

/** The path of a step of a runbook; see `stepPathOf`. */
export function stepPath(runbook: Runbook, word: string, paths?: readonly string[]): string {
  return stepPathOf(
    paths ?? [...stepsByPath(runbook).keys()],
    word,
    runbook.name,
    () => `runbook show ${runbook.name}`,
  );
}

/** The step that stands at a path of a run: an item is written once, for each of them. */
export function stepAt(runbook: Runbook, path: string): Step | undefined {
  return stepsByPath(runbook).get(withoutItems(path));
}

export function stepsByPath(runbook: Runbook): Map<string, Step> {
  const map = new Map<string, Step>();
  const add = (steps: readonly Step[], parent: string) => {
    for (const step of steps) {
      const path = parent === "" ? step.id : `${parent}.${step.id}`;
      map.set(path, step);
      add(membersOf(step), path);
    }
  };
  add(allSteps(runbook), "");
  return map;
}
