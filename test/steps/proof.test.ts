/** Which earlier run proves something, and why the others do not. */
import { describe, expect, test } from "vitest";
import { proof } from "../../src/steps/proof.ts";
import type { FinishedRun } from "../../src/steps/step-type.ts";
import { failureOf, rigHost, runStep } from "../rig/step-host.ts";

const now = "2026-11-20T18:00:00Z";
const image = "registry.fly.io/shop:deploy-09";
const spec = { runbook: "deploy-staging", target: "staging", within: "24h", inputs: { image } };

const past = (over: Partial<FinishedRun> = {}): FinishedRun => ({
  run: "rb-aaaaaa",
  runbook: "deploy-staging",
  version: "1.0.0",
  target: "staging",
  result: "succeeded",
  finishedAt: "2026-11-20T12:00:00Z",
  objectives: {},
  inputs: { image, reason: "a try" },
  problems: async () => [],
  ...over,
});
const among = (...finishedRuns: FinishedRun[]) => rigHost({ now, finishedRuns });

test("the newest run that succeeded with the same image, recently, counts", async () => {
  const newer = past({ run: "rb-bbbbbb", finishedAt: "2026-11-20T17:00:00Z" });
  expect(await runStep(proof, spec, among(newer, past()))).toEqual({
    run: "rb-bbbbbb",
    version: "1.0.0",
    finishedAt: "2026-11-20T17:00:00Z",
    ageSeconds: 3600,
    considered: [],
  });
});

test("newer runs that do not count are told, and an older one that does counts", async () => {
  const failed = past({ run: "rb-cccccc", result: "rolled_back", finishedAt: "2026-11-20T17:00:00Z" });
  expect(await runStep(proof, spec, among(failed, past()))).toMatchObject({
    run: "rb-aaaaaa",
    considered: [{ run: "rb-cccccc", why: "ended as rolled_back" }],
  });
});

test("exactly at the limit it counts", async () => {
  expect(await runStep(proof, spec, among(past({ finishedAt: "2026-11-19T18:00:00Z" })))).toMatchObject({
    ageSeconds: 86_400,
  });
});

describe("does not count, refused:", () => {
  test.each<[string, Partial<FinishedRun>, string]>([
    ["a run that failed", { result: "failed" }, "ended as failed"],
    ["one of another image", { inputs: { image: "registry.fly.io/shop:deploy-08" } }, "had another image"],
    ["one without that input", { inputs: {} }, "had no input image"],
    ["one that is too old", { finishedAt: "2026-11-19T17:59:59Z" }, "is too old (2026-11-19T17:59:59Z)"],
    ["one of the future", { finishedAt: "2026-11-21T18:00:00Z" }, "still to come"],
    ["one whose evidence was changed", { problems: async () => ["report.md differs"] }, "report.md differs"],
  ])("%s", async (_, over, why) => {
    const failure = await failureOf(proof, spec, among(past(over)));
    expect(failure).toMatchObject({ class: "refused", reason: "not-proven" });
    expect(failure.message).toContain(`rb-aaaaaa`);
    expect(failure.message).toContain(why);
    expect(failure.message).toContain(`runbook run deploy-staging -t staging -i image=${image}`);
  });

  test.each<[string, Partial<FinishedRun>]>([
    ["another runbook", { runbook: "deploy-production" }],
    ["another target", { target: "local" }],
    ["this very run", { run: "rb-7f3k2m" }],
  ])("%s is not even considered", async (_, over) => {
    const failure = await failureOf(proof, spec, among(past(over)));
    expect(failure.message).toContain("There is no finished run of deploy-staging on staging");
  });

  test("no run at all", async () => {
    expect(await failureOf(proof, spec, among())).toMatchObject({ class: "refused", reason: "not-proven" });
  });
});

test("without inputs any success counts; a limit that is no duration is told", async () => {
  const { runbook, target } = spec;
  expect(await runStep(proof, { runbook, target, within: "24h" }, among(past()))).toMatchObject({ run: "rb-aaaaaa" });
  expect(await failureOf(proof, { ...spec, within: "PT" }, among(past()))).toMatchObject({
    reason: "duration-invalid",
  });
});
