/** The runbooks that change a release or break a machine, for real: each passes, and each fails the way it must. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CliRig, type RunDocument } from "../rig/cli-rig.ts";

interface Release {
  readonly Version: number;
  readonly Status: string;
  readonly ImageRef: string;
  readonly DeploymentStrategy: string;
}
interface Machine {
  readonly id: string;
  readonly state: string;
  readonly cordoned: boolean;
  readonly config: { readonly image: string };
}

const image = (tag: string) => `registry.fly.io/shop:${tag}`;
const shipped = ["canary-deploy", "rollback-staging", "chaos-drill", "performance-baseline"];

let rig: CliRig;
beforeAll(async () => {
  rig = new CliRig({ shipped });
  await rig.sandboxVerb("start");
});
const seed = async () => {
  await rig.sandboxVerb("seed", "good");
  await rig.sandboxVerb("image", "add", image("late"), "--behaviour", "slow", "--latency-ms", "400");
};
afterAll(() => rig.end());

const releases = () => rig.fly<Release[]>("releases");
const machines = () => rig.fly<Machine[]>("machine", "list");
const images = async () => (await machines()).map(({ config }) => config.image);
const step = (document: RunDocument, path: string) => document.steps.find((item) => item.path === path);
const title = (run: string) => rig.file(run, "report.md").split("\n")[0];
const run = (name: string, ...inputs: string[]) =>
  rig.json(["run", name, "-t", "local", ...inputs.flatMap((input) => ["-i", input])]);
const expectIntact = async (id: string) => expect(await rig.problems(id)).toEqual([]);

describe("rollback-staging", () => {
  beforeEach(seed);

  test("goes back, proves it in time, and forward again: the app ends as it began", async () => {
    const { code, document } = await run("rollback-staging");
    expect(document.result).toBe("succeeded");
    expect(code).toBe(0);
    expect(step(document, "choose")?.outputs).toEqual({ version: 8, image: image("deploy-05") });
    expect(document.objectives).toMatchObject([{ name: "rto", met: true }]);
    expect((await releases()).slice(0, 3).map(({ Version, ImageRef }) => [Version, ImageRef])).toEqual([
      [12, image("deploy-08")],
      [11, image("deploy-05")],
      [10, image("deploy-08")],
    ]);
    expect(await rig.version()).toEqual({ status: 200, image: image("deploy-08") });
    await expectIntact(document.run);
  });

  test("with putBack=false it stays on the earlier image", async () => {
    const { document } = await run("rollback-staging", "putBack=false");
    expect(document.result).toBe("succeeded");
    expect(step(document, "forward")?.status).toBe("skipped");
    expect(await images()).toEqual([image("deploy-05"), image("deploy-05")]);
  });

  test("must fail when the earlier image does not start: rolled back, and the rehearsal proves nothing", async () => {
    await rig.sandboxVerb("seed", "unhealthy");
    const { code, document } = await run("rollback-staging");
    expect(document).toMatchObject({ result: "rolled_back", exitCode: 6 });
    expect(code).toBe(6);
    expect(step(document, "back.deploy")?.status).toBe("undone");
    expect(await images()).toEqual([image("deploy-08"), image("deploy-08")]);
    const register = readFileSync(join(rig.project, "drills.ndjson"), "utf8").trim().split("\n");
    expect(JSON.parse(register.at(-1) ?? "")).toMatchObject({ runbook: "rollback-staging", result: "rolled_back" });
  });
});

describe("canary-deploy", () => {
  beforeEach(seed);

  const inputs = (tag: string, ...more: string[]) => [
    `image=${image(tag)}`,
    "reason=a risky change",
    "soak=50ms",
    "requests=20",
    ...more,
  ];

  test("one machine first, then all: two releases, and every machine equal", async () => {
    const { code, document } = await run("canary-deploy", ...inputs("deploy-09"));
    expect(document.result).toBe("succeeded");
    expect(code).toBe(0);
    expect(step(document, "bluegreen")?.status).toBe("skipped");
    const [control, fresh] = ["control", "new"].map((id) => step(document, `canary.compare.${id}`)?.outputs);
    // deploy-08 answers 200 ms late and the new image does not: each side asked its own machine.
    expect(Number(control?.["p95Ms"])).toBeGreaterThan(190);
    expect(Number(fresh?.["p95Ms"])).toBeLessThan(Number(control?.["p95Ms"]));
    expect(await images()).toEqual([image("deploy-09"), image("deploy-09")]);
    expect((await releases()).slice(0, 2).map(({ Version, Status }) => [Version, Status])).toEqual([
      [12, "complete"],
      [11, "complete"],
    ]);
    await expectIntact(document.run);
  });

  test("must fail when the new image is slower: aborted, and only the canary was ever touched", async () => {
    const before = await machines();
    const { code, document } = await run("canary-deploy", ...inputs("late"));
    expect(document).toMatchObject({ result: "rolled_back" });
    expect(code).toBe(6);
    expect(step(document, "canary.judge")?.status).toBe("failed");
    expect(step(document, "canary.promote")?.status).toBe("pending");
    expect(step(document, "canary.one.rollback.all_equal")?.status).toBe("succeeded");
    const after = await machines();
    expect(after.map(({ id, config }) => [id, config.image])).toEqual(before.map(({ id }) => [id, image("deploy-08")]));
    expect(title(document.run)).toContain(": ROLLED BACK, failed at canary.judge");
    expect(rig.file(document.run, "report.md")).toMatch(/Its p95 is \d+[\d.]* ms, of the control \d+[\d.]* ms/);
    await expectIntact(document.run);
  });

  test("must fail when the new image never becomes healthy", async () => {
    const { document } = await run("canary-deploy", ...inputs("deploy-crash"));
    expect(document.result).toBe("rolled_back");
    expect(step(document, "canary.one")?.status).toBe("undone");
    expect(await images()).toEqual([image("deploy-08"), image("deploy-08")]);
  });

  test("must fail before anything is done when there is nothing to compare", async () => {
    const before = await releases();
    const same = await run("canary-deploy", ...inputs("deploy-08"));
    expect(same.code).toBe(1);
    expect(step(same.document, "pre_state")?.status).toBe("failed");
    const [first] = await machines();
    await rig.sandboxVerb("fly", "machine", "stop", first?.id ?? "", "-a", "shop");
    const path = join(rig.project, "runbooks/canary-deploy.yaml");
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace("timeout: 60s", "timeout: 1s"));
    const ill = await run("canary-deploy", ...inputs("deploy-09"));
    writeFileSync(path, text);
    expect(step(ill.document, "pre_state")?.failure).toMatchObject({ class: "timeout", reason: "not-healthy" });
    expect(await releases()).toEqual(before);
  });

  test("bluegreen: a whole new set, and the old machines are gone", async () => {
    const before = (await machines()).map(({ id }) => id);
    const { code, document } = await run("canary-deploy", ...inputs("deploy-09", "strategy=bluegreen"));
    expect(document.result).toBe("succeeded");
    expect(code).toBe(0);
    expect(step(document, "canary")?.status).toBe("skipped");
    const after = await machines();
    expect(after).toHaveLength(2);
    expect(after.some(({ id }) => before.includes(id))).toBe(false);
    expect(await images()).toEqual([image("deploy-09"), image("deploy-09")]);
    expect((await releases())[0]).toMatchObject({ Version: 11, DeploymentStrategy: "bluegreen", Status: "complete" });
  });

  test("bluegreen must fail when the new set is slower: the image from before comes back", async () => {
    const { document } = await run("canary-deploy", ...inputs("late", "strategy=bluegreen"));
    expect(document.result).toBe("rolled_back");
    expect(step(document, "bluegreen.new")?.status).toBe("failed");
    expect(step(document, "bluegreen.green.rollback.all_equal")?.status).toBe("succeeded");
    expect(await images()).toEqual([image("deploy-08"), image("deploy-08")]);
  });
});

describe("chaos-drill", () => {
  beforeEach(seed);

  test.each(["stop-machine", "kill-process", "cordon-machine"])(
    "%s: users notice nothing, and the machine is back",
    async (fault) => {
      const before = await machines();
      const { code, document } = await run("chaos-drill", `fault=${fault}`, "requests=10");
      expect(document.result).toBe("succeeded");
      expect(code).toBe(0);
      expect(document.objectives).toMatchObject([
        { name: "detection", met: true },
        { name: "recovery", met: true },
      ]);
      expect(step(document, "by_itself")?.status).toBe(fault === "kill-process" ? "succeeded" : "skipped");
      expect(step(document, "experiment.users")?.outputs).toMatchObject({ errors: 0 });
      const after = await machines();
      expect(after.map(({ id, state, cordoned }) => [id, state, cordoned])).toEqual(
        before.map(({ id }) => [id, "started", false]),
      );
      await expectIntact(document.run);
    },
  );

  test("must fail when users notice: told after everything was put back", async () => {
    // A page the shop does not have stands for a page that needs both machines.
    const { code, document } = await run("chaos-drill", "path=/nowhere", "requests=10");
    expect(code).toBe(1);
    expect(document.result).toBe("failed");
    expect(step(document, "hypothesis")?.status).toBe("failed");
    expect(step(document, "recovered")?.status).toBe("succeeded");
    expect(step(document, "restore.well")).toMatchObject({ phase: "always", status: "succeeded" });
    expect((await machines()).map(({ state }) => state)).toEqual(["started", "started"]);
  });

  test("must not begin when a machine is missing already", async () => {
    const [first] = await machines();
    await rig.sandboxVerb("fly", "machine", "cordon", first?.id ?? "", "-a", "shop");
    const { code, document } = await run("chaos-drill", "requests=10");
    expect(code).toBe(1);
    expect(step(document, "before")?.status).toBe("failed");
    expect(step(document, "experiment.inject")?.status).toBe("pending");
    await rig.sandboxVerb("fly", "machine", "uncordon", first?.id ?? "", "-a", "shop");
  });

  test("aborted while a machine is down, it is put back all the same", async () => {
    const started = rig.start(["run", "chaos-drill", "-t", "local", "-i", "requests=200", "--no-input", "-o", "json"]);
    await started.waitForRecord(
      "the machine is down",
      (entry) => entry.type === "step.finished" && entry.step === "experiment.inject",
    );
    const id = await started.run();
    await rig.run(["abort", id, "--reason", "enough", "--now", "--no-input"]);
    await started.ended;
    expect(rig.record(id).result).toBe("aborted");
    expect((await machines()).map(({ state }) => state)).toEqual(["started", "started"]);
    await expectIntact(id);
  });
});

describe("performance-baseline", () => {
  beforeEach(seed);

  const inputs = (...more: string[]) => ["requests=20", "warmUp=1", ...more];
  // Slow enough that a busy test machine is not mistaken for a difference, and no slower.
  const steady = ["image", "add", image("steady"), "--behaviour", "slow", "--latency-ms", "50"];
  const deploy = (tag: string) => rig.sandboxVerb("fly", "deploy", "-a", "shop", "--image", image(tag), "--yes");
  const kept = () =>
    JSON.parse(readFileSync(join(rig.project, "baselines/local.json"), "utf8")) as {
      entries: Record<string, { p50Ms: number; run: string }>;
    };

  test("the first time is no pass; kept, compared, and a slower release must fail", async () => {
    await rig.sandboxVerb(...steady);
    await deploy("steady");
    const first = await run("performance-baseline", ...inputs('paths=["/healthz"]'));
    expect(first.code).toBe(1);
    expect(step(first.document, "measure[0].compare")?.failure).toMatchObject({ reason: "baseline-missing" });

    const keeping = await run("performance-baseline", ...inputs('paths=["/healthz","/version"]', "keep=true"));
    expect(keeping.document.result).toBe("succeeded");
    expect(Object.keys(kept().entries)).toEqual(["/healthz", "/version"]);
    expect(kept().entries["/healthz"]).toMatchObject({ run: keeping.document.run });
    expect(kept().entries["/healthz"]?.p50Ms).toBeGreaterThan(45);

    const before = JSON.stringify(kept());
    const same = await run("performance-baseline", ...inputs('paths=["/healthz"]', "tolerance=300"));
    expect(same.document.result).toBe("succeeded");
    await deploy("late");
    const slower = await run("performance-baseline", ...inputs('paths=["/healthz"]', "tolerance=300"));
    expect(slower.code).toBe(1);
    expect(step(slower.document, "measure[0].compare")?.status).toBe("failed");
    expect(rig.file(slower.document.run, "report.md")).toContain("The latency of /healthz is off by more than 300 %.");
    expect(JSON.stringify(kept())).toBe(before);
  });

  test("must fail for a path that answers with errors, and keeps nothing of it", async () => {
    const { code, document } = await run("performance-baseline", 'paths=["/nowhere"]', "keep=true");
    expect(code).toBe(1);
    expect(step(document, "measure[0].warm_up")?.failure).toMatchObject({ reason: "no-good-answer" });
  });
});

describe("plans", () => {
  const needed: Readonly<Record<string, readonly string[]>> = {
    "canary-deploy": [`image=${image("deploy-09")}`, "reason=a plan"],
  };
  const cases = shipped.flatMap((name) =>
    ["local", "staging", ...(name === "rollback-staging" ? [] : ["production"])].map(
      (target) => [name, target] as const,
    ),
  );
  test.each(cases)("%s -t %s: nothing blocks it, and nothing is started", async (name, target) => {
    const before = rig.runs();
    const flags = (needed[name] ?? []).flatMap((input) => ["-i", input]);
    const env = {
      PATH: `${rig.sandbox.binDir}:${process.env["PATH"] ?? ""}`,
      RUNBOOK_SECRET_FLY_API_TOKEN: "a token that nothing is asked with",
      RUNBOOK_SECRET_SLACK_WEBHOOK: "https://hooks.slack.example/services/none",
    };
    const { code, document } = await rig.json<{ blocked: { code: string }[]; steps: unknown[] }>(
      ["plan", name, "-t", target, ...flags],
      { env },
    );
    // Its window may be closed, by the clock of the machine.
    expect(document.blocked.filter((item) => item.code !== "window-closed")).toEqual([]);
    expect(code).toBe(0);
    expect(document.steps.length).toBeGreaterThan(2);
    expect(rig.runs()).toEqual(before);
  });
});
