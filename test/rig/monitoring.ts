/**
 * A real Prometheus and a real Alertmanager on free loopback ports, their data in a temporary folder. Where a program is
 * missing, tests say so instead of passing silently.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import { freePort } from "./postgres.ts";
import { until } from "./until.ts";

const packages: Readonly<Record<string, string>> = {
  prometheus: "prometheus",
  promtool: "prometheus",
  "prometheus-alertmanager": "prometheus-alertmanager",
  amtool: "prometheus-alertmanager",
};

/** A group of tests that need these programs; where one is missing it is listed as skipped, and the reason is printed. */
export function describeWith(programs: readonly string[], name: string, body: () => void): void {
  const missing = programs.find(
    (program) => spawnSync(program, ["--version"], { stdio: "ignore" }).error !== undefined,
  );
  if (missing === undefined) {
    describe(name, body);
    return;
  }
  const why = `${missing} is not installed (Debian package ${packages[missing] ?? missing})`;
  if (process.env["RUNBOOK_TEST_REQUIRE"] === "1") throw new Error(why);
  process.stderr.write(`not run: ${name}: ${why}\n`);
  describe.skip(`${name} (not run: ${why})`, body);
}

export interface RealServer {
  readonly url: string;
  end(): Promise<void>;
}

/** `openmetrics`: history to begin with, in the format of https://prometheus.io/docs/prometheus/latest/storage/#backfilling-from-openmetrics-format */
export async function startPrometheus(config: string, openmetrics: string | null = null): Promise<RealServer> {
  const dir = mkdtempSync(join(tmpdir(), "runbook-prometheus-"));
  const port = await freePort();
  writeFileSync(join(dir, "prometheus.yml"), config);
  if (openmetrics !== null) {
    writeFileSync(join(dir, "history"), openmetrics);
    execFileSync("promtool", ["tsdb", "create-blocks-from", "openmetrics", join(dir, "history"), join(dir, "data")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
  }
  return await start(dir, `http://127.0.0.1:${port}`, "prometheus", [
    `--config.file=${join(dir, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(dir, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--storage.tsdb.retention.time=400d",
    "--query.timeout=5s",
    "--query.max-samples=100000",
  ]);
}

export async function startAlertmanager(): Promise<RealServer> {
  const dir = mkdtempSync(join(tmpdir(), "runbook-alertmanager-"));
  const port = await freePort();
  writeFileSync(join(dir, "alertmanager.yml"), "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n");
  return await start(dir, `http://127.0.0.1:${port}`, "prometheus-alertmanager", [
    `--config.file=${join(dir, "alertmanager.yml")}`,
    `--storage.path=${join(dir, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--cluster.listen-address=",
  ]);
}

/** The server ends with the pipe that this process holds open, also when the tests are killed. */
async function start(dir: string, url: string, program: string, words: readonly string[]): Promise<RealServer> {
  const script =
    'dir=$1; shift; "$@" < /dev/null > "$dir/log" 2>&1 & pid=$!; read -r _; kill -9 $pid; wait $pid; rm -rf -- "$dir"';
  const guard = spawn("sh", ["-c", script, "sh", dir, program, ...words], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
  });
  const server = { url, end: () => end(guard, dir) };
  try {
    await until(`${program} is ready`, async () => {
      try {
        return (await fetch(`${url}/-/ready`)).status === 200;
      } catch {
        return false;
      }
    });
  } catch (error) {
    const log = readFileSync(join(dir, "log"), "utf8");
    await server.end();
    throw new Error(`${(error as Error).message}\n${log}`);
  }
  return server;
}

async function end(guard: ChildProcess, dir: string): Promise<void> {
  const ended = once(guard, "close");
  guard.stdin?.end();
  await ended;
  rmSync(dir, { recursive: true, force: true });
}
