/** The step types of this process: the built-in ones, and the plug-ins of its project or of its run. */
import { catalogue as builtIn } from "../../steps/index.ts";
import type { AnyStepType, Catalogue, StepType } from "../../steps/step-type.ts";
import { LazyMap } from "../../util/lazy-map.ts";

let current: Catalogue = builtIn;

export function catalogue(): Catalogue {
  return current;
}

/** A command has one project, an executor one run: this is called at most once for each, before anything is loaded. */
export function addStepTypes(types: readonly StepType[]): void {
  if (types.length === 0) return;
  const added = types.map((type) => [type.type, () => type] as const);
  const known = [...builtIn.keys()].map((name) => [name, () => builtIn.get(name) as AnyStepType] as const);
  current = new LazyMap([...known, ...added].sort(([a], [b]) => (a < b ? -1 : 1)));
}
