/** What a person said holds: a no is never passed over, and the checks over what they wrote decide as all others do. */
import { describe, expect, test } from "vitest";
import { EngineRig } from "../rig/engine-rig.ts";

const by = { name: "tester", method: "login", login: "tester", keyId: null, groups: [] } as const;

/** Drives to the question at `path`, answers it, and drives on. */
async function answered(steps: string, path: string, decision: "approved" | "rejected", reason: string) {
  const rig = new EngineRig(`steps: ${steps}`, { after: { exitCode: 0 } });
  expect((await rig.drive()).kind).toBe("waiting");
  const { shownDigest } = rig.record.steps.get(path)!.approval!.request;
  rig.append({
    type: "approval.decided",
    step: path,
    decision,
    by,
    reason,
    shownDigest,
    signature: null,
    attachments: [],
  });
  const outcome = await rig.drive({ resumed: true });
  return { rig, outcome };
}

const after = "{ id: after, title: After, run: after, effects: write, idempotent: true }";
const asked = '{ id: ask, title: Ask, uses: approval, with: { prompt: "Go on?" } }';
const item = (verify: string, more = "") =>
  `{ id: note, title: Note, uses: manual, with: { instructions: Do it, confirm: Done, evidence: note }, ${more}verify: [{ that: '${verify}', message: No link. }] }`;

describe("a no is not passed over", () => {
  test.each([
    ["its own step", `[${asked.replace("title: Ask", "title: Ask, continueOnFailure: true")}, ${after}]`, "ask"],
    ["a group around it", `[{ id: g, title: G, continueOnFailure: true, steps: [${asked}] }, ${after}]`, "g.ask"],
    [
      "a parallel block around it",
      `[{ id: g, title: G, continueOnFailure: true, parallel: [${asked}] }, ${after}]`,
      "g.ask",
    ],
    [
      "a forEach around it",
      `[{ id: ask, title: Ask, uses: approval, with: { prompt: "Go on?" }, forEach: { in: "\${{ [1, 2] }}", as: n, maxFailures: 50% } }, ${after}]`,
      "ask[0]",
    ],
  ])("though %s may fail", async (_, steps, path) => {
    const { rig, outcome } = await answered(steps, path, "rejected", "no");
    expect([outcome.kind, rig.ran, rig.status("after")]).toEqual(["finished", [], "pending"]);
    expect(rig.record.finished?.result).not.toBe("succeeded");
  });
});

test.each([
  ["an approval that says nothing", asked, 4],
  ["an approval", asked.replace('"Go on?"', '"Go on?", expires: 30m'), 0.5],
  ["an approval with a shorter timeout", asked.replace('"Go on?" }', '"Go on?", expires: 2h }, timeout: 1h'), 1],
  ["an approval of a month", asked.replace('"Go on?"', '"Go on?", expires: 30d'), 7 * 24],
  ["an approval with a timeout of a month", asked.replace("title: Ask", "title: Ask, timeout: 30d"), 7 * 24],
  [
    "a manual step of a month",
    "{ id: ask, title: A, timeout: 30d, uses: manual, with: { instructions: Do it, confirm: Done } }",
    30 * 24,
  ],
  [
    "a manual step that says nothing",
    "{ id: ask, title: A, uses: manual, with: { instructions: Do it, confirm: Done } }",
    null,
  ],
])("%s is open for its time", async (_, step, hours) => {
  const rig = new EngineRig(`steps: [${step}]`);
  expect((await rig.drive()).kind).toBe("waiting");
  const { at, expiresAt } = rig.record.steps.get("ask")!.approval!.request;
  expect(expiresAt === null ? null : (Date.parse(expiresAt) - Date.parse(at)) / 3_600_000).toBe(hours);
});

describe("a question inside a forEach over a used runbook", () => {
  const part = `inputs: { host: { type: string, required: true } }
steps:
  - { id: ask, title: "Ask \${{ inputs.host }}", uses: approval, with: { prompt: "Change \${{ inputs.host }}?" } }
  - { id: w, title: W, run: [change, "\${{ inputs.host }}"], effects: write, irreversible: It is gone., verify: [result.exitCode == 0] }`;
  const outer = `steps:
  - { id: before, title: Before, run: before, effects: write, idempotent: true, verify: [result.exitCode == 0] }
  - { id: each, title: Each, forEach: { in: "\${{ ['a', 'b', 'c'] }}", as: host }, uses: runbook/part, with: { host: "\${{ host }}" } }
  - { id: after, title: After, run: after, effects: write, idempotent: true, verify: [result.exitCode == 0] }`;
  const answer = (rig: EngineRig, step: string) => {
    const { shownDigest } = rig.record.steps.get(step)!.approval!.request;
    const decided = { decision: "approved", by, reason: null, shownDigest, signature: null, attachments: [] } as const;
    rig.append({ type: "approval.decided", step, ...decided });
  };

  test("shows what a yes starts, up to the next question, and binds it", async () => {
    const rig = new EngineRig(outer, {}, part);
    const bound: object[] = [];
    for (const index of [0, 1, 2]) {
      expect((await rig.drive({ resumed: index > 0 })).kind).toBe("waiting");
      const { stepType, approval } = rig.record.steps.get(`each[${index}].ask`)!;
      expect(stepType).toBe("approval");
      expect(approval!.request.shown).toContain("Not undone:\n  w: It is gone.");
      bound.push(approval!.request.bound);
      answer(rig, `each[${index}].ask`);
    }
    expect(await rig.drive({ resumed: true })).toMatchObject({ exitCode: 0 });
    const change = (index: number, host: string) => ({ step: `each[${index}].w`, action: `change ${host}` });
    expect(bound).toEqual([[change(0, "a")], [change(1, "b")], [change(2, "c"), { step: "after", action: "after" }]]);
  });

  test("that was answered to another action refuses the write", async () => {
    const rig = new EngineRig(outer, {}, part);
    await rig.drive();
    const { request } = rig.record.steps.get("each[0].ask")!.approval!;
    Object.assign(request.bound[0]!, { action: "change z" });
    answer(rig, "each[0].ask");
    await rig.drive({ resumed: true });
    expect([rig.ran, rig.record.steps.get("each[0].w")?.failure?.reason]).toEqual([["before"], "not-as-approved"]);
  });
});

describe("what a person wrote is checked", () => {
  const hasLink = 'result.note != null && result.note.contains("://")';

  test.each([
    ["https://chat/1, release role", "succeeded", "succeeded"],
    ["somebody will be there", "failed", "failed"],
  ] as const)("%s: %s", async (note, status, verdict) => {
    const { rig } = await answered(`[${item(hasLink)}]`, "note", "approved", note);
    const record = rig.record.steps.get("note");
    expect([record?.status, rig.record.finished?.result]).toEqual([status, verdict]);
    expect(record?.checks).toMatchObject([{ status: status === "failed" ? "not_met" : "met" }]);
    if (status === "failed") expect(record?.failure).toMatchObject({ reason: "verification", message: "No link." });
  });

  test("an item that may fail is recorded as failed, and the run goes on", async () => {
    const steps = `[${item(hasLink, "continueOnFailure: true, ")}, ${after}]`;
    const { rig } = await answered(steps, "note", "approved", "no link");
    expect([rig.status("note"), rig.ran]).toEqual(["failed", ["after"]]);
    expect(rig.record.deviations).toMatchObject([{ kind: "continued-on-failure", step: "note" }]);
  });
});
