import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, finished, SandboxRig, until } from "./rig.ts";

// The shapes are those of flyctl and of the Machines API description kept beside this file.
const rig = new SandboxRig();
const IMAGE = "registry.fly.io/shop:deploy-08";

beforeAll(async () => {
  await (await rig.build()).start();
});
afterAll(() => rig.end());

type Json = Record<string, unknown>;

function machineValidator() {
  const contract = JSON.parse(
    readFileSync(join(import.meta.dirname, "fixtures/fly-machines-v1.swagger2.json"), "utf8"),
  ) as {
    definitions: Record<string, Json>;
  };
  const ajv = new Ajv({ strict: false, validateSchema: false }); // the vendor's file repeats values in an enum
  ajv.addSchema({ $id: "contract", definitions: contract.definitions });
  return ajv.compile({ $ref: "contract#/definitions/Machine" });
}

describe("shapes", () => {
  test("releases: newest first, PascalCase, ImageRef with and without --image", async () => {
    const rows = await rig.flyJson<Json[]>("releases");
    expect(rows.map((row) => row["Version"])).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    expect(rows.map((row) => row["Status"])).toContain("failed");
    expect(Object.keys(rows[0] ?? {}).sort()).toEqual(
      [
        "ID",
        "Version",
        "Stable",
        "InProgress",
        "Reason",
        "Description",
        "Status",
        "DeploymentStrategy",
        "Metadata",
        "User",
        "EvaluationID",
        "CreatedAt",
        "ImageRef",
      ].sort(),
    );
    expect(Object.keys(rows[0]?.["User"] as Json)).toEqual(["ID", "Name", "Email", "EnablePaidHobby"]);
    expect(rows[0]).toMatchObject({ ImageRef: IMAGE, Status: "complete" });
    expect(await rig.flyJson("releases", "--image")).toEqual(rows);
  });

  test("the table prints v10 and the documented headers", async () => {
    const { stdout } = await rig.fly("releases", "--image", "--app=shop");
    const [headers, first] = stdout.split("\n").map((line) => line.split("\t").map((cell) => cell.trim()));
    expect(headers).toEqual(["VERSION", "STATUS", "DESCRIPTION", "USER", "DATE", "DOCKER IMAGE"]);
    expect([first?.[0], first?.[5]]).toEqual(["v10", IMAGE]);
    expect((await rig.fly("releases", "-a", "shop")).stdout).not.toContain("registry.fly.io");
  });

  test("status: PascalCase above, snake_case machines that satisfy the contract", async () => {
    const status = await rig.flyJson<Json & { Machines: Json[] }>("status");
    expect(status).toMatchObject({ ID: "shop", Name: "shop", Deployed: true, Status: "deployed", Version: 10 });
    for (const key of ["Hostname", "AppURL", "Organization"]) expect(status).toHaveProperty(key);
    expect(status.Machines).toHaveLength(2);
    const validate = machineValidator();
    for (const machine of status.Machines) {
      expect(validate(machine), JSON.stringify(validate.errors)).toBe(true);
      expect(machine).toMatchObject({
        state: "started",
        image_ref: { registry: "registry.fly.io", repository: "shop", tag: "deploy-08", labels: {} },
        host_status: "ok",
        cordoned: false,
        checks: [{ name: "healthz", status: "passing" }],
      });
      expect((machine["image_ref"] as Json)["digest"]).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect((machine["events"] as Json[])[0]).toMatchObject({ type: "start", status: "started", source: "flyd" });
      expect((machine["events"] as Json[])[0]?.["timestamp"]).toBeGreaterThan(1e12);
    }
    expect(validate({ ...status.Machines[0], checks: "none" })).toBe(false);
    expect((await rig.fly("status", "-a", "shop")).stdout).toMatch(/^App\n {2}Name +=/);
  });

  test("machine list is the same array; checks list is keyed by machine", async () => {
    const machines = await rig.flyJson<{ id: string }[]>("machine", "list");
    expect(await rig.flyJson("m", "list")).toEqual(machines);
    const checks = await rig.flyJson<Record<string, Json[]>>("checks", "list");
    expect(Object.keys(checks).sort()).toEqual(machines.map(({ id }) => id).sort());
    for (const [check] of Object.values(checks)) {
      expect(Object.keys(check ?? {}).sort()).toEqual(["name", "output", "status", "updated_at"]);
      expect(check).toMatchObject({ status: "passing", output: '{"status":"ok"}' });
    }
  });

  test("version, as text and as JSON", async () => {
    const { stdout } = await rig.flyWith({ env: {} }, "version");
    expect(stdout).toMatch(/^flyctl v0\.3\.\d+ \w+\/\w+ Commit: \S+ BuildDate: \S+\n$/);
    expect(JSON.parse((await rig.flyWith({ env: {} }, "version", "--json")).stdout)).toMatchObject({ Name: "flyctl" });
  });

  test("--help lists the flags", async () => {
    const { code, stdout } = await rig.flyWith({ env: {} }, "deploy", "--help");
    expect(code).toBe(0);
    expect(stdout).toContain("  -i, --image\n");
    expect((await rig.flyWith({ env: {} })).stdout).toContain("  releases\n");
  });

  test("volumes and their snapshots: ages, a new one, one volume that does not exist", async () => {
    const volumes = await rig.flyJson<Json[]>("volumes", "list");
    expect(volumes).toMatchObject([{ name: "shop_data", state: "created", size_gb: 1 }]);
    const id = String(volumes[0]?.["id"]);
    const ages = async () => {
      const snapshots = await rig.flyJson<{ created_at: string }[]>("volumes", "snapshots", "list", id);
      return snapshots.map(({ created_at }) => Math.round((Date.now() - Date.parse(created_at)) / 3_600_000));
    };
    expect(await ages()).toEqual([75, 51, 27, 3]); // oldest first
    expect((await rig.fly("volumes", "snapshots", "create", id, "-a", "shop")).code).toBe(0);
    expect(await ages()).toEqual([75, 51, 27, 3, 0]);
    const missing = await rig.fly("volumes", "snapshots", "list", "vol_1", "-a", "shop");
    expect(missing).toMatchObject({ code: 1, stderr: "Error: failed to get volume vol_1: not found\n" });
  });
});

describe("refusals in the vendor's words", () => {
  test.each([
    [["releases", "rollback", "-a", "shop"], 'Error: unknown command "rollback" for "fly releases"\n'],
    [["rollback"], 'Error: unknown command "rollback" for "fly"\n'],
    [["logs", "-a", "shop", "--tail"], "Error: unknown flag: --tail\n"],
    [["status", "-a", "shop", "-z"], "Error: unknown shorthand flag: 'z' in -z\n"],
    [["status", "-a", "shop", "--watch", "--json"], "Error: --watch and --json are not supported together\n"],
    [["status", "-a", "nope"], 'Error: Could not find App "nope"\n'],
    [
      ["deploy", "-a", "shop", "--env", "production"],
      "Error: failed parsing environment: 'production': must be in the format NAME=VALUE\n",
    ],
    [["deploy", "-a", "shop", "--image"], "Error: flag needs an argument: --image\n"],
    [
      ["deploy", "-a", "shop", "--image", "registry.fly.io/shop:gone"],
      'Error: failed to fetch an image or build from source: Could not find image "registry.fly.io/shop:gone"\n',
    ],
    [
      ["status"],
      "Error: the config for your app is missing an app name, add an app field to the fly.toml file or specify with the -a flag\n",
    ],
  ])("fly %j", async (args, stderr) => {
    expect(await rig.fly(...args)).toMatchObject({ code: 1, stderr });
  });

  test("no token, a wrong token", async () => {
    expect(await rig.flyWith({ env: {} }, "status", "-a", "shop")).toMatchObject({
      code: 1,
      stderr: "Error: No access token available. Please login with 'flyctl auth login'\n",
    });
    expect(await rig.flyWith({ env: { FLY_API_TOKEN: "wrong" } }, "status", "-a", "shop")).toMatchObject({
      code: 1,
      stderr: "Error: You must be authenticated to view this.\n",
    });
  });

  test("the app also comes from FLY_APP and from fly.toml", async () => {
    const token = rig.info.secrets["FLY_API_TOKEN"] ?? "";
    const byEnv = await rig.flyWith({ env: { FLY_ACCESS_TOKEN: token, FLY_APP: "shop-staging" } }, "status", "--json");
    expect(JSON.parse(byEnv.stdout)).toMatchObject({ Name: "shop-staging" });
    writeFileSync(join(rig.dir, "other.toml"), 'app = "shop"\n');
    expect(JSON.parse((await rig.fly("status", "--json", "-c", "other.toml")).stdout)).toMatchObject({ Name: "shop" });
  });
});

describe("logs", () => {
  test("--no-tail --json prints indented objects one after another and ends", async () => {
    const { stdout, code } = await rig.fly("logs", "-a", "shop", "--no-tail", "--json");
    expect(code).toBe(0);
    expect(() => JSON.parse(stdout)).toThrow();
    const entries = stdout
      .split(/(?<=^\})\n/m)
      .flatMap((text) => (text.trim() === "" ? [] : [JSON.parse(text) as Json]));
    expect(entries.length).toBeGreaterThan(3);
    expect(Object.keys(entries[0] ?? {})).toEqual(["level", "instance", "message", "region", "timestamp", "meta"]);
    expect(entries.map((entry) => entry["message"]).join("\n")).toContain("Health check 'healthz' is now passing");
  });

  test("without --no-tail it follows until it is ended", async () => {
    const child = rig.flyProcess(["logs", "-a", "shop-staging"]);
    const result = finished(child);
    let seen = "";
    child.stdout?.on("data", (text: string) => {
      seen += text;
    });
    await until("the old entries are shown", () => seen.includes("listening on port"));
    const id =
      (JSON.parse((await rig.fly("machine", "list", "-a", "shop-staging", "--json")).stdout) as { id: string }[])[0]
        ?.id ?? "";
    await rig.fly("machine", "stop", id, "-a", "shop-staging");
    const before = seen.length;
    await rig.fly("machine", "start", id, "-a", "shop-staging");
    await until("a new entry is shown", () => seen.slice(before).includes(`app[${id}]`));
    expect(child.exitCode).toBeNull();
    child.kill("SIGINT");
    expect((await result).code).toBe(127);
  });
});

describe("secrets", () => {
  const VALUE = "s3cr3t-value-that-must-stay-inside";
  const statuses = async () =>
    Object.fromEntries(
      (await rig.flyJson<{ name: string; status: string }[]>("secrets", "list")).map((row) => [row.name, row.status]),
    );
  const lengths = async () => JSON.parse((await rig.get("/secrets")).body) as Record<string, number>;

  test("import --stage, list, deploy: the app sees them, nobody else does", async () => {
    const stdin = `API_KEY=${VALUE}\nCUT=abc#def\nQUOTED="abc#def"\nLED=   x\n`;
    const staged = await rig.flyWith({ stdin }, "secrets", "import", "--stage", "-a", "shop");
    expect(staged).toMatchObject({ code: 0, stdout: expect.stringContaining("Secrets have been staged") });
    expect(await statuses()).toEqual({ API_KEY: "Staged", CUT: "Staged", QUOTED: "Staged", LED: "Staged" });
    expect(await lengths()).toEqual({});

    const released = (await rig.flyJson<Json[]>("releases")).length;
    expect(await rig.fly("secrets", "deploy", "-a", "shop")).toMatchObject({ code: 0 });
    expect(await statuses()).toEqual({ API_KEY: "Deployed", CUT: "Deployed", QUOTED: "Deployed", LED: "Deployed" });
    expect(await lengths()).toEqual({ API_KEY: VALUE.length, CUT: 3, QUOTED: 7, LED: 1 });
    const rows = await rig.flyJson<Json[]>("releases");
    expect(rows).toHaveLength(released + 1);
    expect(rows[0]).toMatchObject({ ImageRef: IMAGE, Status: "complete" });

    expect(rig.files("app-secrets.json")).toContain(VALUE);
    expect(rig.files("state.json", "platform.log", "platform.json", "logs/shop.ndjson")).not.toContain(VALUE);
    expect((await rig.fly("secrets", "list", "-a", "shop")).stdout).not.toContain(VALUE);
    expect(await rig.fly("secrets", "deploy", "-a", "shop")).toMatchObject({
      stdout: "There are no secrets to deploy\n",
    });
  });

  test("a machine left behind makes a secret Partial; unset takes it away", async () => {
    await rig.fly("secrets", "set", "LATE=1", "--stage", "-a", "shop");
    const [first] = await rig.flyJson<{ id: string }[]>("machine", "list");
    await rig.fly("deploy", "-a", "shop", "--image", IMAGE, "--only-machines", first?.id ?? "");
    expect((await statuses())["LATE"]).toBe("Partial");
    expect(await rig.fly("secrets", "unset", "LATE", "-a", "shop")).toMatchObject({ code: 0 });
    expect(await statuses()).not.toHaveProperty("LATE");
    expect(await lengths()).not.toHaveProperty("LATE");
  });

  test("one bad line refuses the whole import", async () => {
    const before = await statuses();
    const ran = await rig.flyWith({ stdin: "GOOD=1\nbad line\n" }, "secrets", "import", "-a", "shop");
    expect(ran).toMatchObject({
      code: 1,
      stderr: "Error: Secrets must be provided as NAME=VALUE pairs (bad line is invalid)\n",
    });
    expect(await statuses()).toEqual(before);
  });
});

describe("the control API", () => {
  test("speaks the Machines API: bearer token, error bodies, 404, 408", async () => {
    expect(await rig.api("/v1/apps/shop/machines", { token: "x" })).toMatchObject({
      status: 401,
      json: { error: expect.any(String) },
    });
    expect(await rig.api("/v1/apps/nope/machines")).toEqual({
      status: 404,
      json: { error: 'Could not find App "nope"' },
    });
    const { json } = await rig.api("/v1/apps/shop/machines");
    const id = (json as { id: string }[])[0]?.id;
    expect(await rig.api(`/v1/apps/shop/machines/${id}/wait?state=started`)).toEqual({
      status: 200,
      json: { ok: true },
    });
    expect(await rig.api(`/v1/apps/shop/machines/${id}/wait?state=stopped&timeout=0.01`)).toMatchObject({
      status: 408,
      json: { error: expect.stringContaining("currently started") },
    });
  });

  test("takes Slack messages as the vendor does", async () => {
    const webhook = rig.info.secrets["SLACK_WEBHOOK"] ?? "";
    const post = (body: string, url = webhook) => ask(url, { method: "POST", body, contentType: "application/json" });
    expect(await post('{"text":"rolled back"}')).toEqual({ status: 200, body: "ok" });
    expect(await post("{")).toEqual({ status: 400, body: "invalid_payload" });
    expect(await post("{}")).toEqual({ status: 400, body: "no_text" });
    expect(await post('{"text":"x"}', `${webhook}x`)).toEqual({ status: 403, body: "invalid_token" });
    expect(await rig.api("/platform/slack")).toMatchObject({ json: [{ payload: { text: "rolled back" } }] });
  });
});
