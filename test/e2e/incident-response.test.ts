/** `incident-response` on the sandbox: led by answers of people, over as many processes as there are answers. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { evaluateExpression } from "../../src/language/cel/index.ts";
import { CliRig, type RunDocument } from "../rig/cli-rig.ts";
import { until } from "../rig/until.ts";

const path = "runbooks/incident-response.yaml";
let incidents = 0;
let rig: CliRig;
beforeAll(async () => {
  rig = new CliRig({ shipped: ["incident-response", "rollback-production"] });
  // A service that stays ill must not cost the tests two minutes.
  const patient = readFileSync(join(rig.project, path), "utf8");
  rig.write(path, patient.replace("every: 2s, timeout: 2m", "every: 100ms, timeout: 2s"));
  await rig.sandboxVerb("start");
});
afterAll(() => rig.end());

const step = (document: RunDocument, path: string) => document.steps.find((each) => each.path === path);

async function begin(...inputs: string[]): Promise<RunDocument> {
  const given = ["summary=Checkout is slow", `incident=INC-${++incidents}`, ...inputs].flatMap((input) => [
    "-i",
    input,
  ]);
  const { code, document, stderr } = await rig.json(["run", "incident-response", "-t", "local", ...given]);
  expect(code, stderr).toBe(5);
  return document;
}

/** Answers what the run waits for, and goes on until it waits again or ends. */
async function answer(run: string, path: string, note: string) {
  const approved = await rig.json<object>(["approve", run, "--step", path, "--reason", note]);
  expect(approved.code).toBe(0);
  await rig.waitForRecord(run, "the answer", (entry) => entry.type === "approval.decided" && entry.step === path);
  return await rig.json(["wait", run]);
}

const waitsFor = (document: RunDocument) => document.waitingFor?.map((each) => each.step);
const postMortem = (run: string) => rig.file(run, "artifacts/post_mortem/artifacts/ops/incidents/post-mortem.md");

test("a bad release: led, rolled back, watched, told, resolved; the draft has the timeline", async () => {
  await rig.sandboxVerb("seed", "good");
  const { run, ...begun } = await begin();
  expect(step({ run, ...begun }, "severity")?.outputs).toEqual({ level: "SEV-1" });
  expect(waitsFor({ run, ...begun })).toEqual(["lead"]);
  expect(rig.processes().filter(({ command }) => command.includes("executor"))).toEqual([]);

  expect(waitsFor((await answer(run, "lead", "sre-oncall")).document)).toEqual(["choose"]);
  const mitigated = await answer(run, "choose", "Rollback");
  expect(waitsFor(mitigated.document)).toEqual(["communicate"]);
  expect(await rig.version()).toEqual({ status: 200, image: "registry.fly.io/shop:deploy-05" });
  expect(step(mitigated.document, "mitigate.rollback.deploy")?.status).toBe("succeeded");
  expect(["mitigate.restart", "mitigate.by_hand"].map((path) => step(mitigated.document, path)?.status)).toEqual([
    "skipped",
    "skipped",
  ]);
  expect(waitsFor((await answer(run, "communicate", "https://status.shop.example/482")).document)).toEqual(["resolve"]);
  const { code, document } = await answer(run, "resolve", "deploy-08 waits 200 ms for nothing");
  expect([code, document.result]).toEqual([0, "succeeded"]);
  expect(document.objectives).toMatchObject([
    { name: "first_action", met: true },
    { name: "recovery", met: true },
  ]);
  const draft = postMortem(run);
  for (const part of [
    "INC-1, Checkout is slow",
    "| Severity | SEV-1 |",
    "| Led by | sre-oncall |",
    "| Mitigation | rollback |",
    "| Live before | registry.fly.io/shop:deploy-08 |",
    "| Cause, as far as known | deploy-08 waits 200 ms for nothing |",
    "mitigation ends: succeeded; rollback succeeded, restart skipped, by hand skipped",
  ])
    expect(draft).toContain(part);
  expect(draft).toMatch(/^- \d{4}-\d\d-\d\dT[\d:.]+Z the service answers: succeeded$/m);
  expect(await rig.problems(run)).toEqual([]);
});

test.each([
  [{ impact: "outage", customers: "many" }, "SEV-1"],
  [{ impact: "none", customers: "none", dataLoss: true }, "SEV-1"],
  [{ impact: "outage", customers: "few" }, "SEV-2"],
  [{ impact: "degraded", customers: "many" }, "SEV-2"],
  [{ impact: "degraded", customers: "few" }, "SEV-3"],
  [{ impact: "none", customers: "few" }, "SEV-4"],
])("%j is %s", (inputs, level) => {
  const { steps } = parse(readFileSync(join(rig.project, path), "utf8")) as {
    steps: readonly { id: string; outputs: { level: string } }[];
  };
  const table = steps.find(({ id }) => id === "severity")?.outputs.level ?? "";
  expect(evaluateExpression(table, { inputs: { dataLoss: false, ...inputs } })).toMatchObject({ value: level });
});

test("a mitigation that fails does not end the incident; the draft says that it failed", async () => {
  await rig.sandboxVerb("seed", "rollback-fails");
  const { run } = await begin();
  await answer(run, "lead", "sre-oncall");
  const { code, document } = await answer(run, "choose", "rollback");
  expect([code, waitsFor(document)]).toEqual([5, ["communicate"]]); // the machine that was not reached still serves
  expect(step(document, "mitigate.rollback")?.status).toBe("failed");
  await rig.json(["abort", run, "--reason", "seen enough"]);
  expect((await rig.json(["wait", run])).document.result).toBe("aborted");
  expect(postMortem(run)).toContain("rollback failed");
  expect(postMortem(run)).toContain("| Cause, as far as known | not known |");
});

test("a service that stays ill: the run fails, and goes on when somebody has repaired it", async () => {
  await rig.sandboxVerb("seed", "good");
  const deploy = ["deploy", "--app", "shop", "--image", "registry.fly.io/shop:deploy-crash", "--strategy", "immediate"];
  await rig.sandboxVerb("fly", ...deploy);
  await until("the service is down", async () => (await fetch(`${rig.sandbox.url}/healthz`)).status === 503);
  const { run } = await begin();
  await answer(run, "lead", "sre-oncall");
  await answer(run, "choose", "switch the payment provider");
  const failed = await answer(run, "mitigate.by_hand", "switched");
  expect(failed.code).toBe(1);
  expect(step(failed.document, "recovered")?.status).not.toBe("succeeded");
  expect(postMortem(run)).toContain("looked from outside: status 503");

  await rig.sandboxVerb("seed", "good");
  const resumed = await rig.json(["resume", run]);
  expect([resumed.code, waitsFor(resumed.document)]).toEqual([5, ["communicate"]]);
});

test("restart restarts every machine; anything else is asked for by hand", async () => {
  await rig.sandboxVerb("seed", "good");
  const restarted = await begin();
  await answer(restarted.run, "lead", "sre-oncall");
  const { document } = await answer(restarted.run, "choose", "restart");
  const machines = step(document, "machines")?.outputs["machines"] as string[];
  expect(machines.length).toBeGreaterThan(1);
  expect(machines.map((_, index) => step(document, `mitigate.restart[${index}]`)?.status)).toEqual(
    machines.map(() => "succeeded"),
  );
  expect(waitsFor(document)).toEqual(["communicate"]);

  const byHand = await begin();
  await answer(byHand.run, "lead", "sre-oncall");
  const asked = await answer(byHand.run, "choose", "switch the payment provider");
  expect(waitsFor(asked.document)).toEqual(["mitigate.by_hand"]);
});
