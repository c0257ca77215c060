import { expect, test } from "vitest";
import { history } from "../../../src/steps/history.ts";
import { rounds } from "../../../src/steps/rounds.ts";
import type { FinishedRun } from "../../../src/steps/step-type.ts";
import { wait } from "../../../src/steps/wait.ts";
import { failureOf, rigHost, runStep, schemaErrors } from "../../rig/step-host.ts";

const now = "2026-11-20T18:00:00Z";
const past = (over: Partial<FinishedRun>): FinishedRun => ({
  run: "rb-aaaaaa",
  runbook: "deploy-production",
  version: "1.0.0",
  target: "production",
  result: "succeeded",
  finishedAt: "2026-11-19T12:00:00Z",
  objectives: {},
  inputs: {},
  problems: async () => [],
  ...over,
});
const spec = { runbooks: ["deploy-production"], target: "production", within: "30d" };
const among = (...finishedRuns: FinishedRun[]) => rigHost({ now, finishedRuns });

test("counts what succeeded of what was begun, lately, on the target", async () => {
  const found = await runStep(
    history,
    spec,
    among(
      past({}),
      past({ run: "rb-bbbbbb", result: "rolled_back" }),
      past({ run: "rb-cccccc", result: "refused" }),
      past({ run: "rb-dddddd", target: "staging", result: "failed" }),
      past({ run: "rb-eeeeee", runbook: "smoke-tests", result: "failed" }),
      past({ run: "rb-ffffff", finishedAt: "2026-10-01T12:00:00Z", result: "failed" }),
    ),
  );
  expect(found).toEqual({
    runs: 2,
    succeeded: 1,
    successRate: 0.5,
    slowestMs: null,
    failed: [{ run: "rb-bbbbbb", runbook: "deploy-production", result: "rolled_back" }],
  });
});

test("the slowest measurement of the objective counts, and what was not measured is not 0", async () => {
  const runs = [{ rto: 61_000.4 }, { rto: 254_000 }, { rto: null }, {}].map((objectives, nth) =>
    past({ run: `rb-${nth}`, objectives: objectives as FinishedRun["objectives"] }),
  );
  expect(await runStep(history, spec, among(...runs))).toMatchObject({ runs: 4, slowestMs: 254_000 });
  expect((await runStep(history, { ...spec, objective: "rpo" }, among(...runs))).slowestMs).toBeNull();
});

test("nothing known is no success rate", async () => {
  expect(await runStep(history, spec, among())).toMatchObject({ runs: 0, successRate: null, slowestMs: null });
});

test("rounds go from now to the stop time, and every so often a summary is due", async () => {
  const found = await runStep(rounds, { every: "20m", for: "2h10m", summaryEvery: "1h" }, rigHost({ now }));
  expect(found.endsAt).toBe("2026-11-20T20:10:00.000Z");
  expect(found.rounds.map(({ at, summary }) => `${at.slice(11, 16)}${summary ? " *" : ""}`)).toEqual([
    "18:00",
    "18:20",
    "18:40 *",
    "19:00",
    "19:20",
    "19:40 *",
    "20:00 *",
  ]);
  expect(found.rounds[0]).toEqual({ nr: 1, at: "2026-11-20T18:00:00.000Z", summary: false });
});

test("a stop time is a moment too; one round is the least", async () => {
  const until = await runStep(rounds, { every: "5m", until: "2026-11-20T18:12:00+00:00" }, rigHost({ now }));
  expect(until.rounds).toHaveLength(3);
  expect((await runStep(rounds, { every: "5m", until: now }, rigHost({ now }))).rounds).toHaveLength(1);
});

test.each([
  ["a stop time that is over", { every: "5m", until: "2026-11-20T17:59:59Z" }, "rounds-impossible"],
  ["rounds without an end", { every: "0s", for: "1h" }, "rounds-impossible"],
  ["more rounds than a journal should hold", { every: "1s", for: "1h" }, "rounds-impossible"],
  ["what is no moment", { every: "5m", until: "tomorrow" }, "moment-invalid"],
])("%s is refused", async (_, spec, reason) => {
  expect(await failureOf(rounds, spec, rigHost({ now }))).toMatchObject({ class: "fatal", reason });
});

test("wait takes a length or a moment, and a moment that has passed takes no time", async () => {
  const host = rigHost({ now, attemptMs: 3_600_000 });
  await runStep(wait, { until: "2026-11-20T18:10:00Z" }, host);
  await runStep(wait, { until: "2026-11-20T18:10:00Z" }, host);
  await runStep(wait, { for: "30s" }, host);
  expect(host.sleeps).toEqual([600_000, 30_000]);
  expect(await failureOf(wait, { until: "18:10" }, host)).toMatchObject({ class: "fatal", reason: "moment-invalid" });
  expect(await failureOf(wait, { until: "2026-11-20T20:10:00Z" }, host)).toMatchObject({
    reason: "wait-exceeds-timeout",
  });
  expect(schemaErrors(wait.input, {})).not.toEqual([]);
  expect(schemaErrors(wait.input, { for: "1s", until: now })).not.toEqual([]);
});
