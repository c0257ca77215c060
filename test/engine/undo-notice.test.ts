/** The moment before the way back: bounded by a clock that jumps, ended and stopped by messages. */
import { expect, test } from "vitest";
import type { DriveRequest } from "../../src/engine/engine.ts";
import type { InboxMessage } from "../../src/engine/ports.ts";
import { EngineRig } from "../rig/engine-rig.ts";

const text = `onFailure: rollback
steps:
  - id: change
    title: change
    run: change
    effects: write
    rollback: [{ id: back, title: back, run: undo, effects: write, idempotent: true }]
  - { id: look, title: look, run: look, effects: read }`;
const by = { name: "p", method: "login", login: "p", keyId: null, groups: [] } as const;
const noticed = ["change", "look", "change.rollback.back"];
const held = ["change", "look"];

test.each<
  [
    name: string,
    of: { request?: Partial<DriveRequest>; answer?: InboxMessage },
    then: { ran: string[]; result: string; exitCode: number | null; waitedMs: number; deviations?: string[] },
  ]
>([
  [
    "nobody watches: it begins at once, unannounced",
    { request: {} },
    { ran: noticed, result: "rolled_back", exitCode: 6, waitedMs: 0 },
  ],
  [
    "nobody answers: it begins when the time is over",
    { request: { undoNoticeMs: 15_000 } },
    { ran: noticed, result: "rolled_back", exitCode: 6, waitedMs: 15_000 },
  ],
  [
    "a person begins it",
    { request: { undoNoticeMs: 15_000 }, answer: { kind: "rollback", begin: true, by } },
    { ran: noticed, result: "rolled_back", exitCode: 6, waitedMs: 0 },
  ],
  [
    "a person stops it: failed, nothing undone",
    { request: { undoNoticeMs: 15_000 }, answer: { kind: "rollback", begin: false, by } },
    { ran: held, result: "failed", exitCode: 1, waitedMs: 0, deviations: ["rollback-stopped"] },
  ],
  [
    "an abort stops it",
    {
      request: { undoNoticeMs: 15_000 },
      answer: { kind: "abort", by, reason: null, rollback: false, now: false },
    },
    { ran: held, result: "aborted", exitCode: 1, waitedMs: 0, deviations: ["aborted"] },
  ],
  [
    "an abort with the way back begins it",
    { request: { undoNoticeMs: 15_000 }, answer: { kind: "abort", by, reason: null, rollback: true, now: true } },
    { ran: noticed, result: "rolled_back", exitCode: 6, waitedMs: 0, deviations: ["aborted"] },
  ],
  [
    "Ctrl-C checkpoints before it",
    { request: { undoNoticeMs: 15_000 }, answer: { kind: "signal", signal: "SIGINT", press: 1 } },
    { ran: held, result: "running", exitCode: null, waitedMs: 0 },
  ],
])("%s", async (_, { request = {}, answer }, then) => {
  const rig = new EngineRig(text, { look: "broken" });
  if (answer !== undefined) rig.answers["rollback.announced"] = answer;
  const before = rig.clock.now().getTime();
  const outcome = await rig.drive(request);
  expect(rig.ran).toEqual(then.ran);
  expect(rig.record.result).toBe(then.result);
  expect(outcome.kind === "finished" ? outcome.exitCode : null).toBe(then.exitCode);
  expect(rig.clock.now().getTime() - before).toBe(then.waitedMs);
  expect(rig.record.deviations.map(({ kind }) => kind)).toEqual(then.deviations ?? []);
});

test("an executor that ended in it: an answer counts for the next, and without one that goes back at once", async () => {
  const rig = new EngineRig(text, { look: "broken" });
  rig.answers["rollback.announced"] = { kind: "signal", signal: "SIGTERM", press: 1 };
  await rig.drive({ undoNoticeMs: 15_000 });
  await rig.drive({ resumed: true });
  expect([rig.ran, rig.record.result]).toEqual([noticed, "rolled_back"]);

  const other = new EngineRig(text, { look: "broken" });
  other.answers["rollback.announced"] = { kind: "signal", signal: "SIGTERM", press: 1 };
  await other.drive({ undoNoticeMs: 15_000 });
  other.append({ type: "rollback.answered", begin: false, by });
  await other.drive({ resumed: true });
  expect([other.ran, other.record.result]).toEqual([held, "failed"]);
  // Asked for, it is walked all the same.
  await other.drive({ resumed: true, rollback: true });
  expect(other.ran).toEqual(noticed);
  expect(other.record.result).toBe("rolled_back");
});

test("an answer that comes after it began is none", async () => {
  const rig = new EngineRig(text, { look: "broken" });
  rig.answers["rollback.started"] = { kind: "rollback", begin: false, by };
  await rig.drive({ undoNoticeMs: 15_000 });
  expect([rig.ran, rig.record.result, rig.record.deviations]).toEqual([noticed, "rolled_back", []]);
});

test("a record of a later minor version changes nothing that this one knows", async () => {
  const rig = new EngineRig(text, {});
  await rig.drive();
  const known = { ...rig.record, headHash: "", lastSeq: 0 };
  rig.append({ type: "moon.phase.noted", phase: "full" } as never);
  expect({ ...rig.record, headHash: "", lastSeq: 0 }).toEqual(known);
});
