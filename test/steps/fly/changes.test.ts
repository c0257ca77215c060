/** The step types of Fly that change machines and secrets, against the sandbox's real processes. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { flyDeploy } from "../../../src/steps/fly/deploy.ts";
import { flyMachine } from "../../../src/steps/fly/machine.ts";
import { flySecrets } from "../../../src/steps/fly/secrets.ts";
import { flySecretsDeploy } from "../../../src/steps/fly/secrets-deploy.ts";
import { flySecretsImport } from "../../../src/steps/fly/secrets-import.ts";
import { flyStatus } from "../../../src/steps/fly/status.ts";
import { flyVolumes } from "../../../src/steps/fly/volumes.ts";
import { flyWaitHealthy } from "../../../src/steps/fly/wait-healthy.ts";
import { sample } from "../../../src/steps/sample.ts";
import { machine, status } from "../../rig/fly-json.ts";
import { failureOf, type RigHost, type RigOptions, rigHost, runStep } from "../../rig/step-host.ts";
import { ask, SandboxRig } from "../../sandbox/rig.ts";

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

const ids = async () => (await runStep(flyStatus, app, host())).machines.map(({ id }) => id) as [string, string];
const act = (id: string, action: "start" | "stop" | "restart" | "kill" | "cordon" | "uncordon") =>
  runStep(flyMachine, { ...app, machine: id, action }, host());
const forced = (id: string) =>
  ask(`${sandbox.info.url}/version`, { headers: { "fly-force-instance-id": id } }).then(({ status }) => status);

describe("fly/machine", () => {
  test("stop and start: the process is gone, the app goes on without it, and asking twice does nothing", async () => {
    const [first, second] = await ids();
    expect(await act(first, "stop")).toEqual({
      machine: first,
      image: image("deploy-08"),
      state: "stopped",
      cordoned: false,
      changed: true,
      before: { state: "started", cordoned: false },
    });
    expect(await forced(first)).toBe(503);
    expect(await forced(second)).toBe(200);
    expect((await sandbox.get("/healthz")).status).toBe(200);
    expect(await act(first, "stop")).toMatchObject({ state: "stopped", changed: false });
    expect(await act(first, "start")).toMatchObject({ state: "started", changed: true });
    await runStep(flyWaitHealthy, app, host());
    expect(await forced(first)).toBe(200);
  });

  test("cordon takes a machine out of the traffic while it runs on; uncordon puts it back", async () => {
    const [first, second] = await ids();
    expect(await act(first, "cordon")).toMatchObject({ state: "started", cordoned: true, changed: true });
    expect([await forced(first), await forced(second)]).toEqual([503, 200]);
    expect(await act(first, "cordon")).toMatchObject({ changed: false });
    expect(await act(first, "uncordon")).toMatchObject({ cordoned: false, changed: true });
    expect(await forced(first)).toBe(200);
  });

  test("kill leaves the rest to the restart policy, which starts it again; the exit is in its events", async () => {
    const [first] = await ids();
    expect(await act(first, "kill")).toMatchObject({ changed: true, before: { state: "started" } });
    const { machines } = await runStep(flyWaitHealthy, app, host());
    const events = machines.find(({ id }) => id === first)?.events ?? [];
    expect(events.map(({ type }) => type)).toContain("exit");
  });

  test("restart gives a new process even to a machine that looks right", async () => {
    const [first] = await ids();
    const starts = async () => {
      const { machines } = await runStep(flyStatus, app, host());
      return machines.find(({ id }) => id === first)?.events.filter(({ type }) => type === "start").length ?? 0;
    };
    const before = await starts();
    expect(await act(first, "restart")).toMatchObject({ state: "started", changed: true });
    expect(await starts()).toBeGreaterThan(before);
  });

  test("is refused for a machine that is not there, and for a process that is not there, before anything is done", async () => {
    const unknown = await failureOf(flyMachine, { ...app, machine: "0123456789abcd", action: "stop" }, host());
    expect(unknown).toMatchObject({ class: "refused", reason: "machine-unknown" });
    const [first, second] = await ids();
    expect(unknown.message).toContain(`${first}, ${second}`);
    await act(first, "stop");
    const nothing = await failureOf(flyMachine, { ...app, machine: first, action: "kill" }, host());
    expect(nothing).toMatchObject({ class: "refused", reason: "machine-not-started" });
  });

  test("a stop that ends with 0 while the machine runs on is no stop", async () => {
    const replies = {
      "fly status": { stdout: status([machine({ id: "abc1" })]) },
      "fly machine stop": { stdout: "abc1 has been successfully stopped\n" },
    };
    const scripted = rigHost({ replies, attemptMs: 10_000 });
    const failure = await failureOf(flyMachine, { ...app, machine: "abc1", action: "stop" }, scripted);
    expect(failure).toMatchObject({ class: "timeout", reason: "machine-not-there-yet" });
    expect(failure.message).toContain("abc1 is started");
    expect(scripted.calls.filter(({ argv }) => argv[1] === "machine")).toHaveLength(1);
  });

  test("an answer that is lost while it waits is asked for again", async () => {
    const stopped = { stdout: status([machine({ id: "abc1", state: "stopped" })]) };
    const started = { stdout: status([machine({ id: "abc1" })]) };
    const lost = { exitCode: 1, stderr: "Error: failed to list VMs: 503 Service Unavailable" };
    const replies = { "fly status": [started, lost, stopped], "fly machine stop": {} };
    const result = await runStep(flyMachine, { ...app, machine: "abc1", action: "stop" }, rigHost({ replies }));
    expect(result).toMatchObject({ state: "stopped", changed: true });
  });
});

test("fly/deploy with onlyMachines changes these alone, and says what each machine runs", async () => {
  const [first, second] = await ids();
  const deployed = await runStep(flyDeploy, { ...app, image: image("deploy-09"), onlyMachines: [first] }, host());
  expect(deployed.image).toBe("");
  expect(deployed.images).toEqual([
    { machine: first, image: image("deploy-09") },
    { machine: second, image: image("deploy-08") },
  ]);
});

test("sample with a header of Fly asks one machine alone", async () => {
  const [first, second] = await ids();
  await act(first, "cordon");
  const ask = (id: string) => ({
    url: `${sandbox.info.url}/healthz`,
    requests: 3,
    headers: { "fly-force-instance-id": id },
  });
  expect(await runStep(sample, ask(second), host())).toMatchObject({ requests: 3, errors: 0 });
  expect(await failureOf(sample, ask(first), host())).toMatchObject({ reason: "no-good-answer" });
});

describe("fly/volumes", () => {
  test("says how old the newest snapshot of each volume is, and which have none", async () => {
    const now = new Date().toISOString();
    const { volumes, withoutSnapshot, oldestNewestSnapshotAgeSeconds } = await runStep(flyVolumes, app, host({ now }));
    expect(volumes).toMatchObject([{ name: "shop_data", snapshots: [{}, {}, {}, {}] }]);
    expect(withoutSnapshot).toEqual([]);
    const hours = (oldestNewestSnapshotAgeSeconds ?? 0) / 3600;
    expect(hours).toBeGreaterThanOrEqual(2.99);
    expect(hours).toBeLessThan(3.1);

    const id = volumes[0]?.id ?? "";
    const path = `/platform/apps/shop/volumes/${id}/snapshots`;
    await sandbox.api(path, { method: "PUT", body: JSON.stringify({ agesHours: [30, 54] }) });
    const old = await runStep(flyVolumes, app, host({ now }));
    expect(Math.round((old.volumes[0]?.newestSnapshotAgeSeconds ?? 0) / 3600)).toBe(30);

    await sandbox.api(path, { method: "PUT", body: JSON.stringify({ agesHours: [] }) });
    const none = await runStep(flyVolumes, app, host({ now }));
    expect(none).toMatchObject({ withoutSnapshot: [id], oldestNewestSnapshotAgeSeconds: null });
  });

  test("one that is still being taken, or failed, is no copy", async () => {
    const snapshot = (over: object) => ({ id: "vs_1", size: 1, digest: "x", status: "created", ...over });
    const replies = {
      "volumes list": { stdout: [{ id: "vol_1", name: "data", state: "created", size_gb: 1, region: "fra" }] },
      "volumes snapshots list vol_1": {
        stdout: [
          snapshot({ created_at: "2026-11-19T18:00:00Z" }),
          snapshot({ id: "", status: "pending", created_at: "2026-11-20T17:59:00Z" }),
          snapshot({ id: "vs_2", status: "failed", created_at: "2026-11-20T17:00:00Z" }),
        ],
      },
    };
    const { volumes } = await runStep(flyVolumes, app, rigHost({ replies, now: "2026-11-20T18:00:00Z" }));
    expect(volumes[0]?.newestSnapshotAt).toBe("2026-11-19T18:00:00.000Z");
    expect(volumes[0]?.newestSnapshotAgeSeconds).toBeGreaterThanOrEqual(24 * 3600);
  });
});

describe("fly/secrets-import and fly/secrets-deploy", () => {
  const values = {
    HASH: "abc#def",
    QUOTED: 'say "hi"',
    PADDED: "  both ends  ",
    LINES: '-----BEGIN KEY-----\nMIIB#x\n"q"\n-----END KEY-----\n',
    EQUALS: "a=b==",
  };

  test("every value arrives as it is, staged first, and none is in an argument or a result", async () => {
    const importing = host();
    const imported = await runStep(flySecretsImport, { ...app, values }, importing);
    expect(imported.secrets.map(({ name, status: state }) => [name, state])).toEqual(
      Object.keys(values).map((name) => [name, "Staged"]),
    );
    expect(imported.changed).toEqual(Object.keys(values));
    const shown = JSON.stringify([importing.calls.map(({ argv }) => argv), imported, importing.said]);
    for (const value of Object.values(values)) expect(shown).not.toContain(value.split("\n")[0]);
    expect(JSON.parse((await sandbox.get("/secrets")).body)).toEqual({});

    const deployed = await runStep(flySecretsDeploy, app, host());
    expect([...deployed.deployed].sort()).toEqual(Object.keys(values).sort());
    expect(deployed.secrets.every((each) => each.status === "Deployed")).toBe(true);
    const lengths = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.length]));
    expect(JSON.parse((await sandbox.get("/secrets")).body)).toEqual(lengths);
    const kept = JSON.parse(sandbox.files("app-secrets.json")) as { values: Record<string, string> };
    expect(Object.values(kept.values).sort()).toEqual(Object.values(values).sort());

    const again = await runStep(flySecretsImport, { ...app, values: { HASH: values.HASH } }, host());
    expect(again).toMatchObject({ changed: [], secrets: [{ status: "Deployed" }] });
    expect(await runStep(flySecretsDeploy, app, host())).toMatchObject({ deployed: [] });
  });

  test("stage: false restarts the machines at once", async () => {
    await runStep(flySecretsImport, { ...app, values: { A: "1" }, stage: false }, host());
    expect(await runStep(flySecrets, app, host())).toMatchObject({ secrets: [{ name: "A", status: "Deployed" }] });
  });

  test("a plan names the secrets and shows no value", () => {
    const scope = { target: { name: "local", protected: false } };
    const { text, argv } = flySecretsImport.action({ ...app, values: { A: "***", B: "***" } }, scope);
    expect(text).toBe("fly secrets import --app shop --stage < A, B");
    expect(argv).toEqual(["fly", "secrets", "import", "--app", "shop", "--stage"]);
  });

  test("an import that ends with 0 and sets nothing has failed", async () => {
    const replies = { "secrets list": { stdout: [] }, "secrets import": {} };
    const failure = await failureOf(flySecretsImport, { ...app, values: { A: "1" } }, rigHost({ replies }));
    expect(failure).toMatchObject({ class: "failed", reason: "secret-missing", facts: { missing: ["A"] } });
  });

  test.each([["Partial"], [undefined]])("after a deploy that ends with 0, status %s is not deployed", async (state) => {
    const row = { name: "A", digest: "d1", ...(state === undefined ? {} : { status: state }) };
    const replies = { "secrets list": { stdout: [row] }, "secrets deploy": {} };
    const failure = await failureOf(flySecretsDeploy, app, rigHost({ replies }));
    expect(failure).toMatchObject({ class: "failed", reason: "secrets-not-deployed", facts: { left: ["A"] } });
  });

  test("a refusal of fly is told with its words", async () => {
    const missing = await failureOf(flySecretsImport, { app: "shopp", values: { A: "1" } }, host());
    expect(missing.message).toContain("Could not find App");
  });
});
