/** Before every resume the guards are asked again, whatever form they have; an override passes one for good. */
import { describe, expect, test } from "vitest";
import { EngineRig } from "../rig/engine-rig.ts";

const leaf = (id: string, more = "") => `{ id: ${id}, title: ${id}, run: ${id}, effects: read${more} }`;
const forms: readonly (readonly [string, string, readonly string[]])[] = [
  ["a step", leaf("g"), ["g"]],
  ["a group", `{ id: g, title: G, steps: [${leaf("a")}, ${leaf("b")}] }`, ["g.a", "g.b"]],
  ["a parallel block", `{ id: g, title: G, parallel: [${leaf("a")}, ${leaf("b")}] }`, ["g.a", "g.b"]],
  ["a forEach", leaf("g", ', forEach: { in: "${{ [1, 2] }}", as: n }'), ["g[0]", "g[1]"]],
  ["a used runbook", "{ id: g, title: G, uses: runbook/part }", ["g.a"]],
];
const part = `steps: [${leaf("a")}]`;
const whole = (guard: string) => `guards: [${guard}]\nsteps: [${leaf("work")}]`;

describe.each(forms)("%s as guard", (_, guard, asked) => {
  test("is asked again by a resume", async () => {
    const rig = new EngineRig(whole(guard), { work: ["no", {}] }, part);
    await rig.drive();
    expect(await rig.drive({ resumed: true })).toMatchObject({ exitCode: 0 });
    expect(rig.ran).toEqual([...asked, "work", ...asked, "work"]);
  });

  test("that holds no more refuses the resume, and lets a later one pass", async () => {
    const last = asked.at(-1)!;
    const rig = new EngineRig(whole(guard), { work: ["no", {}], [last]: [{}, "not now", {}] }, part);
    await rig.drive();
    expect(await rig.drive({ resumed: true })).toMatchObject({ kind: "refused" });
    expect(rig.ran).toEqual([...asked, "work", ...asked]);
    expect(await rig.drive({ resumed: true })).toMatchObject({ exitCode: 0 });
  });
});

test("an override passes a guard that refused a resume, and those after it", async () => {
  const rig = new EngineRig(whole(leaf("g", ", override: reason")), { work: ["no", "no", {}], g: [{}, "not now"] });
  const overrides = [{ step: "g", reason: "because" }];
  await rig.drive();
  expect(await rig.drive({ resumed: true })).toMatchObject({ kind: "refused" });
  expect(await rig.drive({ resumed: true, overrides })).toMatchObject({ exitCode: 1 });
  expect(rig.record.steps.get("g")).toMatchObject({ status: "skipped", why: "overridden: because" });
  expect(await rig.drive({ resumed: true })).toMatchObject({ exitCode: 0 });
  expect(rig.ran).toEqual(["g", "work", "g", "work", "work"]);
});

test("an override passes a question that was declined after a write", async () => {
  const ask = '{ id: ask, title: Ask, uses: checkpoint, with: { question: "Go on?" }, override: reason }';
  const write = "{ id: w, title: W, run: w, effects: write, idempotent: true, verify: [result.exitCode == 0] }";
  const rig = new EngineRig(`steps: [${write}, ${ask}, ${leaf("work")}]`);
  await rig.drive();
  const { shownDigest } = rig.record.steps.get("ask")!.approval!.request;
  const by = { name: "tester", method: "login", login: "tester", keyId: null, groups: [] } as const;
  const no = { decision: "rejected", by, reason: "no", shownDigest, signature: null, attachments: [] } as const;
  rig.append({ type: "approval.decided", step: "ask", ...no });
  expect(await rig.drive({ resumed: true })).toMatchObject({ exitCode: 1 });
  const overrides = [{ step: "ask", reason: "because" }];
  expect(await rig.drive({ resumed: true, overrides })).toMatchObject({ exitCode: 0 });
  expect([rig.ran, rig.status("ask")]).toEqual([["w", "work"], "skipped"]);
});

test.each([
  ["", 4, "refused"],
  ["{ id: w, title: W, run: w, effects: write, idempotent: true, verify: [result.exitCode == 0] }, ", 1, "failed"],
])(
  "a guard of a used runbook refuses the run when nothing was changed before: %j",
  async (before, exitCode, result) => {
    const used = `guards: [${leaf("g")}]\nsteps: [${leaf("a")}]`;
    const rig = new EngineRig(`steps: [${before}{ id: use, title: U, uses: runbook/part }]`, { "use.g": "no" }, used);
    expect(await rig.drive()).toMatchObject({ exitCode });
    expect([rig.record.result, rig.status("use.a")]).toEqual([result, "pending"]);
  },
);

test("an override that was given before the items were known passes the question of each", async () => {
  const ask = '{ id: ask, title: Ask, uses: checkpoint, with: { question: "Go on?" }, override: reason }';
  const each = `{ id: each, title: E, forEach: { in: "\${{ [1, 2] }}", as: n }, steps: [${ask}, ${leaf("work")}] }`;
  const rig = new EngineRig(`steps: [${each}]`);
  expect(await rig.drive({ overrides: [{ step: "each.ask", reason: "because" }] })).toMatchObject({ exitCode: 0 });
  expect([rig.ran, rig.status("each[1].ask")]).toEqual([["each[0].work", "each[1].work"], "skipped"]);
});

describe("on a protected target nothing is written without an approval on the way to it", () => {
  const ask = (more: string) =>
    `{ id: ask, title: Ask, uses: approval, with: { prompt: "Go?" }, override: reason${more} }`;
  const write = "{ id: w, title: W, run: w, effects: write, idempotent: true, verify: [result.exitCode == 0] }";
  const look = "{ id: look, title: L, run: look, effects: read, outputs: { sure: result.exitCode } }";

  test.each([
    [
      "whose condition turned out false",
      `[${look}, ${ask(", if: steps.look.outputs.sure == 1 && target.name != ''")}, ${write}]`,
    ],
    [
      "of a list that was empty",
      `[{ id: g, title: G, forEach: { in: "\${{ [] }}", as: n }, steps: [${ask("")}] }, ${write}]`,
    ],
    ["that nobody wrote", `[${write}]`],
  ])("also one %s", async (_, steps) => {
    const rig = new EngineRig(`steps: ${steps}`);
    rig.isProtected = true;
    expect(await rig.drive()).toMatchObject({ exitCode: 4 });
    expect([rig.ran.includes("w"), rig.record.steps.get("w")?.failure?.reason]).toEqual([false, "no-approval"]);
  });

  test("an override that the author allows counts", async () => {
    const rig = new EngineRig(`steps: [${ask("")}, ${write}]`);
    rig.isProtected = true;
    const overrides = [{ step: "ask", reason: "because" }];
    expect(await rig.drive({ overrides })).toMatchObject({ exitCode: 0 });
  });
});

const hours = "{ id: hours, title: H, uses: window, with: { name: office }, override: reason }";
const writes = "{ id: w, title: W, run: w, effects: write, idempotent: true, verify: [result.exitCode == 0] }";

describe.each([
  ["hours", hours],
  ["g.hours", `{ id: g, title: G, steps: [${leaf("a")}, ${hours}] }`],
  ["g.hours", `{ id: g, title: G, parallel: [${hours}] }`],
])("a window that closed after the guard %s", (path, guard) => {
  const closed = { open: false, mode: "block", now: "2026-03-14T17:00:00-08:00" } as const;
  const text = `guards: [${guard}]\nsteps: [${leaf("look")}, ${writes}, ${writes.replaceAll(": w,", ": w2,")}]`;

  test("refuses the first write, and nothing was changed", async () => {
    const rig = new EngineRig(text);
    rig.window = closed;
    expect(await rig.drive()).toMatchObject({ exitCode: 4 });
    expect(rig.ran).not.toContain("w");
    expect(rig.record.steps.get("w")?.failure).toMatchObject({ class: "refused", reason: "window-closed" });
  });

  test.each([
    ["is only a warning", { ...closed, mode: "warn" as const }, []],
    ["is overridden", closed, [{ step: path, reason: "because" }]],
    ["is open", { ...closed, open: true }, []],
  ])("lets it begin where it %s", async (_, window, overrides) => {
    const rig = new EngineRig(text);
    rig.window = window;
    expect(await rig.drive({ overrides })).toMatchObject({ exitCode: 0 });
    expect(rig.ran.slice(-2)).toEqual(["w", "w2"]);
  });
});
