/** The engine alone: order, stops, undo and resume, with scripted actions and a clock that moves only by sleeping. */
import { describe, expect, test } from "vitest";
import type { ActionOutcome, ActionRequest } from "../../src/engine/ports.ts";
import { verdictOf } from "../../src/report/verdict.ts";
import { EngineRig, type VirtualClock } from "../rig/engine-rig.ts";

/** An action that takes `ms` of the virtual clock and hears a cancel. */
const takes =
  (ms: number) =>
  async (request: ActionRequest, clock: VirtualClock): Promise<ActionOutcome> => {
    await clock.sleep(ms, request.signal);
    if (!request.signal.aborted) return { kind: "done", result: { exitCode: 0 }, durationMs: ms };
    return {
      kind: "cancelled",
      failure: { class: "failed", reason: "cancelled", message: "cancelled", facts: {} },
      result: null,
      durationMs: ms,
    };
  };

const write = (id: string, more = "") => `
  - id: ${id}
    title: ${id}
    run: ${id}
    effects: write
    ${more || "idempotent: true"}`;

describe("undo", () => {
  const undo = (id: string) =>
    `rollback: [{ id: back, title: back, run: undo-${id}, effects: write, idempotent: true }]`;

  test("goes newest first over what took effect, and one that fails does not stop the others", async () => {
    const rig = new EngineRig(
      `onFailure: rollback\nsteps:${write("a", undo("a"))}${write("b", undo("b"))}${write("c", undo("c"))}`,
      {
        c: "broken",
        "b.rollback.back": "stuck",
      },
    );
    expect(await rig.drive()).toEqual({ kind: "finished", exitCode: 7 });
    expect(rig.ran).toEqual(["a", "b", "c", "c.rollback.back", "b.rollback.back", "a.rollback.back"]);
    expect(["a", "b", "c"].map((path) => rig.status(path))).toEqual(["undone", "undo_failed", "undone"]);
    expect(rig.record.finished?.summary).toContain("broken");
  });

  test("that failed is what a resume goes on with, and only that", async () => {
    const rig = new EngineRig(`onFailure: rollback\nsteps:${write("a", undo("a"))}${write("b", undo("b"))}`, {
      b: "broken",
      "a.rollback.back": ["stuck", {}],
    });
    expect(await rig.drive()).toMatchObject({ exitCode: 7 });
    rig.ran.length = 0;
    expect(await rig.drive({ resumed: true })).toMatchObject({ exitCode: 6 });
    expect(rig.ran).toEqual(["a.rollback.back"]);
  });

  const read = "\n  - { id: look, title: look, run: look, effects: read }";
  const approval = "\n  - { id: ask, title: ask, uses: approval, with: { prompt: Go on? } }";
  test.each([
    ["a failure before any change keeps its failure", read, 1, "failed", "look failed: down", "failed"],
    [
      "so does one after a change without a way back",
      `${write("a")}${read}`,
      1,
      "failed",
      "look failed: down",
      "failed",
    ],
    [
      "one after an undone change is told",
      `${write("a", undo("a"))}${read}`,
      6,
      "rolled_back",
      "look failed",
      "failed",
    ],
    ["a wait before any change ends as aborted", approval, 1, "aborted", "there was none to go", "waiting"],
  ])("asked for by a resume: %s, and nothing is green", async (_, steps, exitCode, result, summary, status) => {
    const rig = new EngineRig(`steps:${steps}`, { look: "down" });
    await rig.drive();
    expect(await rig.drive({ resumed: true, rollback: true })).toEqual({ kind: "finished", exitCode });
    expect(rig.record.result).toBe(result);
    expect(rig.record.finished?.summary).toContain(summary);
    expect(rig.status(steps === approval ? "ask" : "look")).toBe(status);
  });

  test("crosses into a used runbook, whose steps see its own inputs", async () => {
    const used = `inputs: { what: { type: string, required: true } }
steps:
  - id: change
    title: Change
    run: change ${"${{ inputs.what }}"}
    effects: write
    rollback: [{ id: back, title: back, run: "unchange ${"${{ inputs.what }}"}", effects: write, idempotent: true }]`;
    const rig = new EngineRig(
      `onFailure: rollback
steps:
  - { id: part, title: part, uses: runbook/part, with: { what: lamp } }${write("after", undo("after"))}`,
      { after: "broken" },
      used,
    );
    expect(await rig.drive()).toMatchObject({ exitCode: 6 });
    expect(rig.ran).toEqual(["part.change", "after", "after.rollback.back", "part.change.rollback.back"]);
    expect(rig.record.steps.get("part.change.rollback.back")?.action).toBe("unchange lamp");
  });

  test("is not begun for a write that was refused before it started", async () => {
    const rig = new EngineRig(`onFailure: rollback\nsteps:${write("a", undo("a"))}`, {
      a: () => ({
        kind: "failed",
        failure: { class: "refused", reason: "no", message: "no", facts: {} },
        result: null,
        durationMs: 0,
      }),
    });
    expect(await rig.drive()).toMatchObject({ exitCode: 4 });
    expect(rig.ran).toEqual(["a"]);
  });
});

describe("a group", () => {
  test("over its timeout ends what runs, starts nothing more and is timed out", async () => {
    const rig = new EngineRig(
      `steps:
  - id: phase
    title: Phase
    timeout: 10s
    steps:
      - { id: one, title: one, run: one, effects: read }
      - { id: two, title: two, run: two, effects: read }
      - { id: three, title: three, run: three, effects: read }
  - { id: after, title: after, run: after, effects: read }`,
      { "phase.one": takes(4_000), "phase.two": takes(60_000) },
    );
    expect(await rig.drive()).toMatchObject({ exitCode: 1 });
    expect(rig.ran).toEqual(["phase.one", "phase.two"]);
    expect([rig.status("phase.two"), rig.status("phase")]).toEqual(["cancelled", "timed_out"]);
    expect(rig.record.steps.get("phase")?.failure?.message).toContain("10000 ms");
  });

  test("over its budget is marked and goes on", async () => {
    const rig = new EngineRig(
      `steps:
  - id: phase
    title: Phase
    budget: 1s
    steps: [{ id: one, title: one, run: one, effects: read }]`,
      { "phase.one": takes(4_000) },
    );
    expect(await rig.drive()).toMatchObject({ exitCode: 0 });
    expect(rig.record.deviations).toMatchObject([{ kind: "budget-exceeded", step: "phase" }]);
  });

  test("in parallel waits for all, then fails", async () => {
    const rig = new EngineRig(
      `steps:
  - id: all
    title: All
    parallel:
      - { id: bad, title: bad, run: bad, effects: read }
      - { id: slow, title: slow, run: slow, effects: read }`,
      { "all.bad": "no", "all.slow": takes(5_000) },
    );
    expect(await rig.drive()).toMatchObject({ exitCode: 1 });
    expect(rig.status("all.slow")).toBe("succeeded");
  });
});

describe("attempts", () => {
  test("of a write ask its check before they repeat it", async () => {
    const more = `retry: 3
    irreversible: test
    check: { run: look, that: result.exitCode == 0 && result.stdout == "done" }`;
    const rig = new EngineRig(`steps:${write("a", more)}`, { a: "lost", "a?": { stdout: "done" } });
    expect(await rig.drive()).toMatchObject({ exitCode: 0 });
    expect(rig.ran).toEqual(["a", "a?"]);
    expect(rig.record.steps.get("a")?.why).toContain("already done");
  });

  test("of class fatal are never repeated", async () => {
    const fatal = () =>
      ({
        kind: "failed",
        failure: { class: "fatal", reason: "found", message: "a secret", facts: {} },
        result: null,
        durationMs: 0,
      }) as const;
    const rig = new EngineRig("steps:\n  - { id: scan, title: scan, run: scan, effects: read, retry: 3 }", {
      scan: fatal,
    });
    await rig.drive();
    expect(rig.ran).toEqual(["scan"]);
  });

  test("wait longer each time and stop at the cap", async () => {
    const rig = new EngineRig(
      "steps:\n  - { id: a, title: a, run: a, effects: read, retry: { attempts: 3, delay: 2s, backoff: 2, jitter: false } }",
      { a: "down" },
    );
    await rig.drive();
    const delays = rig.events.flatMap((event) => (event.type === "step.retrying" ? [event.delayMs] : []));
    expect([rig.ran.length, delays]).toEqual([3, [2_000, 4_000]]);
  });
});

describe("resume", () => {
  test("after a failure runs the failed read again and nothing that had ended", async () => {
    const rig = new EngineRig(
      "steps:\n  - { id: a, title: a, run: a, effects: read }\n  - { id: b, title: b, run: b, effects: read }",
      { b: ["down", {}] },
    );
    expect(await rig.drive()).toMatchObject({ exitCode: 1 });
    expect(await rig.drive({ resumed: true })).toMatchObject({ exitCode: 0 });
    expect(rig.ran).toEqual(["a", "b", "b"]);
  });

  test("of a failed write without check or promise waits for a person, who decides", async () => {
    const rig = new EngineRig(`steps:${write("a", "irreversible: test")}`, { a: ["half done", {}] });
    await rig.drive();
    expect(await rig.drive({ resumed: true })).toEqual({ kind: "waiting" });
    expect([rig.status("a"), rig.ran]).toEqual(["indeterminate", ["a"]]);
    const decisions = [{ decision: "retry", step: "a", reason: "looked" }] as const;
    expect(await rig.drive({ resumed: true, decisions })).toMatchObject({ exitCode: 0 });
    expect(rig.record.deviations.map((item) => item.kind)).toContain("retry");
  });

  test("a check that failed turns green only by running again", async () => {
    const rig = new EngineRig(
      'steps:\n  - { id: a, title: a, run: a, effects: read, verify: [result.stdout == "up"] }',
      { a: [{ stdout: "down" }, { stdout: "down" }, { stdout: "up" }] },
    );
    expect(await rig.drive()).toMatchObject({ exitCode: 1 });
    expect(await rig.drive({ resumed: true })).toMatchObject({ exitCode: 1 });
    expect(await rig.drive({ resumed: true })).toMatchObject({ exitCode: 0 });
  });
});

test("always runs whatever happened, also after one of its own fails, and once per verdict", async () => {
  const rig = new EngineRig(
    `steps:
  - { id: a, title: a, run: a, effects: read }
always:
  - { id: clean1, title: clean1, run: clean1, effects: write, idempotent: true }
  - { id: clean2, title: clean2, run: clean2, effects: write, idempotent: true }`,
    { a: "no", clean1: "no" },
  );
  expect(await rig.drive()).toMatchObject({ exitCode: 1 });
  expect(rig.ran).toEqual(["a", "clean1", "clean2"]);
});

test("failures that a forEach or a group tolerates do not count as the run's", async () => {
  const rig = new EngineRig(
    `steps: [
  { id: each, title: Each, forEach: { in: "\${{ [1, 2, 3, 4] }}", as: n, maxFailures: 50% }, run: "x \${{ n }}", effects: read },
  { id: may, title: May, continueOnFailure: true, steps: [{ id: fail, title: Fail, run: y, effects: read }] },
  { id: last, title: Last, run: z, effects: read }]`,
    { "each[1]": "no", "may.fail": "no" },
  );
  expect(await rig.drive()).toMatchObject({ kind: "finished", exitCode: 0 });
  expect([rig.status("each[1]"), rig.status("may.fail"), rig.status("last")]).toEqual([
    "failed",
    "failed",
    "succeeded",
  ]);
  expect(rig.record.finished?.result).toBe("succeeded");
  expect(rig.record.finished?.summary).toBe(
    "succeeded, although the runbook went on after failures of each[1], may.fail",
  );
});

test("a limit that a group tolerates is a deviation, and the failure behind it is the run's", async () => {
  const rig = new EngineRig(
    `steps: [
  { id: may, title: May, continueOnFailure: true, timeout: 10s, steps: [{ id: slow, title: Slow, run: y, effects: read }] },
  { id: tries, title: Tries, continueOnFailure: true, steps: [{ id: try, title: Try, run: y, effects: read }] },
  { id: last, title: Last, run: z, effects: read }]`,
    { "may.slow": takes(60_000), "tries.try": "allowed", last: "for real" },
  );
  expect(await rig.drive()).toMatchObject({ exitCode: 1 });
  expect(rig.record.deviations.map(({ kind, step }) => `${kind} ${step}`)).toEqual([
    "continued-on-failure may",
    "continued-on-failure tries",
  ]);
  expect(rig.record.finished?.summary).toBe("last failed: for real");
  expect(verdictOf(rig.record)).toMatchObject({ word: "FAILED", detail: expect.stringMatching(/^at last: for real/) });
});
