/** An abort that comes when the way back or the cleanup has begun: they are what an abort leads to. */
import { once } from "node:events";
import { expect, test } from "vitest";
import type { ActionOutcome, ActionRequest } from "../../src/engine/ports.ts";
import { EngineRig, type Scripted } from "../rig/engine-rig.ts";

const undoing = `onFailure: rollback
steps:
  - { id: one, title: one, run: one, effects: write, rollback: [{ id: back, title: back, run: b, effects: write, idempotent: true }] }
  - { id: two, title: two, run: two, effects: write, rollback: [{ id: back, title: back, run: b, effects: write, idempotent: true }] }
  - { id: look, title: look, run: look, effects: read }
always:
  - { id: tidy, title: tidy, run: tidy, effects: write, idempotent: true }
  - { id: note, title: note, run: note, effects: write, idempotent: true }`;
const stopping = undoing.replace("rollback", "stop");
const all = ["one", "two", "look", "two.rollback.back", "one.rollback.back", "tidy", "note"];
const kept = ["one", "two", "look", "tidy", "note"];
const ended = { class: "failed", reason: "signal", message: "it was ended", facts: {} } as const;
const by = { name: "p", method: "login", login: "p", keyId: null, groups: [] } as const;

test.each<[string, { text: string; during: string; now: boolean; ran: string[]; result: string; exitCode: number }]>([
  [
    "the way back is gone to its end",
    { text: undoing, during: "two.rollback.back", now: false, ran: all, result: "rolled_back", exitCode: 6 },
  ],
  [
    "with `now` the step of the way back is ended and has failed; the rest is undone",
    { text: undoing, during: "two.rollback.back", now: true, ran: all, result: "rollback_failed", exitCode: 7 },
  ],
  [
    "the cleanup after a way back is done",
    { text: undoing, during: "tidy", now: false, ran: all, result: "rolled_back", exitCode: 6 },
  ],
  [
    "with `now` the step of the cleanup is ended, the next one is done",
    { text: stopping, during: "tidy", now: true, ran: kept, result: "failed", exitCode: 1 },
  ],
  [
    "the cleanup after a failure is done",
    { text: stopping, during: "tidy", now: false, ran: kept, result: "failed", exitCode: 1 },
  ],
])("%s", async (_, { text, during, now, ran, result, exitCode }) => {
  const act = async ({ signal }: ActionRequest): Promise<ActionOutcome> => {
    rig.leave({ kind: "abort", by, reason: "enough", rollback: false, now });
    if (now && !signal.aborted) await once(signal, "abort");
    // One that nobody ends goes on until the message was read.
    else await new Promise(setImmediate);
    return now
      ? { kind: "cancelled", failure: ended, result: null, durationMs: 1 }
      : { kind: "done", result: { exitCode: 0, stdout: "", stderr: "", json: null }, durationMs: 1 };
  };
  const script: Record<string, Scripted> = { look: "broken", [during]: act };
  const rig: EngineRig = new EngineRig(text, script);
  const outcome = await rig.drive();
  expect(rig.ran).toEqual(ran);
  expect([outcome.kind, rig.record.result, rig.record.finished?.exitCode]).toEqual(["finished", result, exitCode]);
  expect(rig.record.abort?.reason).toBe("enough");
  if (now) expect(rig.status(during)).toBe("cancelled");
});
