/**
 * The decision table of an interrupted step, driven through the engine: effects × what the author wrote × what became of
 * the step's command. What the journal, the action and the check saw is counted, not what a function answers.
 */
import { describe, expect, test } from "vitest";
import type { ActionOutcome, ActionRequest } from "../../src/engine/ports.ts";
import { EngineRig } from "../rig/engine-rig.ts";

/** What became of the command when the executor died. */
const states = {
  "child alive": { adopted: true, rebooted: false },
  "exited with a record": { adopted: true, rebooted: false },
  "exited without a record": { adopted: false, rebooted: false },
  "host rebooted": { adopted: false, rebooted: true },
} as const;
type State = keyof typeof states;

/** What the author wrote, and what the step's check says when it is asked. */
const policies = {
  default: { keys: "", check: null },
  "onInterrupted: retry": { keys: "onInterrupted: retry", check: null },
  "onInterrupted: ask": { keys: "onInterrupted: ask", check: null },
  "idempotent: true": { keys: "idempotent: true", check: null },
  "check, applied": { keys: "check: { run: look, that: result.exitCode == 0 }", check: { exitCode: 0 } },
  "check, not applied": { keys: "check: { run: look, that: result.exitCode == 0 }", check: { exitCode: 1 } },
  "check that cannot tell": { keys: "check: { run: look, that: result.exitCode == 0 }", check: "unreachable" },
} as const;
type Policy = keyof typeof policies;

type Expected = "adopted" | "runs again" | "counts as done" | "a person";

/** When nobody can say how the command ended; an adopted end is used whatever the author wrote. */
const lost: Readonly<Record<Policy, { read: Expected; write: Expected; destructive: Expected }>> = {
  default: { read: "runs again", write: "a person", destructive: "a person" },
  "onInterrupted: retry": { read: "runs again", write: "runs again", destructive: "runs again" },
  "onInterrupted: ask": { read: "a person", write: "a person", destructive: "a person" },
  "idempotent: true": { read: "runs again", write: "runs again", destructive: "runs again" },
  "check, applied": { read: "runs again", write: "counts as done", destructive: "counts as done" },
  "check, not applied": { read: "runs again", write: "runs again", destructive: "runs again" },
  "check that cannot tell": { read: "runs again", write: "a person", destructive: "a person" },
};

interface Cell {
  readonly rig: EngineRig;
  /** How often the action was started anew. */
  readonly again: () => number;
}

function interrupted(effects: string, policy: Policy, state: State): Cell {
  const { adopted, rebooted } = states[state];
  let starts = 0;
  const act = (request: ActionRequest): ActionOutcome => {
    if (request.adopt.length === 0) starts++;
    else if (!adopted) return { kind: "lost", why: "the process that recorded its end was killed" };
    return { kind: "done", result: { exitCode: 0, stdout: "", stderr: "", json: null }, durationMs: 1 };
  };
  const wayBack = effects === "read" ? "" : "irreversible: A line.";
  const rig = new EngineRig(
    `steps: [{ id: agree, title: Agree, uses: approval, with: { prompt: "Go on?" } },
      { id: a, title: a, run: a, effects: ${effects}${[wayBack, policies[policy].keys].map((key) => (key ? `, ${key}` : "")).join("")} }]`,
    { a: act, "a?": policies[policy].check ?? {} },
  );
  const facts = { pid: 1, startTime: 1, host: "host", node: "v20", tool: "0.1.0", uptimeMs: 1 };
  rig.append({ type: "executor.started", ...facts, bootId: "before", resumed: false });
  rig.append({ type: "decision.recorded", step: "agree", decision: "accept", reason: "a test", by });
  rig.append({
    type: "step.started",
    step: "a",
    title: "a",
    attempt: 1,
    phase: "steps",
    stepType: "run",
    effects: effects as "read",
    action: "a",
    definition: "",
  });
  rig.append({
    type: "command.started",
    step: "a",
    attempt: 1,
    command: "1000001",
    argv: ["a"],
    cwd: "/",
    env: [],
    effects: effects as "read",
    timeoutMs: 1_000,
  });
  rig.append({ type: "executor.started", ...facts, bootId: rebooted ? "after" : "before", resumed: true });
  return { rig, again: () => starts };
}

const by = { name: "tester", method: "login", login: "tester", keyId: null, groups: [] } as const;

describe.each(["read", "write", "destructive"] as const)("%s", (effects) => {
  describe.each(Object.keys(policies) as Policy[])("%s", (policy) => {
    test.each(Object.keys(states) as State[])("%s", async (state) => {
      const expected = states[state].adopted ? "adopted" : lost[policy][effects];
      const { rig, again } = interrupted(effects, policy, state);
      const outcome = await rig.drive({ resumed: true });
      const seen = { again: again(), status: rig.status("a"), outcome: outcome.kind };
      switch (expected) {
        case "adopted":
        case "counts as done":
          expect(seen).toEqual({ again: 0, status: "succeeded", outcome: "finished" });
          break;
        case "runs again":
          expect(seen).toEqual({ again: 1, status: "succeeded", outcome: "finished" });
          break;
        case "a person":
          expect(seen).toEqual({ again: 0, status: "indeterminate", outcome: "waiting" });
          // Without a decision it stays so, however often somebody resumes; each decision does what it says, once.
          expect((await rig.drive({ resumed: true })).kind).toBe("waiting");
          expect(again()).toBe(0);
          await rig.drive({ resumed: true, decisions: [{ decision: "retry", step: "a", reason: "it was not" }] });
          expect([again(), rig.status("a")]).toEqual([1, "succeeded"]);
          break;
      }
      if (states[state].rebooted)
        expect(rig.record.deviations.map(({ what }) => what)).toContainEqual(expect.stringContaining("was restarted"));
    });
  });
});

test("what a dead executor had started is taken over before a guard or another branch starts anything", async () => {
  const rig = new EngineRig(
    `guards: [{ id: g, title: g, run: g, effects: read }]
steps: [{ id: both, title: Both, parallel: [
  { id: b, title: b, run: b, effects: read },
  { id: a, title: a, run: a, effects: read }] }]`,
  );
  const started = { attempt: 1, phase: "steps", effects: "read", action: "", definition: "" } as const;
  rig.append({ type: "step.started", step: "both", title: "Both", stepType: "parallel", ...started });
  rig.append({ type: "step.started", step: "both.a", title: "a", stepType: "run", ...started });
  const command = { command: "1000001", argv: ["a"], cwd: "/", env: [], effects: "read", timeoutMs: 1_000 } as const;
  rig.append({ type: "command.started", step: "both.a", attempt: 1, ...command });
  rig.takeOver = async (path) => {
    await new Promise((resolve) => setImmediate(resolve));
    rig.ran.push(`${path} taken over`);
  };
  expect((await rig.drive({ resumed: true })).kind).toBe("finished");
  expect(rig.ran[0]).toBe("both.a taken over");
  expect(rig.ran).toContain("g");
  expect(rig.ran).toContain("both.b");
});
