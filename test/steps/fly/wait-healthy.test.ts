import { expect, test } from "vitest";
import { flyWaitHealthy } from "../../../src/steps/fly/wait-healthy.ts";
import { image, machine, status } from "../../rig/fly-json.ts";
import { failureOf, type Reply, rigHost, runStep } from "../../rig/step-host.ts";

const healthy: Reply = { stdout: status([machine({ id: "m1" }), machine({ id: "m2" })], 43) };
const polling = (replies: Reply | readonly Reply[], attemptMs = 60_000) =>
  rigHost({ attemptMs, replies: { status: replies } });

test("returns at once when every machine is started and passes its checks", async () => {
  const host = polling(healthy);
  expect(await runStep(flyWaitHealthy, { app: "shop" }, host)).toMatchObject({ image: image("GOOD"), version: 43 });
  expect(host.calls.map((call) => call.options)).toEqual([{ effects: "read", recorded: false }]);
});

test("asks again, ever more slowly, up to three seconds", async () => {
  const starting: Reply = { stdout: status([machine({ state: "starting", checks: [] })]) };
  const host = polling([...Array.from({ length: 9 }, () => starting), healthy]);
  await runStep(flyWaitHealthy, { app: "shop" }, host);
  expect(host.sleeps[0]).toBe(250);
  expect(host.sleeps.at(-1)).toBe(3_000);
  expect([...host.sleeps].sort((a, b) => a - b)).toEqual(host.sleeps);
  expect(host.said.at(-1)).toBe("machine 3d8d9930b32189 is starting");
});

test.each([
  ["no machines", status([]), "the app has no machines"],
  ["a stopped machine", status([machine(), machine({ id: "m2", state: "stopped" })]), "machine m2 is stopped"],
  ["a machine without checks", status([machine({ id: "m1", checks: [] })]), "machine m1 is started but has no checks"],
  ["checks as null", status([machine({ id: "m1", checks: null })]), "machine m1 is started but has no checks"],
  [
    "one critical check of one machine",
    status([
      machine({ id: "m1" }),
      machine({ id: "m2", checks: [{ name: "http", status: "critical", output: "500" }] }),
    ]),
    "check http of machine m2 is critical (500)",
  ],
  [
    "a warning",
    status([machine({ id: "m1", checks: [{ name: "http", status: "warning", output: "" }] })]),
    "check http of machine m1 is warning",
  ],
])("never takes %s for healthy, and names it", async (_name, stdout, message) => {
  const host = polling({ stdout }, 10_000);
  const failure = await failureOf(flyWaitHealthy, { app: "shop" }, host);
  expect(failure).toMatchObject({ class: "timeout", reason: "not-healthy" });
  expect(failure.message).toContain(message);
  expect(failure.message).toContain("fly logs --app shop");
});

test("says why itself when the host ends a poll or a pause", async () => {
  const stuck: Reply = { stdout: status([machine({ id: "m1", state: "starting" })]) };
  const slow = polling([stuck, { ...stuck, tookMs: 60_000 }]);
  expect(await failureOf(flyWaitHealthy, { app: "shop" }, slow)).toMatchObject({
    class: "timeout",
    reason: "not-healthy",
    facts: { unhealthy: ["machine m1 is starting"] },
  });
});

test("keeps what was last known as the result of the failure", async () => {
  const stdout = status([machine({ id: "m1", image: image("BAD"), state: "failed" })]);
  const failure = await failureOf(flyWaitHealthy, { app: "shop" }, polling({ stdout }, 5_000));
  expect(failure.result).toMatchObject({ image: image("BAD"), machines: [{ id: "m1", state: "failed" }] });
});

test("bridges a moment without Fly, and says so when it lasts", async () => {
  const down: Reply = { exitCode: 1, stderr: "Error: 502 Bad Gateway" };
  expect(await runStep(flyWaitHealthy, { app: "shop" }, polling([down, healthy]))).toMatchObject({ version: 43 });
  const failure = await failureOf(flyWaitHealthy, { app: "shop" }, polling(down, 5_000));
  expect(failure).toMatchObject({ class: "timeout", reason: "not-healthy", facts: { image: null } });
  expect(failure.message).toContain("502 Bad Gateway");
});

test("does not poll on when the app does not exist", async () => {
  const host = polling({ exitCode: 1, stderr: 'Error: Could not find App "shop"' });
  expect(await failureOf(flyWaitHealthy, { app: "shop" }, host)).toMatchObject({ class: "failed" });
  expect(host.calls).toHaveLength(1);
});
