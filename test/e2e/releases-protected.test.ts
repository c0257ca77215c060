/** The same runbooks on a protected target: inside the window only, and only after the people who must agree did. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { newKeyPair } from "../../src/report/keys.ts";
import { CliRig } from "../rig/cli-rig.ts";

const image = (tag: string) => `registry.fly.io/shop:${tag}`;
const at = (now: string) => ({ env: { RUNBOOK_TESTING: "1", RUNBOOK_NOW: now } });
const friday = at("2026-03-13T18:00:00Z"); // 11:00 in Los Angeles
const saturday = at("2026-03-14T18:00:00Z");
const canary = ["run", "canary-deploy", "-t", "production", "-i", `image=${image("deploy-09")}`, "-i", "reason=a test"];
const soak = ["-i", "soak=50ms", "-i", "requests=20"];
const chaos = ["run", "chaos-drill", "-t", "production", "-i", "requests=10"];

let rig: CliRig;
beforeAll(async () => {
  rig = new CliRig({ fixture: "shop", shipped: ["canary-deploy", "chaos-drill", "performance-baseline"] });
  for (const name of ["operators", "managers"]) {
    const keys = newKeyPair(`${name}@example`);
    rig.write(`keys/${name}.pub`, keys.publicLine);
    rig.write(`keys/${name}.pem`, keys.privatePem, 0o600);
  }
  await rig.sandboxVerb("start");
});
beforeEach(() => rig.sandboxVerb("seed", "good"));
afterAll(() => rig.end());

const approve = (run: string, who: string) => rig.json(["approve", run, "--sign", `keys/${who}.pem`], friday);
const machines = () => rig.fly<{ state: string; config: { image: string } }[]>("machine", "list");
const images = async () => (await machines()).map(({ config }) => config.image);

test("outside the window a canary is refused with nothing done, until somebody says why it must be", async () => {
  const { code, document } = await rig.json([...canary, ...soak], saturday);
  expect(code).toBe(4);
  expect(document.steps.find(({ path }) => path === "window")?.status).toBe("failed");
  const waits = await rig.json([...canary, ...soak, "--override", "window", "--reason", "INC-1 sev1"], saturday);
  expect(waits.code).toBe(5);
  expect(waits.document.deviations).toMatchObject([{ kind: "override", step: "window", reason: "INC-1 sev1" }]);
  await rig.json(["abort", waits.document.run, "--reason", "enough"], saturday);
  expect(await images()).toEqual([image("deploy-08"), image("deploy-08")]);
});

test("a canary waits for a manager; an operator is not one", async () => {
  const { code, document } = await rig.json([...canary, ...soak], friday);
  expect(code).toBe(5);
  expect(document.waitingFor).toMatchObject([{ step: "approve", kind: "approval" }]);
  const operator = await approve(document.run, "operators");
  expect(operator.code).not.toBe(0);
  expect(await images()).toEqual([image("deploy-08"), image("deploy-08")]);
  expect((await approve(document.run, "managers")).code).toBe(0);
  const waited = await rig.json(["wait", document.run], friday);
  expect(waited).toMatchObject({ code: 0, document: { result: "succeeded" } });
  expect(await images()).toEqual([image("deploy-09"), image("deploy-09")]);
});

test("a chaos drill needs two people: one is not enough to break anything", async () => {
  const { document } = await rig.json(chaos, friday);
  expect(document.waitingFor).toMatchObject([{ step: "approve", kind: "approval" }]);
  expect((await approve(document.run, "managers")).code).toBe(0);
  expect(rig.record(document.run).steps.get("experiment.inject")?.status).toBe("pending");
  expect((await machines()).map(({ state }) => state)).toEqual(["started", "started"]);
  expect((await approve(document.run, "operators")).code).toBe(0);
  const waited = await rig.json(["wait", document.run], friday);
  expect(waited).toMatchObject({ code: 0, document: { result: "succeeded" } });
  expect(rig.record(document.run).steps.get("experiment.inject")?.status).toBe("succeeded");
  expect((await machines()).map(({ state }) => state)).toEqual(["started", "started"]);
});

test("load on a protected target waits for an approval before the first request", async () => {
  const { code, document } = await rig.json(["run", "performance-baseline", "-t", "production"], friday);
  expect(code).toBe(5);
  expect(document.waitingFor).toMatchObject([{ step: "approve", kind: "approval" }]);
  await rig.json(["abort", document.run, "--reason", "enough"], friday);
});
