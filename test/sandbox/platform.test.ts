import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSandbox, stopSandbox } from "../../sandbox/client.ts";
import type { PlatformState } from "../../sandbox/model.ts";
import { identityOf, isAlive } from "../../src/host/supervisor/process-identity.ts";
import { finished, SandboxRig, until } from "./rig.ts";

const rig = new SandboxRig();
const file = (name: string) => join(rig.stateDir, "sandbox", name);
const state = () => JSON.parse(readFileSync(file("state.json"), "utf8")) as PlatformState;
const appProcesses = () => state().apps.flatMap((app) => app.machines.flatMap((machine) => machine.process ?? []));

beforeAll(() => rig.build());
afterAll(() => rig.end());

// Every process whose command line names this rig's folder: platform, apps, clients.
function processesOfThisSandbox(): number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(rig.distDir) && identityOf(Number(name)) !== null
        ? [Number(name)]
        : [];
    } catch {
      return [];
    }
  });
}

test("status says how to start what was never started", async () => {
  expect(readSandbox(rig.stateDir)).toBeNull();
  expect(await rig.sandbox("status")).toEqual({
    code: 1,
    stdout: "",
    stderr: "sandbox: not running. Start it with: npm run -s sandbox -- start\n",
  });
  expect(existsSync(rig.stateDir)).toBe(false);
});

test("three starts at once give one platform; status prints one JSON object", async () => {
  const [first, second, third] = await Promise.all([rig.sandbox("start"), rig.sandbox("start"), rig.start()]);
  const shown = JSON.parse(first.stdout) as { pid: number };
  expect(JSON.parse(second.stdout)).toEqual(shown);
  expect(third.pid).toBe(shown.pid);
  const status = await rig.sandbox("status");
  expect(JSON.parse(status.stdout)).toEqual({
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    api: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    fly: file("bin/fly"),
    pid: shown.pid,
    apps: [
      { name: "shop", image: "registry.fly.io/shop:deploy-08", version: 10 },
      { name: "shop-staging", image: "registry.fly.io/shop:deploy-06", version: 2 },
    ],
  });
  expect(status.stdout.trim().split("\n")).toHaveLength(1);
  // One platform and four machines.
  expect(processesOfThisSandbox()).toHaveLength(5);
});

test("what it keeps is for its owner only, and the caller's secrets do not reach it", async () => {
  expect(statSync(file(".")).mode & 0o777).toBe(0o700);
  for (const name of ["credentials.json", "app-secrets.json", "state.json", "platform.log"]) {
    expect(statSync(file(name)).mode & 0o077, name).toBe(0);
  }
  const environment = readFileSync(`/proc/${rig.info.pid}/environ`, "utf8").split("\0").filter(Boolean);
  expect(environment.map((pair) => pair.split("=")[0])).toEqual(["PATH"]);
});

test("the app answers its public routes", async () => {
  expect(await rig.get("/healthz")).toEqual({ status: 200, body: '{"status":"ok"}\n' });
  expect(await rig.get("/webhooks/orders", "POST")).toMatchObject({ status: 401 });
  expect((await rig.get("/metrics")).body).toMatch(
    /^http_requests_total\{app="shop",machine="[0-9a-f]{14}",code="200"\} \d+$/m,
  );
  expect((await rig.get("/")).body).toContain("<h1>shop v10</h1>");
  expect((await rig.get("/nowhere")).status).toBe(404);
});

test("fly passes through with its token and its exit code", async () => {
  expect(await rig.sandbox("fly", "status", "-a", "nope")).toMatchObject({
    code: 1,
    stderr: 'Error: Could not find App "nope"\n',
  });
  expect(await rig.sandbox("fly", "releases", "-a", "shop")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("v10"),
  });
});

test("after kill -9 the apps end by themselves, and the next start serves the same releases at the same address", async () => {
  await rig.flyWith({ stdin: "KEPT=12345\n" }, "secrets", "import", "--stage", "-a", "shop");
  expect(await rig.fly("deploy", "-a", "shop", "--image", "registry.fly.io/shop:deploy-06")).toMatchObject({ code: 0 });
  const before = rig.info;
  const left = appProcesses();
  expect(left).toHaveLength(4);
  process.kill(before.pid as number, "SIGKILL");
  // A dying process loses its command line before it is gone.
  await until("all processes are gone", () => processesOfThisSandbox().length === 0 && !left.some(isAlive));
  await until("the platform is gone", () => !rig.info.running);
  expect(rig.info).toMatchObject({ running: false, pid: null, url: before.url, apps: before.apps });
  expect((await rig.sandbox("status")).code).toBe(1);
  expect(await rig.fly("status", "-a", "shop")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("npm run -s sandbox -- start"),
  });

  const after = await rig.start();
  expect(after.pid).not.toBe(before.pid);
  expect({ ...after, pid: 0 }).toEqual({ ...before, pid: 0 });
  expect(JSON.parse((await rig.get("/version")).body)).toEqual({
    app: "shop",
    image: "registry.fly.io/shop:deploy-06",
    version: 11,
  });
  expect(JSON.parse((await rig.get("/secrets")).body)).toEqual({ KEPT: 5 });
  expect(processesOfThisSandbox()).toHaveLength(5);
});

test("an app process that dies is started again", async () => {
  const [victim] = appProcesses();
  process.kill(victim?.pid as number, "SIGKILL");
  await until("another process took its place", () => {
    const now = appProcesses();
    return now.length === 4 && !now.some(({ pid }) => pid === victim?.pid);
  });
  expect((await rig.get("/healthz")).status).toBe(200);
});

test("a port that is taken meanwhile is replaced, and start says so", async () => {
  const { url } = rig.info;
  expect(await rig.sandbox("stop")).toMatchObject({ code: 0, stderr: "sandbox: stopped\n" });
  const port = Number(new URL(url).port);
  const thief = createServer().listen(port, "127.0.0.1");
  await once(thief, "listening");
  const started = await rig.sandbox("start");
  thief.close();
  expect(started).toMatchObject({ code: 0, stderr: expect.stringContaining(`port ${port} of the app shop is taken`) });
  expect(rig.info.url).not.toBe(url);
  expect((await rig.get("/healthz")).status).toBe(200);
});

test("a hang-up does not end it; stop ends everything", async () => {
  process.kill(rig.info.pid as number, "SIGHUP");
  expect((await rig.get("/healthz")).status).toBe(200);
  expect(await stopSandbox(rig.stateDir)).toBe(true);
  expect(processesOfThisSandbox()).toEqual([]);
  expect(await stopSandbox(rig.stateDir)).toBe(false);
  expect(await rig.sandbox("stop")).toMatchObject({ code: 0, stderr: "sandbox: was not running\n" });
});

test("a damaged state file is named, not overwritten", async () => {
  const kept = readFileSync(file("state.json"), "utf8");
  writeFileSync(file("state.json"), "{");
  await expect(rig.start()).rejects.toThrow(`${file("state.json")} is not JSON`);
  expect(readFileSync(file("state.json"), "utf8")).toBe("{");
  writeFileSync(file("state.json"), kept);
});

test("wrong verbs and options are refused with 2", async () => {
  expect(await rig.sandbox("strat")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('unknown verb "strat"'),
  });
  expect(await rig.sandbox("status", "now")).toMatchObject({ code: 2, stderr: 'sandbox: unexpected argument "now"\n' });
});

test("without --state-dir the project's own folder is used", async () => {
  const { spawn } = await import("node:child_process");
  const program = join(rig.distDir, "sandbox.cjs");
  writeFileSync(join(rig.dir, "runbook.config.yaml"), "apiVersion: runbook/v1\n");
  const run = (env: Record<string, string>) =>
    finished(
      spawn(process.execPath, [program, "status"], {
        cwd: rig.distDir,
        env: { PATH: process.env["PATH"] ?? "", ...env },
      }),
    );
  expect((await run({})).code).toBe(1);
  expect(existsSync(join(rig.dir, ".runbook"))).toBe(false);
  await rig.start();
  expect(await run({ RUNBOOK_STATE_DIR: rig.stateDir })).toMatchObject({ code: 0 });
});
