import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { type HistoryKind, historyText } from "./prometheus-history.ts";
import type { Service, ServiceAnswer, ServiceCall } from "./service.ts";

const START_TIMEOUT_MS = 20_000;
const POLL_MS = 25;
const histories: Readonly<Record<string, HistoryKind | null>> = { ok: "good", burning: "burning", empty: null };

/**
 * No stand-in: PromQL is a language, so the Prometheus of the machine answers (Debian package `prometheus`). It is started
 * with the first question, scrapes the sandbox's apps, and begins with thirty days of history. The states say which:
 * `ok`, `burning` (two of a hundred requests fail), `empty` (no history, nothing scraped).
 */
export const prometheus: Service = {
  secrets: [],
  states: ["ok", "burning", "empty"],
  async answer(call) {
    const server = await serverOf(call);
    return "problem" in server
      ? { status: 503, body: { status: "error", errorType: "unavailable", error: server.problem } }
      : await pass(server.port, call);
  },
};

type Started = { readonly port: number } | { readonly problem: string };
let running: { readonly state: string; readonly end: () => Promise<void>; readonly started: Promise<Started> } | null =
  null;

async function serverOf(call: ServiceCall): Promise<Started> {
  if (running?.state !== call.state) {
    const before = running;
    let stop = () => {};
    const ended = new Promise<void>((resolve) => {
      stop = resolve;
    });
    const started = (async () => {
      await before?.end();
      return await start(call, ended);
    })();
    running = {
      state: call.state,
      started,
      end: async () => {
        stop();
        await started;
      },
    };
  }
  const mine = running;
  const server = await mine.started;
  // Another question may have more luck, such as after the package was installed.
  if ("problem" in server && running === mine) running = null;
  return server;
}

async function start({ home, apps, state }: ServiceCall, ended: Promise<void>): Promise<Started> {
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const port = await freePort();
  const data = join(home, "data");
  const history = histories[state] ?? null;
  const config = { scrape_configs: history === null ? [] : Object.entries(apps).map(scrapeOf) };
  writeFileSync(join(home, "prometheus.yml"), JSON.stringify(config)); // JSON is YAML
  try {
    if (history !== null) {
      writeFileSync(join(home, "history"), historyText(Object.keys(apps), history, Date.now()));
      await promisify(execFile)(
        "promtool",
        ["tsdb", "create-blocks-from", "openmetrics", join(home, "history"), data],
        {
          timeout: START_TIMEOUT_MS,
        },
      );
    }
  } catch (error) {
    return { problem: problemOf(error) };
  }
  const words = [
    `--config.file=${join(home, "prometheus.yml")}`,
    `--storage.tsdb.path=${data}`,
    "--storage.tsdb.retention.time=60d",
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  // It ends with the pipe that this process holds open, so however the platform ends.
  const script = '"$@" < /dev/null > "$0/log" 2>&1 & pid=$!; read -r _; kill -9 $pid; wait $pid';
  const guard = spawn("sh", ["-c", script, home, "prometheus", ...words], {
    stdio: ["pipe", "ignore", "ignore"],
    cwd: home,
  });
  guard.stdin?.on("error", () => {});
  void ended.then(() => guard.stdin?.end());
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await isReady(port))) {
    if (Date.now() > deadline) {
      guard.stdin?.end();
      return { problem: `Prometheus did not start; see ${join(home, "log")}` };
    }
    await new Promise((next) => setTimeout(next, POLL_MS));
  }
  return { port };
}

function scrapeOf([app, url]: [string, string]): object {
  return {
    job_name: app,
    scrape_interval: "1s",
    scrape_timeout: "1s",
    static_configs: [{ targets: [new URL(url).host], labels: { app } }],
  };
}

function problemOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === "ENOENT"
    ? "Prometheus is not installed. On Debian: apt-get install prometheus"
    : `promtool failed: ${message}`;
}

function isReady(port: number): Promise<boolean> {
  return send(port, { method: "GET", path: "/-/ready", search: "", body: "", type: null }).then(
    ({ status }) => status === 200,
    () => false,
  );
}

function pass(port: number, { method, path, query, body, headers }: ServiceCall): Promise<ServiceAnswer> {
  const search = query.size === 0 ? "" : `?${query}`;
  return send(port, { method, path, search, body, type: headers["content-type"] ?? null });
}

interface Passed {
  readonly method: string;
  readonly path: string;
  readonly search: string;
  readonly body: string;
  readonly type: string | null;
}

function send(port: number, { method, path, search, body, type }: Passed): Promise<ServiceAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { "content-length": Buffer.byteLength(body), ...(type === null ? {} : { "content-type": type }) };
    const asked = request({ host: "127.0.0.1", port, method, path: `${path}${search}`, headers, agent: false });
    asked.on("error", reject);
    asked.on("response", (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("error", reject);
      answer.on("end", () =>
        resolve({
          status: answer.statusCode ?? 502,
          headers: { "content-type": answer.headers["content-type"] ?? "text/plain" },
          body: Buffer.concat(parts).toString("utf8"),
        }),
      );
    });
    asked.end(body);
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
