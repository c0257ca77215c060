import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { ensureSandbox, readSandbox, type SandboxInfo, stopSandbox } from "../../sandbox/client.ts";

const ROOT = join(import.meta.dirname, "../..");
const PROGRAMS = {
  sandbox: "sandbox/main.ts",
  "sandbox-platform": "sandbox/platform.ts",
  "sandbox-app": "sandbox/app.ts",
  "sandbox-fly": "sandbox/fly.ts",
};
const LIMIT_MS = 20_000;

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One sandbox in a temporary folder, built from this checkout, driven by its real commands. */
export class SandboxRig {
  readonly dir = mkdtempSync(join(tmpdir(), "sandbox test'"));
  readonly distDir = join(this.dir, "dist");
  readonly stateDir = join(this.dir, "state");

  /** Bundles the sandbox's programs as scripts/build.mjs does, and nothing else; nothing is started. */
  async build(): Promise<this> {
    const input = Object.fromEntries(Object.entries(PROGRAMS).map(([name, source]) => [name, join(ROOT, source)]));
    const bundle = await rolldown({ input, platform: "node" });
    await bundle.write({
      dir: this.distDir,
      format: "cjs",
      entryFileNames: "[name].cjs",
      chunkFileNames: "[name]-[hash].cjs",
    });
    await bundle.close();
    return this;
  }

  async start(): Promise<SandboxInfo> {
    return ensureSandbox(this.stateDir, { distDir: this.distDir });
  }

  get info(): SandboxInfo {
    const info = readSandbox(this.stateDir);
    if (info === null) throw new Error("the sandbox was never started");
    return info;
  }

  /** Runs `sandbox …` as npm does. */
  sandbox(...args: string[]): Promise<Ran> {
    return finished(
      spawn(
        process.execPath,
        [join(this.distDir, "sandbox.cjs"), "--state-dir", this.stateDir, ...args],
        quiet(this.dir),
      ),
    );
  }

  /** Runs the `fly` wrapper with nothing but a token in its environment. */
  fly(...args: string[]): Promise<Ran> {
    return this.flyWith({}, ...args);
  }

  async flyWith(
    { stdin = "", env }: { stdin?: string; env?: Record<string, string> },
    ...args: string[]
  ): Promise<Ran> {
    const child = this.flyProcess(args, env);
    child.stdin?.end(stdin);
    return finished(child);
  }

  flyProcess(args: readonly string[], env?: Record<string, string>): ChildProcess {
    const { fly, secrets } = this.info;
    return spawn(fly, args, { cwd: this.dir, env: env ?? { FLY_API_TOKEN: secrets["FLY_API_TOKEN"] ?? "" } });
  }

  /** `fly … --json` of an app, parsed. */
  async flyJson<T>(...args: string[]): Promise<T> {
    const ran = await this.fly(...args, "-a", "shop", "--json");
    if (ran.code !== 0) throw new Error(`fly ${args.join(" ")}: ${ran.stderr}`);
    return JSON.parse(ran.stdout) as T;
  }

  async seed(name: string): Promise<void> {
    const ran = await this.sandbox("seed", name);
    if (ran.code !== 0) throw new Error(ran.stderr);
  }

  /** Asks the public side of `shop`. */
  get(path: string, method = "GET"): Promise<{ status: number; body: string }> {
    return ask(`${this.info.url}${path}`, { method });
  }

  /** Asks the control API. */
  async api(path: string, init: { method?: string; token?: string; body?: string; contentType?: string } = {}) {
    const token = init.token ?? this.info.secrets["FLY_API_TOKEN"] ?? "";
    const answer = await ask(`${this.info.api}${path}`, { ...init, headers: { authorization: `Bearer ${token}` } });
    return { status: answer.status, json: JSON.parse(answer.body) as never };
  }

  /** Every file the sandbox keeps, as one text. */
  files(...names: string[]): string {
    return names.map((name) => readFileSync(join(this.stateDir, "sandbox", name), "utf8")).join("\n");
  }

  async end(): Promise<void> {
    await stopSandbox(this.stateDir);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export function ask(
  url: string,
  init: { method?: string; headers?: Record<string, string>; body?: string; contentType?: string } = {},
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...init.headers,
      ...(init.contentType === undefined ? {} : { "content-type": init.contentType }),
    };
    const outgoing = request(url, { method: init.method ?? "GET", headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        body += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(init.body);
  });
}

/** Polls a condition; fails after a hard limit. */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`did not happen within ${LIMIT_MS} ms: ${what}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

const quiet = (cwd: string) => ({ cwd, env: { PATH: process.env["PATH"] ?? "" } });

export async function finished(child: ChildProcess): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code: code ?? -1, stdout, stderr };
}
