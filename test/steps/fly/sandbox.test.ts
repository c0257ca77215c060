/** The step types of Fly against the sandbox: its real `fly`, its real app processes. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { flyChecks } from "../../../src/steps/fly/checks.ts";
import { flyChooseRollbackTarget } from "../../../src/steps/fly/choose-rollback-target.ts";
import { flyDeploy } from "../../../src/steps/fly/deploy.ts";
import { flyLogs } from "../../../src/steps/fly/logs.ts";
import { flyReleases } from "../../../src/steps/fly/releases.ts";
import { flySecrets } from "../../../src/steps/fly/secrets.ts";
import { flyStatus } from "../../../src/steps/fly/status.ts";
import { flyWaitHealthy } from "../../../src/steps/fly/wait-healthy.ts";
import { http } from "../../../src/steps/http.ts";
import { sample } from "../../../src/steps/sample.ts";
import { slack } from "../../../src/steps/slack.ts";
import { failureOf, type RigHost, type RigOptions, rigHost, runStep } from "../../rig/step-host.ts";
import { SandboxRig } from "../../sandbox/rig.ts";

const app = { app: "shop" };
const image = (tag: string) => `registry.fly.io/shop:${tag}`;
let sandbox: SandboxRig;

beforeAll(async () => {
  sandbox = await new SandboxRig().build();
  await sandbox.start();
});
beforeEach(() => sandbox.seed("good"));
afterAll(() => sandbox.end());

function host(more: RigOptions = {}): RigHost {
  const { binDir, secrets } = sandbox.info;
  const environment = { PATH: `${binDir}:${process.env["PATH"] ?? ""}`, FLY_API_TOKEN: secrets["FLY_API_TOKEN"] ?? "" };
  return rigHost({ environment, workDir: sandbox.dir, attemptMs: 20_000, ...more });
}

test("rolls back for real, and the second time one further back", async () => {
  const before = await runStep(flyStatus, app, host());
  expect(before).toMatchObject({ version: 10, image: image("deploy-08") });

  const first = await runStep(flyChooseRollbackTarget, app, host());
  expect(first).toMatchObject({ version: 8, image: image("deploy-05") });
  expect(first.skipped.map((each) => [each.version, each.why])).toEqual([
    [10, "it has the live image"],
    [9, "it is failed, not complete"],
  ]);

  const deployed = await runStep(
    flyDeploy,
    { ...app, image: first.image, strategy: "rolling", waitTimeout: "90s" },
    host(),
  );
  expect(deployed).toMatchObject({ version: 11, image: image("deploy-05") });
  expect(await runStep(flyWaitHealthy, app, host())).toMatchObject({ version: 11, image: image("deploy-05") });
  const outside = await runStep(http, { url: `${sandbox.info.url}/version` }, host());
  expect(outside).toMatchObject({ status: 200, json: { image: image("deploy-05") } });

  const second = await runStep(flyChooseRollbackTarget, app, host());
  expect(second).toMatchObject({ version: 5, image: image("deploy-03") });
  const live = await failureOf(flyChooseRollbackTarget, { ...app, release: "v11" }, host());
  expect(live).toMatchObject({ class: "refused", reason: "image-is-live" });
});

test("a deployment that fails its checks is failed, and nothing afterwards calls the app healthy", async () => {
  const failure = await failureOf(flyDeploy, { ...app, image: image("deploy-failing"), waitTimeout: "3s" }, host());
  expect(failure).toMatchObject({ class: "failed", reason: "exit-code", facts: { exitCode: 1 } });
  expect(failure.message).toMatch(/timeout|unhealthy|health/i);

  const state = await runStep(flyStatus, app, host());
  expect(state.image).toBe("");
  expect(await failureOf(flyChooseRollbackTarget, app, host())).toMatchObject({ reason: "image-not-uniform" });
  const unhealthy = await failureOf(flyWaitHealthy, app, host({ attemptMs: 2_000 }));
  expect(unhealthy).toMatchObject({ class: "timeout", reason: "not-healthy" });
  expect(unhealthy.message).toMatch(/machine [0-9a-f]+/);

  await runStep(flyDeploy, { ...app, image: image("deploy-08") }, host());
  expect(await runStep(flyWaitHealthy, app, host())).toMatchObject({ image: image("deploy-08") });
});

test("reads releases, checks, secrets and logs as the vendor prints them", async () => {
  const { releases } = await runStep(flyReleases, app, host());
  expect(releases.map((each) => [each.Version, each.Status]).slice(0, 3)).toEqual([
    [10, "complete"],
    [9, "failed"],
    [8, "complete"],
  ]);
  const checks = await runStep(flyChecks, app, host());
  expect(checks).toMatchObject({ total: 2, passing: 2 });
  await sandbox.flyWith({ stdin: "GREETING=hello\n" }, "secrets", "import", "--stage", "-a", "shop");
  expect(await runStep(flySecrets, app, host())).toMatchObject({ secrets: [{ name: "GREETING", status: "Staged" }] });
  const logs = await runStep(flyLogs, app, host());
  expect(logs.total).toBeGreaterThan(0);
  expect(logs.entries.map((each) => each.message).join("\n")).toContain("listening on port");
});

test("says what is wrong with an app that does not exist and a token that is not valid", async () => {
  const { binDir } = sandbox.info;
  const unknown = await failureOf(flyStatus, { app: "shopp" }, host());
  expect(unknown).toMatchObject({ class: "failed", reason: "exit-code" });
  expect(unknown.message).toContain("Could not find App");
  const environment = { PATH: `${binDir}:${process.env["PATH"] ?? ""}`, FLY_API_TOKEN: "wrong" };
  expect(await failureOf(flyStatus, app, host({ environment }))).toMatchObject({ reason: "not-authorised" });
  const none = { PATH: `${binDir}:${process.env["PATH"] ?? ""}` };
  expect(await failureOf(flyStatus, app, host({ environment: none }))).toMatchObject({ reason: "not-authorised" });
});

test("samples latency and posts to the sandbox's Slack", async () => {
  const { url, secrets } = sandbox.info;
  const slow = await runStep(sample, { url: `${url}/healthz`, requests: 4, concurrency: 4 }, host());
  expect(slow).toMatchObject({ requests: 4, errors: 0 });
  expect(slow.p50Ms).toBeGreaterThan(190); // deploy-08 answers 200 ms late
  const webhook = secrets["SLACK_WEBHOOK"] ?? "";
  expect(await runStep(slack, { webhook, text: "Rolled back", thread: "INC-1" }, host())).toEqual({
    status: 200,
    body: "ok",
  });
});
