/** `steps.<id>.…` of expressions, read from the run record. */
import type { Step } from "../language/runbook.ts";
import type { StepFactName, StepFactsSource } from "../plan/scope.ts";
import type { RunRecord, StepRecord } from "./run-record.ts";

/** Facts of the steps of one run; steps that did not run have null outputs and the status `pending`. */
export function factsOf(record: () => RunRecord): StepFactsSource {
  return {
    get(path: string, step: Step, name: StepFactName): unknown {
      const facts = record().steps.get(path);
      if (name === "outputs") return outputsOf(facts, step) ?? listsOf(record(), path, step) ?? noOutputs(step);
      if (facts === undefined) return name === "status" ? "pending" : name === "attempts" ? 0 : null;
      switch (name) {
        case "status":
          return facts.status;
        case "startedAt":
          return facts.startedAt === null ? null : new Date(facts.startedAt);
        case "finishedAt":
          return facts.finishedAt === null ? null : new Date(facts.finishedAt);
        case "durationMs":
          return facts.durationMs;
        case "attempts":
          return facts.attempts.length;
        case "artifacts":
          return Object.fromEntries(
            facts.artifacts.map((file) => [file.name, { path: file.path, bytes: file.bytes, sha256: file.sha256 }]),
          );
      }
    },
  };
}

/** Null = the step has not run at this path. */
function outputsOf(facts: StepRecord | undefined, step: Step): Record<string, unknown> | null {
  if (facts === undefined || facts.status === "pending") return null;
  return { ...noOutputs(step), ...facts.outputs };
}

/** Of a step inside a `forEach`, seen from outside: the list of what each item gave. Null = no item has run. */
function listsOf(record: RunRecord, path: string, step: Step): Record<string, unknown> | null {
  const names = Object.keys(step.outputs);
  if (names.length === 0) return null;
  const segments = path.split(".").map((segment) => segment.replaceAll(/[[\]]/g, "\\$&"));
  const pattern = new RegExp(`^${segments.join("(?:\\[\\d+\\])?\\.")}$`);
  const items = [...record.steps.values()]
    .filter((each) => each.path !== path && pattern.test(each.path))
    .sort((a, b) => compareIndexes(a.path, b.path));
  if (items.length === 0) return null;
  return Object.fromEntries(names.map((name) => [name, items.map((each) => each.outputs[name] ?? null)]));
}

/** By the numbers in brackets, outermost first. */
function compareIndexes(a: string, b: string): number {
  const numbers = (path: string) => [...path.matchAll(/\[(\d+)\]/g)].map((match) => Number(match[1]));
  const [left, right] = [numbers(a), numbers(b)];
  const at = left.findIndex((number, nth) => number !== right[nth]);
  return at < 0 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
}

function noOutputs(step: Step): Record<string, unknown> {
  return Object.fromEntries(Object.keys(step.outputs).map((name) => [name, null]));
}
