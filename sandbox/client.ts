import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { get } from "node:http";
import { join, resolve } from "node:path";
import type { ProcessIdentity } from "../src/host/supervisor/process-identity.ts";
import { type HostFacts, sandboxServices } from "../src/language/sandbox-services.ts";
import { isAlive } from "./alive.ts";
import type { KeyAndCertificate } from "./certificates.ts";
import { recordedDatabase } from "./database-file.ts";
import { readJson } from "./json-file.ts";
import {
  type Credentials,
  loopbackUrl,
  type Ports,
  type RunningPlatform,
  type SandboxLayout,
  sandboxLayout,
  tlsName,
} from "./layout.ts";
import { liveOf, type PlatformState } from "./model.ts";
import { databaseDummies, databaseSecrets } from "./postgres-seed.ts";
import { allServiceDummies, services } from "./services/index.ts";
import { shopSecrets } from "./services/vault.ts";

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 15_000;
const POLL_MS = 15;

/** What the tool needs to know of a sandbox. Paths are absolute, URLs have no trailing slash. */
export interface SandboxInfo {
  readonly running: boolean;
  /** Process id of the platform; null when it is stopped. */
  readonly pid: number | null;
  /** Public URL of the first app, `shop`. */
  readonly url: string;
  /** Base URLs of the stand-ins of other vendors, by name. */
  readonly services: Readonly<Record<string, string>>;
  /** The first app over HTTPS. */
  readonly hosts: readonly HostFacts[];
  /** A vault that is a folder of files, with the secrets of the shop. */
  readonly vaultFolder: string;
  /** Control API. */
  readonly api: string;
  /** The `fly` executable that drives this sandbox. */
  readonly fly: string;
  /** Folder that holds only `fly`, for PATH. */
  readonly binDir: string;
  /** Port its PostgreSQL has, or had when it ran; null when it was never started. */
  readonly databasePort: number | null;
  /** Dummy secrets: FLY_API_TOKEN, SLACK_WEBHOOK, the passwords of the database's roles, what the stand-ins take. */
  readonly secrets: Readonly<Record<string, string>>;
  /** `image` is empty when the machines of the app do not all run one image. */
  readonly apps: readonly SandboxApp[];
  /** What the person who starts it should know, such as a port that had to change. */
  readonly notices: readonly string[];
}

export interface SandboxApp {
  readonly name: string;
  readonly image: string;
  /** Newest release version its machines run. */
  readonly version: number;
  readonly url: string;
}

/** A failure to start or stop the sandbox; the message says what to type next. */
export class SandboxError extends Error {
  override readonly name = "SandboxError";
}

/** Reads what is known of the sandbox of a state directory and starts nothing; null when it was never started. */
export function readSandbox(stateDir: string): SandboxInfo | null {
  const layout = sandboxLayout(stateDir);
  const ports = readJson<Ports>(layout.ports);
  const credentials = readJson<Credentials>(layout.credentials);
  const state = readJson<PlatformState>(layout.state);
  if (ports === null || credentials === null || state === null) return null;
  const platform = readJson<RunningPlatform>(layout.running);
  const running = platform !== null && isAlive(platform.identity);
  const api = loopbackUrl(ports.api);
  const apps = state.apps.map((app) => ({ ...liveOf(app), url: loopbackUrl(ports.apps[app.name] ?? 0) }));
  return {
    running,
    pid: running ? platform.identity.pid : null,
    url: apps[0]?.url ?? "",
    services: serviceUrls(ports),
    hosts: hostsOf(ports, layout),
    vaultFolder: layout.vault,
    api,
    fly: layout.fly,
    binDir: layout.binDir,
    databasePort: recordedDatabase(stateDir)?.port ?? null,
    secrets: {
      FLY_API_TOKEN: credentials.flyApiToken,
      SLACK_WEBHOOK: `${api}${credentials.slackPath}`,
      ...databaseDummies(credentials.flyApiToken),
      ...allServiceDummies(credentials.flyApiToken),
    },
    apps,
    notices: running ? platform.notices : [],
  };
}

function hostsOf({ tls }: Ports, layout: SandboxLayout): HostFacts[] {
  const authority = readJson<KeyAndCertificate>(layout.authority);
  if (tls === undefined || authority === null) return [];
  return [{ name: tlsName, address: "127.0.0.1", port: tls, plain: `http://${tlsName}:${tls}/`, ca: authority.cert }];
}

function serviceUrls({ services: port = 0, mail = 0 }: Ports): Record<string, string> {
  const urls = Object.fromEntries(sandboxServices.map((name) => [name, `${loopbackUrl(port)}/${name}`]));
  return { ...urls, smtp: `smtp://127.0.0.1:${mail}` };
}

/** Where the bundles of `scripts/build.mjs` are. */
export interface EnsureOptions {
  readonly distDir: string;
}

/**
 * Starts the sandbox unless it runs, and resolves when its control API answers and the first health of every
 * machine is known. Two callers at once get one platform. Throws a `SandboxError` with the platform's own words otherwise.
 */
export async function ensureSandbox(stateDir: string, { distDir }: EnsureOptions): Promise<SandboxInfo> {
  const layout = sandboxLayout(stateDir);
  const deadline = Date.now() + START_TIMEOUT_MS;
  let attempt: Attempt | null = null;
  for (;;) {
    const info = readSandbox(stateDir);
    if (info?.running === true) {
      if (await isSettled(info)) return info;
    } else if (attempt === null || attempt.hasYielded) {
      // A platform yields to one that is there already; if that one was about to end, the next attempt serves.
      attempt = spawnPlatform(layout, resolve(distDir));
    }
    if (attempt?.failure) throw new SandboxError(`The sandbox did not start: ${attempt.failure}`);
    if (Date.now() > deadline) {
      const said = lastLines(layout.platformLog);
      throw new SandboxError(
        `The sandbox did not answer within ${START_TIMEOUT_MS / 1000} s: ${said}\nSee ${layout.platformLog}, then try \`npm run -s sandbox -- stop\`.`,
      );
    }
    await pause(POLL_MS);
  }
}

interface Attempt {
  /** What went wrong, in the platform's own words. */
  failure: string | null;
  /** Ended because another platform serves this folder. */
  hasYielded: boolean;
}

function spawnPlatform(layout: SandboxLayout, bundles: string): Attempt {
  const program = join(bundles, "sandbox-platform.cjs");
  if (!existsSync(program)) throw new SandboxError(`${program} is missing. Run \`npm run build\` first.`);
  mkdirSync(layout.dir, { recursive: true, mode: 0o700 });
  const log = openSync(layout.platformLog, "a", 0o600);
  const child = spawn(process.execPath, [program, layout.dir, bundles], {
    detached: true,
    stdio: ["ignore", log, log],
    cwd: layout.dir,
    // The caller's environment may hold secrets that neither the platform nor its apps should have.
    env: { PATH: process.env["PATH"] ?? "" },
  });
  closeSync(log);
  const attempt: Attempt = { failure: null, hasYielded: false };
  child.once("error", (error) => {
    attempt.failure = error.message;
  });
  child.once("exit", (code, signal) => {
    if (code === 0) attempt.hasYielded = true;
    else attempt.failure = `it ended with ${signal ?? `code ${code}`}: ${lastLines(layout.platformLog)}`;
  });
  child.unref();
  return attempt;
}

/** Ends the platform and all its app processes; resolves when none is left. False when it was not running. */
export async function stopSandbox(stateDir: string): Promise<boolean> {
  const layout = sandboxLayout(stateDir);
  // The lock, because a platform that is still starting has it already.
  const identity = readJson<ProcessIdentity>(layout.lock);
  const wasRunning = identity !== null && isAlive(identity);
  if (wasRunning) {
    signal(identity.pid, "SIGTERM");
    const deadline = Date.now() + STOP_TIMEOUT_MS;
    while (isAlive(identity)) {
      if (Date.now() > deadline) {
        // The platform leads its own process group, and its apps are in it.
        signal(-identity.pid, "SIGKILL");
        break;
      }
      await pause(POLL_MS);
    }
  }
  const state = readJson<PlatformState>(layout.state);
  for (const machine of state?.apps.flatMap((app) => app.machines) ?? []) {
    if (machine.process === null) continue;
    if (isAlive(machine.process)) signal(machine.process.pid, "SIGKILL");
    while (isAlive(machine.process)) await pause(POLL_MS);
  }
  return wasRunning;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended meanwhile, which is what was wanted.
  }
}

// Settled: the first check result of every machine is known. Not "healthy", because after a failed rollback some
// machines cannot become healthy, and the tool must be able to look at them.
function isSettled(info: SandboxInfo): Promise<boolean> {
  return new Promise((answer) => {
    const headers = { authorization: `Bearer ${info.secrets["FLY_API_TOKEN"]}` };
    const request = get(`${info.api}/platform/status`, { headers, agent: false, timeout: 2000 });
    request.on("timeout", () => request.destroy());
    request.on("error", () => answer(false));
    request.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => {
        try {
          answer((JSON.parse(text) as { settled?: boolean }).settled === true);
        } catch {
          answer(false);
        }
      });
    });
  });
}

function lastLines(path: string): string {
  try {
    return readFileSync(path, "utf8").trim().split("\n").slice(-5).join("\n");
  } catch {
    return "it wrote no log";
  }
}

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** Names of the dummy secrets that every sandbox supplies, known before it has ever run. */
export const sandboxSecretNames: readonly string[] = [
  "FLY_API_TOKEN",
  "SLACK_WEBHOOK",
  ...Object.values(databaseSecrets),
  ...Object.values(services).flatMap(({ secrets }) => secrets),
];

/** Names that the sandbox's vaults hold, the folder and the KV store. */
export const vaultSecrets: readonly string[] = shopSecrets;

/** Roles of the sandbox's PostgreSQL, each with the dummy secret that is its password. */
export const databaseRoles: Readonly<Record<string, string>> = databaseSecrets;

/** `startDatabase()` of `postgres.ts`, loaded when it is needed: most runs need no database. */
export async function startSandboxDatabase(stateDir: string, port: number): Promise<{ readonly port: number }> {
  const { startDatabase } = await import("./postgres.ts");
  return await startDatabase(stateDir, port);
}
