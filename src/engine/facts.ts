/** `steps.<id>.…` of expressions, read from the run record. */
import type { Step } from "../language/runbook.ts";
import type { StepFactName, StepFactsSource } from "../plan/scope.ts";
import type { RunRecord, StepRecord } from "./run-record.ts";

/** Facts of the steps of one run; steps that did not run have null outputs and the status `pending`. */
export function factsOf(record: () => RunRecord): StepFactsSource {
  return {
    get(path: string, step: Step, name: StepFactName): unknown {
      const facts = record().steps.get(path);
      if (name === "outputs") return outputsOf(facts, step);
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

function outputsOf(facts: StepRecord | undefined, step: Step): Record<string, unknown> {
  const outputs: Record<string, unknown> = {};
  for (const name of Object.keys(step.outputs)) outputs[name] = null;
  return facts === undefined ? outputs : { ...outputs, ...facts.outputs };
}
