/** `deploy-production` for real: what must be proven before, and that nothing is touched when it is not. */
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { CliRig, type RunDocument } from "../rig/cli-rig.ts";
import { describeWithPostgres, PostgresRig } from "../rig/postgres.ts";

interface Release {
  readonly Version: number;
  readonly Status: string;
  readonly ImageRef: string;
}

const image = (tag: string) => `registry.fly.io/shop:${tag}`;
const sha = "4f1c2d3e4f1c2d3e4f1c2d3e4f1c2d3e4f1c2d3e";
const hourMs = 3_600_000;

describeWithPostgres("deploy-production", () => {
  let postgres: PostgresRig;
  let rig: CliRig;
  let dump: string;

  beforeAll(async () => {
    postgres = await PostgresRig.start();
    await postgres.sql("CREATE DATABASE shop");
    await postgres.sql("CREATE TABLE orders AS SELECT n AS id FROM generate_series(1, 500) n", "shop");
    rig = new CliRig({ shipped: ["deploy-production", "deploy-staging", "backup-verify"] });
    dump = join(rig.dir, "shop.dump");
    const dumped = await postgres.client("pg_dump", ["--format=custom", `--file=${dump}`, "shop"]);
    expect(dumped).toMatchObject({ code: 0 });
    await rig.sandboxVerb("start");
    await rig.sandboxVerb("seed", "good");
    const proven = await run("deploy-staging", "deploy-09", {});
    expect(proven.document.result).toBe("succeeded");
  });
  beforeEach(async () => {
    mkdirSync(join(rig.project, "backups"), { recursive: true });
    copyFileSync(dump, backup());
    // The record that `backup-database` leaves beside its dump.
    const bytes = readFileSync(dump);
    const record = {
      format: "runbook.backup/1.0",
      takenAt: new Date().toISOString(),
      database: "shop",
      serverVersion: "15",
      bytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
      tables: 1,
      manifest: [],
      earlier: [],
    };
    writeFileSync(`${backup()}.json`, JSON.stringify(record));
    await rig.sandboxVerb("seed", "good");
    await rig.sandboxVerb("service", "github", "ok");
  });
  afterAll(async () => {
    await rig?.end();
    await postgres?.end();
  });

  const backup = () => join(rig.project, "backups/latest.dump");
  const env = (more: Readonly<Record<string, string>> = {}) => ({
    PATH: postgres.environment()["PATH"] ?? "",
    ...more,
  });
  const run = (name: string, tag: string, more: Readonly<Record<string, string>>, ...inputs: string[]) =>
    rig.json(["run", name, "-t", "local", "-i", `image=${image(tag)}`, "-i", "reason=a release", ...inputs], {
      env: env(more),
    });
  const deploy = (tag = "deploy-09", more: Readonly<Record<string, string>> = {}) =>
    run("deploy-production", tag, more, "-i", `sha=${sha}`);
  const step = (document: RunDocument, path: string) => document.steps.find((item) => item.path === path);
  const releases = () => rig.fly<Release[]>("releases");

  /** Refused or failed at this step, with the app as it was. */
  async function expectUntouched({ document }: { document: RunDocument }, path: string): Promise<string> {
    expect(step(document, path)).toMatchObject({
      status: "failed",
      failure: { reason: expect.not.stringMatching("internal-error") },
    });
    expect(step(document, "deploy")?.status).toBe("pending");
    expect(await rig.version()).toEqual({ status: 200, image: image("deploy-08") });
    expect((await releases())[0]).toMatchObject({ Version: 10 });
    expect(await rig.problems(document.run)).toEqual([]);
    return step(document, path)?.failure?.message ?? "";
  }

  test.each(["local", "production"])("plans for %s with nothing in its way", async (target) => {
    const before = rig.runs();
    const flags = [`image=${image("deploy-09")}`, `sha=${sha}`, "reason=a plan"].flatMap((input) => ["-i", input]);
    const planEnv = env({
      PATH: `${rig.sandbox.binDir}:${env().PATH}`,
      RUNBOOK_SECRET_FLY_API_TOKEN: "a token that nothing is asked with",
      RUNBOOK_SECRET_GITHUB_TOKEN: "another one",
      RUNBOOK_SECRET_SUPABASE_ACCESS_TOKEN: "a third one",
      RUNBOOK_SECRET_SLACK_WEBHOOK: "https://hooks.slack.example/services/none",
    });
    const planned = await rig.json<{ blocked: { code: string }[]; approvals: number }>(
      ["plan", "deploy-production", "-t", target, ...flags],
      { env: planEnv },
    );
    expect(planned).toMatchObject({ code: 0, document: { approvals: target === "local" ? 0 : 1 } });
    // Its window may be closed, by the clock of the machine.
    expect(planned.document.blocked.filter(({ code }) => code !== "window-closed")).toEqual([]);
    expect(rig.runs()).toEqual(before);
  });

  test("an image that was proven and does not become healthy here is taken back, by itself", async () => {
    await rig.sandboxVerb("image", "add", image("deploy-09"), "--behaviour", "crash");
    const { code, document } = await deploy();
    expect({ code, result: document.result }).toEqual({ code: 6, result: "rolled_back" });
    expect(step(document, "deploy.rollback.restored")?.status).toBe("succeeded");
    expect(await rig.version()).toEqual({ status: 200, image: image("deploy-08") });
    const [last, failed] = await releases();
    expect(last).toMatchObject({ Version: 12, Status: "complete", ImageRef: image("deploy-08") });
    expect(failed).toMatchObject({ Version: 11, Status: "failed", ImageRef: image("deploy-09") });
    expect(await rig.problems(document.run)).toEqual([]);
  });

  test("with everything proven it deploys, and names the run that proved the image", async () => {
    const { code, document } = await deploy();
    expect(document.steps.filter(({ failure }) => failure !== null)).toEqual([]);
    expect(code).toBe(0);
    expect(await rig.version()).toEqual({ status: 200, image: image("deploy-09") });
    expect((await releases())[0]).toMatchObject({ Version: 11, Status: "complete" });
    const by = String(step(document, "proven")?.outputs["run"]);
    expect(rig.record(by).started.runbook).toBe("deploy-staging");
    expect(rig.file(document.run, "report.md")).toContain(by);
    expect(await rig.problems(document.run)).toEqual([]);
  });

  test.each(["checks-failing", "checks-skipped", "checks-missing", "checks-other-commit"])(
    "must fail when a required check is not a success: %s",
    async (state) => {
      await rig.sandboxVerb("service", "github", state);
      expect(await expectUntouched(await deploy(), "checks")).toContain("test");
    },
  );

  test("is refused when only another image was proven, naming what to type", async () => {
    const ran = await deploy("deploy-05");
    expect(ran.code).toBe(4);
    const message = await expectUntouched(ran, "proven");
    expect(message).toContain("had another image");
    expect(message).toContain(`runbook run deploy-staging -t local -i image=${image("deploy-05")}`);
  });

  test("is refused when the proof is older than a day", async () => {
    const later = new Date(Date.now() + 25 * hourMs).toISOString();
    const ran = await deploy("deploy-09", { RUNBOOK_TESTING: "1", RUNBOOK_NOW: later });
    expect(ran.code).toBe(4);
    expect(await expectUntouched(ran, "proven")).toContain("is too old");
  });

  test("is refused when the staging run failed", async () => {
    const failed = await run("deploy-staging", "not-built", {}); // the registry has no such image
    expect(failed.document.result).toBe("rolled_back");
    await rig.sandboxVerb("seed", "good");
    const ran = await deploy("not-built");
    expect(ran.code).toBe(4);
    expect(await expectUntouched(ran, "proven")).toContain(`${failed.document.run} ended as rolled_back`);
  });

  test("is refused when somebody changed the evidence of the proof", async () => {
    const proven = await run("deploy-staging", "deploy-06", {});
    expect(proven.document.result).toBe("succeeded");
    await rig.sandboxVerb("seed", "good");
    writeFileSync(join(rig.runDir(proven.document.run), "report.md"), "all is well\n");
    const ran = await deploy("deploy-06");
    expect(ran.code).toBe(4);
    expect(await expectUntouched(ran, "proven")).toContain("has evidence that does not hold");
  });

  test("must fail when the newest backup is older than a day", async () => {
    const old = new Date(Date.now() - 25 * hourMs);
    utimesSync(backup(), old, old);
    expect(await expectUntouched(await deploy(), "backup.inspect")).toContain("more than 24 hours ago");
  });

  test("must fail when the newest backup is cut off, however young it is", async () => {
    truncateSync(backup(), 1_500);
    await expectUntouched(await deploy(), "backup.inspect");
  });
});
