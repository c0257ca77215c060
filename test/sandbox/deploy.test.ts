import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Release } from "../../sandbox/model.ts";
import { finished, SandboxRig, until } from "./rig.ts";

const rig = new SandboxRig();
const image = (tag: string) => `registry.fly.io/shop:${tag}`;

beforeAll(async () => {
  await (await rig.build()).start();
});
afterAll(() => rig.end());
beforeEach(() => rig.seed("good"));

interface MachineRow {
  readonly id: string;
  readonly state: string;
  readonly instance_id: string;
  readonly image_ref: { readonly tag: string };
  readonly config: { readonly metadata: { readonly fly_release_version: string } };
  readonly checks: readonly { readonly status: string }[];
}

const deploy = (tag: string, ...more: string[]) => rig.fly("deploy", "-a", "shop", "--image", image(tag), ...more);
const machines = async () =>
  (await rig.flyJson<MachineRow[]>("machine", "list")).sort((a, b) => (a.id < b.id ? -1 : 1));
const tags = async () => (await machines()).map((machine) => machine.image_ref.tag);
const newest = async () => (await rig.flyJson<Release[]>("releases"))[0] as Release;
const served = async () =>
  JSON.parse((await rig.get("/version")).body) as { app: string; image: string; version: number };

describe("a deploy that works", () => {
  test("rolling replaces the processes one by one without a failed request", async () => {
    expect(await served()).toEqual({ app: "shop", image: image("deploy-08"), version: 10 });
    const before = await machines();
    let done = false;
    const statuses = new Set<number>();
    const asking = (async () => {
      while (!done) statuses.add((await rig.get("/healthz")).status);
    })();
    const ran = await deploy("deploy-05", "--strategy", "rolling", "--wait-timeout", "90s", "--yes");
    done = true;
    await asking;

    expect(ran).toMatchObject({ code: 0, stderr: "" });
    expect(ran.stdout).toContain("Updating existing machines in 'shop' with rolling strategy");
    expect(ran.stdout).toContain("[2/2] Machine ");
    expect([...statuses]).toEqual([200]);
    expect(await served()).toEqual({ app: "shop", image: image("deploy-05"), version: 11 });
    expect(await newest()).toMatchObject({
      Version: 11,
      Status: "complete",
      ImageRef: image("deploy-05"),
      DeploymentStrategy: "rolling",
    });
    const after = await machines();
    expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect(after.map(({ instance_id }) => instance_id)).not.toEqual(before.map(({ instance_id }) => instance_id));
    expect(after.map((machine) => machine.config.metadata.fly_release_version)).toEqual(["11", "11"]);
  });

  test("bluegreen brings new machines and destroys the old ones", async () => {
    const before = (await machines()).map(({ id }) => id);
    expect(await deploy("deploy-09", "--strategy", "bluegreen")).toMatchObject({ code: 0 });
    const after = await machines();
    expect(after.map((machine) => machine.image_ref.tag)).toEqual(["deploy-09", "deploy-09"]);
    expect(after.filter(({ id }) => before.includes(id))).toEqual([]);
    expect((await served()).image).toBe(image("deploy-09"));
  });

  test("canary tries one machine first; a bad image touches no other", async () => {
    expect(await deploy("deploy-crash", "--strategy", "canary")).toMatchObject({ code: 1 });
    expect(await tags()).toEqual(["deploy-08", "deploy-08"]);
    expect(await newest()).toMatchObject({ Status: "failed" });
    expect(await deploy("deploy-09", "--strategy", "canary")).toMatchObject({ code: 0 });
    expect(await tags()).toEqual(["deploy-09", "deploy-09"]);
  });

  test.each([
    ["immediate", ["--strategy", "immediate"]],
    ["--detach", ["--detach"]],
  ])("%s does not wait for checks", async (_, flags) => {
    expect(await deploy("deploy-failing", ...flags)).toMatchObject({ code: 0 });
    expect(await newest()).toMatchObject({ Status: "complete" });
    await until("no machine passes", async () => (await rig.get("/")).status === 503);
    expect((await rig.get("/")).body).toContain('no healthy machine of app "shop" (2 in all)');
  });

  test("a stopped machine is updated and stays stopped; the edge goes on without it", async () => {
    const [first, second] = await machines();
    await rig.fly("machine", "stop", first?.id ?? "", "-a", "shop");
    expect((await machines())[0]).toMatchObject({ state: "stopped", checks: [] });
    expect((await rig.get("/healthz")).status).toBe(200);
    expect(await deploy("deploy-09")).toMatchObject({ code: 0 });
    expect((await machines()).map((machine) => [machine.id, machine.state, machine.image_ref.tag])).toEqual([
      [first?.id, "stopped", "deploy-09"],
      [second?.id, "started", "deploy-09"],
    ]);
    await rig.fly("machine", "start", first?.id ?? "", "-a", "shop");
    await until("both pass", async () =>
      (await machines()).every((machine) => machine.checks[0]?.status === "passing"),
    );
  });

  test("releases show at most 25", async () => {
    const [first] = await machines();
    for (let count = 0; count < 17; count += 1) {
      await rig.api("/platform/apps/shop/releases", {
        method: "POST",
        body: JSON.stringify({ image: image("deploy-01"), strategy: "rolling" }),
      });
    }
    await deploy("deploy-09", "--only-machines", first?.id ?? "");
    const versions = (await rig.flyJson<Release[]>("releases")).map((release) => release.Version);
    expect(versions).toHaveLength(25);
    expect([versions[0], versions[24]]).toEqual([28, 4]);
  });
});

describe("a deploy that fails leaves what flyctl leaves", () => {
  test.each([
    [
      "deploy-failing",
      "timeout reached waiting for health checks to pass",
      'healthz is critical: {"status":"failing"}',
    ],
    [
      "deploy-never",
      "timeout reached waiting for health checks to pass",
      "You can increase the timeout with the --wait-timeout flag",
    ],
    ["deploy-crash", "the app appears to be crashing", 'the module "./checkout" is missing'],
  ])("%s", async (tag, why, more) => {
    const limit = tag === "deploy-crash" ? "90s" : "300ms";
    const ran = await deploy(tag, "--wait-timeout", limit);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(/^Error: failed to update machine [0-9a-f]{14}: /m);
    expect(ran.stderr).toContain(why);
    expect(ran.stderr).toContain(more);
    expect(await newest()).toMatchObject({ Version: 11, Status: "failed", ImageRef: image(tag) });
    expect(await tags()).toEqual([tag, "deploy-08"]);
    expect(rig.info.apps[0]).toMatchObject({ name: "shop", image: "", version: 11 });
    expect((await served()).image).toBe(image("deploy-08"));

    // The way back: what was live is deployed again, over the crashed machine too.
    expect(await deploy("deploy-08")).toMatchObject({ code: 0 });
    expect(await tags()).toEqual(["deploy-08", "deploy-08"]);
    expect(await newest()).toMatchObject({ Version: 12, Status: "complete" });
  });

  test("bluegreen takes the new machines away again", async () => {
    const before = await machines();
    const ran = await deploy("deploy-failing", "--strategy", "bluegreen", "--wait-timeout", "300ms");
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining("Deployment failed after error") });
    expect((await machines()).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect(await newest()).toMatchObject({ Status: "failed" });
  });

  test("two at once: the second meets the leases", async () => {
    const first = rig.flyProcess(["deploy", "-a", "shop", "--image", image("deploy-never")]);
    const result = finished(first);
    let seen = "";
    first.stdout?.on("data", (text: string) => {
      seen += text;
    });
    await until("the first deploy waits", () => seen.includes("up and running"));
    const second = await deploy("deploy-09");
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/^Error: failed to acquire leases: .*lease currently held by .*, expires at /m);
    first.kill("SIGINT");
    expect((await result).code).toBe(127);
    const [later, earlier] = await rig.flyJson<Release[]>("releases");
    expect([earlier?.Status, later?.Status]).toEqual(["interrupted", "failed"]);
    expect(await deploy("deploy-09")).toMatchObject({ code: 0 });
  });

  test("a killed client leaves half a deploy, a running release, and no lease in the way", async () => {
    const killed = rig.flyProcess(["deploy", "-a", "shop", "--image", image("deploy-never")]);
    const result = finished(killed);
    let seen = "";
    killed.stdout?.on("data", (text: string) => {
      seen += text;
    });
    await until("the first machine is replaced", () => seen.includes("up and running"));
    killed.kill("SIGKILL");
    await result;
    expect(await newest()).toMatchObject({ Version: 11, Status: "running", InProgress: true });
    expect(await tags()).toEqual(["deploy-never", "deploy-08"]);
    expect(await deploy("deploy-09")).toMatchObject({ code: 0 });
    expect(await tags()).toEqual(["deploy-09", "deploy-09"]);
  });
});

describe("seeds", () => {
  test("unhealthy: the image a rollback chooses does not start, the live one comes back", async () => {
    await rig.seed("unhealthy");
    expect(await deploy("deploy-05", "--wait-timeout", "90s")).toMatchObject({ code: 1 });
    expect(await deploy("deploy-08", "--wait-timeout", "90s")).toMatchObject({ code: 0 });
    expect(await served()).toMatchObject({ image: image("deploy-08"), version: 12 });
  });

  test("rollback-fails: the live image serves, but cannot be deployed again", async () => {
    await rig.seed("rollback-fails");
    expect((await served()).image).toBe(image("deploy-08"));
    expect(await deploy("deploy-05")).toMatchObject({ code: 1 });
    const back = await deploy("deploy-08");
    expect(back).toMatchObject({
      code: 1,
      stderr: `Error: failed to fetch an image or build from source: Could not find image "${image("deploy-08")}"\n`,
    });
    expect(await tags()).toEqual(["deploy-05", "deploy-08"]);
  });

  test("every seed has shop-staging; an unknown one is refused", async () => {
    for (const name of ["unhealthy", "rollback-fails", "good"]) {
      await rig.seed(name);
      expect(rig.info.apps.map((app) => app.name)).toEqual(["shop", "shop-staging"]);
    }
    expect(await rig.sandbox("seed", "worse")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("good, unhealthy, rollback-fails"),
    });
  });

  test("images can be listed, added and removed", async () => {
    const ref = image("deploy-99");
    expect(await rig.sandbox("image", "add", ref, "--behaviour", "slow", "--latency-ms", "40")).toMatchObject({
      code: 0,
    });
    expect((await rig.sandbox("images")).stdout).toMatch(/shop:deploy-99 +slow/);
    expect(await deploy("deploy-99")).toMatchObject({ code: 0 });
    expect(await rig.sandbox("image", "remove", ref)).toMatchObject({ code: 0 });
    expect((await rig.sandbox("images")).stdout).not.toContain("deploy-99");
    expect(await rig.sandbox("image", "add", ref, "--behaviour", "odd")).toEqual({
      code: 1,
      stdout: "",
      stderr: "sandbox: unknown behaviour, expected one of ok, slow, failing, never, crash, exposed\n",
    });
  });
});
