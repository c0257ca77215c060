/** The ways the main job goes wrong: each has its exit code, its evidence, and leaves the app as it says. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { CliRig, type RunDocument } from "../rig/cli-rig.ts";

const image = (tag: string) => `registry.fly.io/shop:${tag}`;
const rollBack = ["run", "rollback-production", "-t", "local", "-i", "reason=bad release"];

let rig: CliRig;
beforeAll(async () => {
  rig = new CliRig({ fixture: "shop", shipped: ["rollback-production"] });
  await rig.sandboxVerb("start");
});
afterAll(() => rig.end());

const releases = () => rig.fly<{ Version: number; Status: string; ImageRef: string }[]>("releases");
const step = (document: RunDocument, path: string) => document.steps.find((item) => item.path === path);
const title = (run: string) => rig.file(run, "report.md").split("\n")[0];
const expectIntact = async (run: string) =>
  expect(await rig.json(["verify", run])).toMatchObject({
    code: 0,
    document: { ok: true, sealed: true, problems: [] },
  });

test("a release whose image is live already is refused, and nothing is changed", async () => {
  await rig.sandboxVerb("seed", "good");
  const before = await releases();
  const { code, document } = await rig.json([...rollBack, "-i", "release=v10"]);
  expect(code).toBe(4);
  expect(document).toMatchObject({ result: "refused", exitCode: 4, exitName: "refused" });
  expect(step(document, "choose")).toMatchObject({ status: "failed", failure: { class: "refused" } });
  expect(step(document, "deploy")?.status).toBe("pending");
  expect(await releases()).toEqual(before);
  expect(await rig.version()).toEqual({ status: 200, image: image("deploy-08") });
  expect(title(document.run)).toContain(": REFUSED, at choose");
  await expectIntact(document.run);
});

test("without a candidate nothing is changed either", async () => {
  await rig.sandboxVerb("seed", "good");
  // Live is now what the first release brought: nothing is older.
  await rig.sandboxVerb("fly", "deploy", "-a", "shop", "--image", image("deploy-01"), "--yes");
  const before = await releases();
  const { code, document } = await rig.json(rollBack);
  expect(code).toBe(4);
  expect(document.result).toBe("refused");
  expect(step(document, "choose")?.failure?.message).toContain("nothing matched");
  expect(await releases()).toEqual(before);
  expect(rig.file(document.run, "report.md")).toContain("nothing matched");
  await expectIntact(document.run);
});

test("an image that never becomes healthy is taken back: the one before serves again", async () => {
  await rig.sandboxVerb("seed", "unhealthy");
  const count = (await releases()).length;
  const { code, document } = await rig.json(rollBack);
  expect(code).toBe(6);
  expect(document).toMatchObject({ result: "rolled_back", exitCode: 6, exitName: "rolled_back" });
  expect(step(document, "deploy")?.status).toBe("undone");
  expect(step(document, "deploy.rollback.redeploy")).toMatchObject({ phase: "rollback", status: "succeeded" });
  expect(step(document, "deploy.rollback.restored")).toMatchObject({ phase: "rollback", status: "succeeded" });
  expect(await rig.version()).toEqual({ status: 200, image: image("deploy-08") });
  const after = await releases();
  expect(after.length).toBe(count + 2);
  expect(after[0]).toMatchObject({ Version: 12, Status: "complete", ImageRef: image("deploy-08") });
  expect(after[1]).toMatchObject({ Version: 11, Status: "failed", ImageRef: image("deploy-05") });
  expect(title(document.run)).toContain(": ROLLED BACK, failed at deploy");
  expect(rig.file(document.run, "report.md")).toContain("deploy.rollback.restored");
  await expectIntact(document.run);
});

test("when the way back fails too, the report's title says that the state is unknown", async () => {
  await rig.sandboxVerb("seed", "rollback-fails");
  const { code, document } = await rig.json(rollBack);
  expect(code).toBe(7);
  expect(document).toMatchObject({ result: "rollback_failed", exitCode: 7, exitName: "rollback_failed" });
  expect(step(document, "deploy")?.status).toBe("undo_failed");
  expect(step(document, "deploy.rollback.redeploy")?.status).toBe("failed");
  expect(title(document.run)).toContain(": STATE UNKNOWN, failed at deploy, and so did the way back");
  await expectIntact(document.run);
});

test("kill -9 of the executor in the middle of the deploy: resume deploys nothing twice", async () => {
  await rig.sandboxVerb("seed", "good");
  const count = (await releases()).length;
  const started = rig.start([...rollBack, "--no-input", "-o", "json"]);
  await started.waitForRecord(
    "the deploy runs",
    (entry) => entry.type === "command.started" && entry.step === "deploy",
  );
  await started.kill9Executor();
  const run = await started.run();
  const interrupted = await started.ended;
  expect(interrupted.code).toBe(1);
  expect(JSON.parse(interrupted.stdout)).toMatchObject({ run, result: "interrupted", executor: { alive: false } });
  expect(interrupted.stderr).toContain(`runbook resume ${run}`);

  const { code, document } = await rig.json(["resume", run]);
  expect(code).toBe(0);
  expect(document).toMatchObject({ run, result: "succeeded" });
  // Outside its window, by the clock of the machine, the run has one more.
  expect(document.deviations.filter(({ kind }) => kind !== "window")).toMatchObject([{ kind: "resumed" }]);
  const after = await releases();
  expect(after.length).toBe(count + 1);
  expect(after[0]).toMatchObject({ Version: 11, Status: "complete", ImageRef: image("deploy-05") });
  expect(await rig.version()).toEqual({ status: 200, image: image("deploy-05") });
  await expectIntact(run);
});

test("executor and supervisor killed in the middle of the deploy: the check decides, no release is made twice", async () => {
  await rig.sandboxVerb("seed", "good");
  const started = rig.start([...rollBack, "--no-input", "-o", "json"]);
  await started.waitForRecord(
    "the deploy runs",
    (entry) => entry.type === "command.started" && entry.step === "deploy",
  );
  const run = await started.run();
  await rig.killSupervisors(run);
  await started.kill9Executor();
  expect((await started.ended).code).toBe(1);

  const { code, document } = await rig.json(["resume", run]);
  expect(document.result).toBe("succeeded");
  expect(code).toBe(0);
  expect(await rig.version()).toEqual({ status: 200, image: image("deploy-05") });
  const complete = (await releases()).filter((release) => release.Version > 10 && release.Status === "complete");
  expect(complete).toMatchObject([{ ImageRef: image("deploy-05") }]);
  await expectIntact(run);
});
