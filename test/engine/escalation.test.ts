/** What is escalated, to whom, and where it stands. */
import { expect, test } from "vitest";
import type { EarlierRun } from "../../src/engine/escalation.ts";
import { evidenceBlock } from "../../src/report/evidence-block.ts";
import { EngineRig } from "../rig/engine-rig.ts";

const step = (more = "") => `
steps:
  - id: ask
    title: Ask
    run: ask
    effects: read
${more}`;
const told = `
notify:
  - on: [failed, escalated]
    uses: slack
    with: { webhook: "https://hooks.example/x" }
`;

async function ran(answer: string | Record<string, unknown>, text: string, results: readonly string[] = []) {
  const rig = new EngineRig(text + told, { ask: answer });
  rig.earlier = results.map((result, index): EarlierRun => ({ run: `rb-${index}`, result }));
  await rig.drive();
  return rig;
}

const notified = (rig: EngineRig) => rig.record.notifications.map(({ on }) => on);
const reasons = (rig: EngineRig) => (rig.record.escalation?.reasons ?? []).map(({ reason }) => reason);

test.each<[string, string[], boolean]>([
  ["two before it", ["failed", "failed"], true],
  ["however they failed", ["rollback_failed", "rolled_back", "succeeded"], true],
  ["stopped by people or guards between", ["refused", "failed", "aborted", "failed"], true],
  ["a success between", ["failed", "succeeded", "failed"], false],
  ["only one before it", ["failed"], false],
  ["none before it", [], false],
  ["others that tell nothing", ["refused", "aborted"], false],
])("a run that fails with %s: %j", async (_, results, escalated) => {
  const rig = await ran("no", step(), results);
  expect(reasons(rig)).toEqual(escalated ? ["third-failure"] : []);
  expect(notified(rig)).toEqual(escalated ? ["failed", "escalated"] : ["failed"]);
  expect(rig.record.finished).toMatchObject({ result: "failed", exitCode: 1 });
  expect(rig.record.deviations.map(({ kind }) => kind)).toEqual(escalated ? ["escalated"] : []);
});

test("a run that succeeds ends the row, whatever was before it", async () => {
  const rig = await ran({}, step(), ["failed", "failed", "failed"]);
  expect([reasons(rig), notified(rig)]).toEqual([[], []]);
});

test("it names the runs before it, and the file of the operators says it", async () => {
  const rig = await ran("no", step(), ["failed", "rolled_back"]);
  expect(rig.record.escalation).toMatchObject({ runs: ["rb-0", "rb-1"] });
  expect(evidenceBlock(rig.record, { runDir: "runs/rb-aaaaaa", folder: null })).toContain(
    "- **blocker**: the third run in a row of test on here that failed, after rb-0 and rb-1\n",
  );
});

test.each([
  ["the third attempt that fails", 3, 3, ["third-failure"]],
  ["the third attempt that succeeds", 2, 3, []],
  ["the second attempt that fails", 2, 2, []],
])("%s", async (_, failures, attempts, expected) => {
  let asked = 0;
  const failure = { class: "transient", reason: "busy", message: "busy", facts: {} } as const;
  const rig = new EngineRig(step(`    retry: { attempts: ${attempts}, delay: 1s }\n`) + told, {
    ask: () =>
      asked++ < failures
        ? { kind: "failed", failure, result: null, durationMs: 1 }
        : { kind: "done", result: { exitCode: 0 } as never, durationMs: 1 },
  });
  await rig.drive();
  expect([asked, reasons(rig)]).toEqual([Math.min(failures + 1, attempts), expected]);
});

test("a secret that was found is escalated at the first time, also when the step may fail", async () => {
  const failure = { class: "fatal", reason: "secrets-found", message: "1 secret", facts: {} } as const;
  const rig = new EngineRig(step("    continueOnFailure: true\n") + told, {
    ask: () => ({ kind: "failed", failure, result: null, durationMs: 1 }),
  });
  await rig.drive();
  expect([rig.record.result, reasons(rig), notified(rig)]).toEqual(["succeeded", ["secret-found"], ["escalated"]]);
});

test("a budget that is used up is escalated, and is one deviation", async () => {
  const rig = new EngineRig(`budget: 1s\n${step()}${told}`, {
    ask: async (request, clock) => {
      await clock.sleep(2_000, request.signal);
      return { kind: "done", result: { exitCode: 0 } as never, durationMs: 2_000 };
    },
  });
  await rig.drive();
  expect([rig.record.result, reasons(rig), notified(rig)]).toEqual(["succeeded", ["over-budget"], ["escalated"]]);
  expect(rig.record.deviations).toHaveLength(1);
});
