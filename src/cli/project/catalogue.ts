/** The step types of this process: the built-in ones, and the plug-ins of its project or of its run. */
import { catalogue as builtIn } from "../../steps/index.ts";
import type { Catalogue, StepType } from "../../steps/step-type.ts";

let current: Catalogue = builtIn;

export function catalogue(): Catalogue {
  return current;
}

/** A command has one project, an executor one run: this is called at most once for each, before anything is loaded. */
export function addStepTypes(types: readonly StepType[]): void {
  if (types.length === 0) return;
  const all = [...builtIn.values(), ...types].sort((a, b) => (a.type < b.type ? -1 : 1));
  current = new Map(all.map((type) => [type.type, type]));
}
