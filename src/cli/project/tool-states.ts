/** The tools a runbook needs: where they are, which version, and what is wrong with them. */

import { findTool, toolVersion } from "../../host/tools.ts";
import { satisfiesRange } from "../../language/cel/index.ts";
import type { Runbook, Step } from "../../language/runbook.ts";
import { isSkippedForCertain } from "../../plan/at-start.ts";
import { allSteps, membersOf, type Place } from "../../plan/scope.ts";
import { catalogue } from "./catalogue.ts";
import { missingTool } from "./tool-homes.ts";

export interface ToolState {
  readonly name: string;
  readonly range: string | null;
  /** Absolute path, null = not found. */
  readonly found: string | null;
  readonly version: string | null;
  /** Null = fine, or not asked. */
  readonly problem: string | null;
}

/**
 * `askVersions`: start each tool of `requires` to read its version; else only look on PATH. `place`: where the run begins,
 * so that a step which is skipped for certain asks for no tool; null = not known.
 */
export async function toolStates(
  runbook: Runbook,
  env: Readonly<Record<string, string>>,
  projectDir: string,
  askVersions: boolean,
  place: Place | null,
): Promise<ToolState[]> {
  const names = new Set([...Object.keys(runbook.requires), ...toolsOf(allSteps(runbook), place)]);
  return await Promise.all(
    [...names].sort().map(async (name) => {
      const requirement = runbook.requires[name];
      const range = requirement?.range ?? null;
      const found = findTool(name, env["PATH"] ?? "", projectDir);
      if (found === null) return { name, range, found, version: null, problem: missingTool(name) };
      if (requirement === undefined || !askVersions) return { name, range, found, version: null, problem: null };
      const version = await toolVersion(requirement.command, requirement.pattern, env);
      return { name, range, found, version, problem: versionProblem(name, version, requirement.range) };
    }),
  );
}

function versionProblem(name: string, version: string | null, range: string): string | null {
  if (version === null) return `the version of ${name} could not be read; ${range} is required`;
  return satisfiesRange(version, range) ? null : `${name} is ${version}; ${range} is required`;
}

function toolsOf(steps: readonly Step[], place: Place | null): string[] {
  return steps.flatMap((step) => {
    if (isSkippedForCertain(step, place)) return [];
    const inside = step.action.kind === "runbook" ? null : place;
    const below = [...toolsOf(membersOf(step), inside), ...toolsOf(step.rollback, place)];
    if (step.action.kind !== "uses") return below;
    return [...below, ...(catalogue().get(step.action.type)?.tools ?? [])];
  });
}
