/** `--override STEP --reason TEXT`: only where the author wrote `override: reason`, always with a reason. */
import type { Runbook, Step } from "../../language/runbook.ts";
import { allSteps, membersOf } from "../../plan/scope.ts";
import { closest } from "../../util/closest.ts";
import type { Arguments } from "../arguments.ts";
import { CommandError, UsageError } from "../errors.ts";

export interface StepReason {
  readonly step: string;
  readonly reason: string;
}

export function overridesOf(args: Arguments, runbook: Runbook): StepReason[] {
  const names = args.texts("override");
  if (names.length === 0) return [];
  const reason = requireReason(args, "--override");
  return names.map((name) => {
    const path = stepPath(runbook, name);
    const step = stepsByPath(runbook).get(path) as Step;
    if (step.override !== "reason") {
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
  if (!reason) throw new UsageError(`${flag} needs --reason "…": it is kept in the report`);
  return reason;
}

/** A full path, or a suffix that only one step has. Throws `UsageError` naming the nearest. */
export function stepPath(runbook: Runbook, word: string): string {
  const paths = [...stepsByPath(runbook).keys()];
  if (paths.includes(word)) return word;
  const found = paths.filter((path) => path.endsWith(`.${word}`));
  if (found.length === 1) return found[0] as string;
  if (found.length > 1) throw new UsageError(`"${word}" fits ${found.join(", ")}; write the whole path`);
  const near = closest(word, paths);
  throw new UsageError(
    `${runbook.name} has no step "${word}"${near ? `. Did you mean "${near}"?` : `: ${paths.join(", ")}`}`,
    `runbook show ${runbook.name}`,
  );
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
