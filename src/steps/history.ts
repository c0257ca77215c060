/** What the tool's own past runs say: how many succeeded, and how long the way back took. Read from their journals. */
import { isCounted } from "../util/counted-results.ts";
import { durationField, durationMs } from "./duration.ts";
import { closed, decimal, listOf, nullable, result, row, text, whole } from "./schema.ts";
import { defineStepType } from "./step-type.ts";

interface HistorySpec {
  readonly runbooks: readonly string[];
  readonly target: string;
  readonly within: string;
  readonly objective?: string;
}

interface HistoryResult {
  readonly runs: number;
  readonly succeeded: number;
  readonly successRate: number | null;
  readonly slowestMs: number | null;
  readonly failed: readonly { readonly run: string; readonly runbook: string; readonly result: string }[];
}

export const history = defineStepType<HistorySpec, HistoryResult>({
  type: "history",
  summary: "Counts the finished runs of runbooks on a target, and which share succeeded. Refused runs do not count.",
  docs: "https://dora.dev/guides/dora-metrics-four-keys/",
  effects: "read",
  timeoutMs: 60_000,
  input: closed(
    {
      runbooks: listOf({ type: "string", pattern: "^[a-z][a-z0-9-]{0,62}$" }, "Names of runbooks.", { minItems: 1 }),
      target: text("Target they ran on.", { minLength: 1 }),
      within: durationField("How long ago their end may be, such as `30d`."),
      objective: text("Objective whose slowest measurement is wanted, default `rto`."),
    },
    ["runbooks", "target", "within"],
  ),
  examples: [{ runbooks: ["restore-drill"], target: "${{ target.name }}", within: "90d", objective: "rto" }],
  result: result({
    runs: whole("Finished runs."),
    succeeded: whole("How many of them succeeded."),
    successRate: nullable(decimal("Their share, 0 to 1; null when there was none: nothing is known.")),
    slowestMs: nullable(whole("Longest measurement of the objective, milliseconds; null when none was made.")),
    failed: listOf(
      row({ run: text("Id of a run."), runbook: text("Its runbook."), result: text("How it ended.") }),
      "Those that did not succeed, newest first.",
    ),
  }),
  action: (spec) => ({
    text: `count the runs of ${Array.isArray(spec.runbooks) ? spec.runbooks.join(", ") : spec.runbooks} on ${spec.target} within ${spec.within}`,
    argv: null,
  }),
  async run(spec, host) {
    const sinceMs = host.clock.now().getTime() - durationMs(spec.within, "within");
    const runs = host
      .finishedRuns()
      .filter((run) => spec.runbooks.includes(run.runbook) && run.target === spec.target)
      .filter((run) => Date.parse(run.finishedAt) >= sinceMs && isCounted(run.result));
    const failed = runs.filter((run) => run.result !== "succeeded");
    const measured = runs.flatMap((run) => {
      const ms = run.objectives[spec.objective ?? "rto"];
      return ms === null || ms === undefined ? [] : [ms];
    });
    const succeeded = runs.length - failed.length;
    return {
      runs: runs.length,
      succeeded,
      successRate: runs.length === 0 ? null : succeeded / runs.length,
      slowestMs: measured.length === 0 ? null : Math.round(Math.max(...measured)),
      failed: failed.map(({ run, runbook, result }) => ({ run, runbook, result })),
    };
  },
});
