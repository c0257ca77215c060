/** Shares of successes and times of the way back, folded from records. */
import { expect, test } from "vitest";
import { totalsText } from "../../src/cli/terminal/history-totals-text.ts";
import type { RunRecord } from "../../src/engine/run-record.ts";
import { historyTotals, type TotalledRun } from "../../src/report/history-totals.ts";

type Rto = number | null;

function run(result: string, runbook = "rollback-production", target = "production", rto?: Rto, targetMs = 300_000) {
  const kind = runbook.startsWith("rollback") ? "rollback" : "deploy";
  const objectives =
    rto === undefined ? [] : [{ name: "rto", targetMs, actualMs: rto, met: rto === null ? null : rto <= targetMs }];
  return { result, record: { started: { runbook, target, kind }, finished: { objectives } } as unknown as RunRecord };
}

const many = (number: number, result: string): TotalledRun[] => Array.from({ length: number }, () => run(result));

test.each([
  ["none", [], null, "no data"],
  [
    "only runs that tell nothing",
    [run("refused"), run("waiting"), run("running"), run("interrupted")],
    null,
    "no data",
  ],
  ["all", many(3, "succeeded"), 1, "3 of 3 succeeded (100 %)"],
  ["none of some", many(2, "failed"), 0, "0 of 2 succeeded (0 %)"],
  ["an abort counts against it", [run("aborted"), run("succeeded")], 0.5, "1 of 2 succeeded (50 %)"],
  ["nearly all", [...many(4_999, "succeeded"), run("failed")], 0.9998, "4999 of 5000 succeeded (99.9 %)"],
  ["hardly any", [...many(4_999, "failed"), run("succeeded")], 0.0002, "1 of 5000 succeeded (0.1 %)"],
  ["a way back that failed", [run("rollback_failed")], 0, "0 of 1 succeeded (0 %), 1 with a failed way back"],
])("%s", (_, runs, share, text) => {
  const totals = historyTotals(runs);
  expect(totals.successRate).toBe(share);
  expect(totalsText(totals, null).split("\n")[0]).toBe(`Runs: ${text}`);
});

test.each<[string, Rto[], object, string]>([
  ["nothing measured", [null], { runs: 1, measured: 0, medianMs: null }, "1 run, none measured"],
  [
    "one",
    [40_000],
    { medianMs: 40_000, slowestMs: 40_000, met: 1 },
    "median 40.0s, slowest 40.0s of 5m 00s, met 1 of 1",
  ],
  [
    "an even number, one missed and one unknown",
    [400_000, null, 20_000],
    { measured: 2, medianMs: 210_000, met: 1 },
    "met 1 of 2",
  ],
])("time of the way back: %s", (_, times, expected, text) => {
  const runs = times.map((rto) => run("succeeded", "rollback-production", "production", rto));
  const totals = historyTotals([...runs, run("succeeded", "deploy-production", "production", 1)]);
  expect(totals.rollback).toMatchObject(expected);
  expect(totalsText(totals, "30d").split("\n")[1]).toContain(text);
});

test("each runbook on each target, by name", () => {
  const totals = historyTotals([
    run("succeeded", "rollback-production", "production", 1_000),
    run("failed", "deploy-staging", "staging"),
    run("succeeded", "deploy-staging", "local"),
    run("rolled_back", "deploy-staging", "staging"),
  ]);
  expect(totals.runbooks).toMatchObject([
    { runbook: "deploy-staging", target: "local", runs: 1, successRate: 1, objectives: [] },
    { runbook: "deploy-staging", target: "staging", runs: 2, succeeded: 0, rolledBack: 1, successRate: 0 },
    { runbook: "rollback-production", target: "production", objectives: [{ name: "rto", measured: 1 }] },
  ]);
});
