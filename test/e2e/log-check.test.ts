/** `log-check` against the log of the sandbox's app, which says what it was asked. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { CliRig } from "../rig/cli-rig.ts";
import { until } from "../rig/until.ts";

let rig: CliRig;
beforeAll(async () => {
  rig = new CliRig({ shipped: ["log-check"] });
  await rig.sandboxVerb("start");
});
afterAll(() => rig.end());

const check = (...inputs: string[]) =>
  rig.json(["run", "log-check", "-t", "local", ...inputs.flatMap((input) => ["-i", input])]);
const logged = (part: string) =>
  until(`the log says ${part}`, async () =>
    (await rig.sandboxVerb("fly", "logs", "--app", "shop", "--no-tail")).includes(part),
  );

test("a quiet log with structured request lines succeeds", async () => {
  const { code, document } = await check();
  expect([code, document.result]).toEqual([0, "succeeded"]);
  const outputs = document.steps.find((step) => step.path === "log")?.outputs;
  expect(outputs).toMatchObject({ errors: 0, bare: 0, secrets: 0 });
  expect(outputs?.["requests"]).toBeGreaterThan(0);
});

test.each([
  ["without a request id", ["idField=trace_id"], /request lines lack trace_id/],
  ["without a latency", ["latencyField=took"], /request lines lack .* or took/],
  ["that hold no request line", ["requestField=route"], /No request line since the release/],
  ["with an error", ["errorPattern=GET", "requestField=path"], /errors since the release/],
])("lines %s fail", async (_, inputs, said) => {
  const { code, document } = await check(...inputs);
  expect([code, document.result]).toEqual([1, "failed"]);
  expect(document.steps.find((step) => step.path === "log")?.failure?.message).toMatch(said);
});

test("a secret in the log fails, and the report does not show it", async () => {
  const secret = `ghp_${"aB3".repeat(12)}`;
  await fetch(`${rig.sandbox.url}/orders?token=${secret}`);
  await logged("/orders");
  const { code, document } = await check();
  expect([code, document.result]).toEqual([1, "failed"]);
  expect(document.steps.find((step) => step.path === "log")?.failure?.message).toMatch(/looks like a secret/);
  expect(rig.file(document.run, "report.md")).not.toContain(secret);
});
