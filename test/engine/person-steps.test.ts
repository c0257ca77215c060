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
