/** How long machines ran, told from events that may not reach back far enough. */
import { expect, test } from "vitest";
import { flyMachineHours } from "../../../src/steps/fly/machine-hours.ts";
import { machine } from "../../rig/fly-json.ts";
import { failureOf, rigHost, runStep } from "../../rig/step-host.ts";

const now = "2026-11-20T18:00:00Z";
const ago = (hours: number) => Date.parse(now) - hours * 3_600_000;
const event = (hours: number, status: string, type = status) => ({
  type,
  status,
  source: "flyd",
  timestamp: ago(hours),
});
const one = (createdHours: number, events: readonly object[] | null, state = "started") => ({
  ...machine({ id: "m1", state }),
  created_at: new Date(ago(createdHours)).toISOString(),
  events,
});
const hours = (machines: readonly object[] | null, within = "100h") =>
  runStep(
    flyMachineHours,
    { app: "shop", within },
    rigHost({ now, replies: { "fly machine list --app shop --json": { stdout: JSON.stringify(machines) } } }),
  );

test.each([
  ["started since it was made", one(10, [event(10, "started"), event(10, "created", "launch")]), 10, 0],
  ["older than the window, its last start too", one(500, [event(300, "started")]), 100, 0],
  ["stopped since its only start", one(50, [event(20, "stopped"), event(50, "started")], "stopped"), 30, 0],
  ["suspended and resumed", one(9, [event(1, "started"), event(4, "suspended"), event(9, "started")]), 6, 0],
  ["events that do not reach back", one(400, [event(5, "started"), event(8, "stopped")]), 5, 92],
  ["no events at all", one(30, null), 0, 30],
  ["being replaced: that is paid too", one(3, [event(1, "replacing"), event(3, "started")], "replacing"), 3, 0],
  ["its state is newer than its last event", one(8, [event(8, "started")], "stopped"), 0, 0],
  ["made in the future, as clocks differ", one(-1, [event(-1, "started")]), 0, 0],
])("%s", async (_, row, known, unknown) => {
  const found = await hours([row]);
  expect([found.hours, found.unknownHours]).toEqual([expect.closeTo(known, 6), expect.closeTo(unknown, 6)]);
});

test("adds machines up, and an app without machines has none to look at", async () => {
  const both = [one(10, [event(10, "started")]), { ...one(4, [event(4, "started")]), id: "m2" }];
  expect(await hours(both)).toMatchObject({ hours: 14, unknownHours: 0, machines: [{ machine: "m1" }, { hours: 4 }] });
  expect(await hours(null)).toEqual({ hours: 0, unknownHours: 0, machines: [] });
});

test("a machine without a time of birth is not guessed at", async () => {
  const row = { ...one(1, []), created_at: "soon" };
  const host = rigHost({ now, replies: { "machine list": { stdout: JSON.stringify([row]) } } });
  expect(await failureOf(flyMachineHours, { app: "shop", within: "1d" }, host)).toMatchObject({
    reason: "unexpected-output",
    message: expect.stringContaining('created_at "soon" of m1'),
  });
});
