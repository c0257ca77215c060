/** What is on record of steps that a run passed over, or had not reached again when it ended. */
import { describe, expect, test } from "vitest";
import { EngineRig, type Scripted } from "../rig/engine-rig.ts";

const leaf = (id: string, more = "effects: read") => `{ id: ${id}, title: ${id}, run: ${id}, ${more} }`;
const write = "effects: write, irreversible: for good";
const refused = () => ({
  kind: "failed" as const,
  failure: { class: "refused" as const, reason: "scripted", message: "not now", facts: {} },
  result: null,
  durationMs: 1,
});
const decide = (decision: "accept" | "skip" | "retry", step: string) => ({ decision, step, reason: "because" });

function statuses(rig: EngineRig): Record<string, string> {
  return Object.fromEntries([...rig.record.steps.values()].map(({ path, status }) => [path, status]));
}

describe("a group that a person passed over", () => {
  test.each(["skip", "accept"] as const)("by %s is not entered by a later resume", async (decision) => {
    const group = `{ id: g, title: G, steps: [${leaf("a", write)}, ${leaf("b")}] }`;
    const rig = new EngineRig(`steps: [${group}, ${leaf("after")}]`, { "g.a": "no", after: ["no", {}] });
    await rig.drive();
    expect(await rig.drive({ resumed: true, decisions: [decide(decision, "g")] })).toMatchObject({ exitCode: 1 });
    expect(statuses(rig)).toMatchObject({ "g.a": "skipped", "g.b": "skipped", after: "failed" });
    expect(rig.record.steps.get("g.a")?.failure?.message).toBe("no");
    expect(await rig.drive({ resumed: true })).toMatchObject({ exitCode: 0 });
    expect(rig.ran).toEqual(["g.a", "after", "after"]);
    expect(rig.record.finished?.summary).toBe("every step succeeded");
  });
});

test("the members of a group whose condition is false are skipped with it, also after a resume", async () => {
  const group = `{ id: g, title: G, if: steps.a.status == "failed", steps: [${leaf("b")}] }`;
  const rig = new EngineRig(`steps: [${leaf("a")}, ${group}, ${leaf("c")}]`, { c: ["no", {}] });
  await rig.drive();
  expect(statuses(rig)).toEqual({ a: "succeeded", g: "skipped", "g.b": "skipped", c: "failed" });
  expect(rig.record.steps.get("g.b")?.why).toBe("g was skipped");
  await rig.drive({ resumed: true });
  expect(rig.ran).toEqual(["a", "c", "c"]);
});

describe("the members of a forEach", () => {
  test.each([
    [
      "[1, 2]",
      { g: "succeeded", "g[0]": "succeeded", "g[0].a": "succeeded", "g[1]": "succeeded", "g[1].a": "succeeded" },
    ],
    ["[]", { g: "succeeded" }],
  ])("over %s are those of its items", async (list, expected) => {
    const each = `{ id: g, title: G, forEach: { in: "\${{ ${list} }}", as: n }, steps: [${leaf("a")}] }`;
    const rig = new EngineRig(`steps: [${each}]`);
    await rig.drive();
    expect(statuses(rig)).toEqual(expected);
  });
});

describe("what failed, and was not reached again", () => {
  test.each([
    ["another step failed before it", "failed"],
    ["the run was aborted", "aborted"],
  ])("is failed still when %s", async (_, result) => {
    const both = `{ id: p, title: P, max: 1, parallel: [${leaf("a")}, ${leaf("b")}] }`;
    const script: Record<string, Scripted[]> = { "p.a": [{}, {}], "p.b": ["no"], first: [{}, "now it fails"] };
    const rig = new EngineRig(`steps: [${leaf("first")}, ${both}]`, script);
    await rig.drive();
    expect(statuses(rig)).toEqual({ first: "succeeded", p: "failed", "p.a": "succeeded", "p.b": "failed" });
    const again =
      result === "failed" ? { decisions: [decide("retry", "first")] } : { abort: { reason: null, rollback: false } };
    await rig.drive({ resumed: true, ...again });
    expect(rig.record.result).toBe(result);
    expect(statuses(rig)).toMatchObject({ p: "failed", "p.b": "failed" });
    expect(rig.record.steps.get("p.b")?.failure?.message).toBe("no");
  });

  test("stands as the reason of a way back that was asked for", async () => {
    const undo = "rollback: [{ id: back, title: back, run: back, effects: write, verify: ['result.exitCode == 0'] }]";
    const rig = new EngineRig(`steps: [${leaf("a", `effects: write, ${undo}`)}, ${leaf("b")}]`, { b: "no" });
    await rig.drive();
    expect(await rig.drive({ resumed: true, rollback: true })).toMatchObject({ exitCode: 6 });
    expect(statuses(rig)).toMatchObject({ a: "undone", b: "failed" });
    expect(rig.record.finished?.summary).toContain("b failed (no)");
  });
});

describe("a write that failed before it began", () => {
  test("runs on resume without a question: its outcome is known", async () => {
    const rig = new EngineRig(`steps: [${leaf("a", write)}]`, { a: [refused, {}] });
    expect(await rig.drive()).toMatchObject({ exitCode: 4 });
    expect(await rig.drive({ resumed: true })).toMatchObject({ exitCode: 0 });
    expect(rig.ran).toEqual(["a", "a"]);
  });

  test("a refusal of a later attempt says nothing of what an earlier one changed", async () => {
    const undo = "rollback: [{ id: back, title: back, run: back, effects: write }]";
    const step = leaf("a", `effects: write, idempotent: true, retry: 2, ${undo}`);
    const rig = new EngineRig(`onFailure: rollback\nsteps: [${step}]`, { a: ["half done", refused] });
    expect(await rig.drive()).toMatchObject({ exitCode: 6 });
    expect(rig.ran).toEqual(["a", "a", "a.rollback.back"]);
  });
});

test("a condition that could not be evaluated is asked again by a resume, not passed over", async () => {
  const a = "{ id: a, title: a, run: a, effects: read, outputs: { n: result.json } }";
  const rig = new EngineRig(`steps: [${a}, ${leaf("b", `${write}, if: "int(string(steps.a.outputs.n)) > 3"`)}]`, {
    a: [{ json: "many" }, { json: 1 }],
  });
  expect(await rig.drive()).toMatchObject({ exitCode: 1 });
  expect(await rig.drive({ resumed: true, decisions: [decide("retry", "a")] })).toMatchObject({ exitCode: 0 });
  expect([rig.ran, rig.status("b")]).toEqual([["a", "a"], "skipped"]);
});
