import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { get } from "node:http";
import { identityOf } from "../src/host/supervisor/process-identity.ts";
import { isAlive } from "./alive.ts";
import { type CheckStatus, checkName, type MachineState } from "./model.ts";

// A machine runs one app process. Its first answers are awaited closely; a machine that has passed for a while is
// asked rarely, so that an idle sandbox costs nothing (a process that dies is noticed at once, without a check).
const CHECK_CLOSELY_MS = 25;
const CHECK_RARELY_MS = 500;
const CHECKS_BEFORE_RARELY = 20;
const CHECK_TIMEOUT_MS = 2000;
const KILL_AFTER_MS = 3000;
const MAX_RESTARTS = 10;
const MAX_EVENTS = 20;

/** What a machine needs from its platform. */
export interface MachineHost {
  readonly appName: string;
  readonly appProgram: string;
  /** Environment of the app that comes from secrets. */
  secretEnv(digests: Record<string, string>): Record<string, string>;
  /** Called after each change that must survive a crash. */
  changed(): void;
  log(machineId: string, level: string, message: string): void;
}

/** Runs one machine: process, restarts, check, events. All waiting is by events of the process. */
export class Machine {
  readonly data: MachineState;
  readonly #host: MachineHost;
  #child: ChildProcess | null = null;
  #port: number | null = null;
  #check: CheckStatus;
  #passes = 0;
  #checkTimer: NodeJS.Timeout | undefined;
  #restartTimer: NodeJS.Timeout | undefined;
  #restarts = 0;
  #stopping = false;
  #watchers = new Set<() => void>();

  constructor(data: MachineState, host: MachineHost) {
    this.data = data;
    this.#host = host;
    this.#check = notCheckedYet();
  }

  /** Where the app process listens, once it said so. */
  get port(): number | null {
    return this.#port;
  }

  get checks(): readonly CheckStatus[] {
    return this.data.state === "stopped" || this.data.state === "created" ? [] : [this.#check];
  }

  /** True when the edge may send requests here. */
  get isServing(): boolean {
    return (
      this.data.state === "started" && !this.data.cordoned && this.#port !== null && this.#check.status === "passing"
    );
  }

  /** True once the first check result is known, or there is none to wait for (stopped, or restarting for long). */
  get isSettled(): boolean {
    return this.data.state === "stopped" || this.#check.status !== "warning" || this.#restarts > 1;
  }

  /** Resolves at the next change of state or check. */
  nextChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#watchers.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      if (signal.aborted) return resolve();
      this.#watchers.add(done);
      signal.addEventListener("abort", done);
    });
  }

  /** Starts the process; resolves when it runs (its check may still fail). A started machine is left alone. */
  async start(): Promise<void> {
    if (this.#child !== null || this.#restartTimer !== undefined) return;
    this.#restarts = 0;
    this.#event("start", "starting", "user");
    this.#become("starting");
    await this.#spawn();
  }

  /** Ends the process and waits until it is gone; its state is then `stopped`. */
  async stop(phase: "stopping" | "replacing" | "destroying" = "stopping"): Promise<void> {
    clearTimeout(this.#restartTimer);
    this.#restartTimer = undefined;
    this.#become(phase);
    await this.#end();
    if (phase === "stopping") {
      this.#event("stop", "stopped", "user");
      this.#become("stopped");
    }
  }

  /** Sends a signal to the process and leaves what follows to the restart policy. False when nothing runs. */
  signal(name: NodeJS.Signals): boolean {
    return this.#child?.kill(name) ?? false;
  }

  async #spawn(): Promise<void> {
    const { data } = this;
    this.#stopping = false;
    this.#port = null;
    this.#passes = 0;
    this.#check = notCheckedYet();
    const secrets = this.#host.secretEnv(data.secrets);
    const child = spawn(process.execPath, [this.#host.appProgram], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: {
        ...secrets,
        PATH: process.env["PATH"] ?? "",
        FLY_APP_NAME: this.#host.appName,
        FLY_IMAGE_REF: data.image.ref,
        FLY_MACHINE_ID: data.id,
        FLY_REGION: data.region,
        FLY_RELEASE_VERSION: String(data.releaseVersion),
        SANDBOX_BEHAVIOUR: data.image.behaviour,
        SANDBOX_LATENCY_MS: String(data.image.latencyMs),
        SANDBOX_SECRET_NAMES: Object.keys(secrets).join(","),
      },
    });
    this.#child = child;
    this.#readLog(child);
    child.on("message", (message: { port?: number }) => {
      if (this.#child !== child || typeof message.port !== "number") return;
      this.#port = message.port;
      this.#scheduleCheck(0);
    });
    child.on("error", (error) => this.#host.log(data.id, "error", `machine could not start: ${error.message}`));
    child.once("exit", (code, signal) => this.#exited(child, code, signal));
    await new Promise<void>((resolve) => {
      child.once("spawn", resolve);
      child.once("error", () => resolve());
    });
    if (this.#child !== child) return;
    data.process = child.pid === undefined ? null : identityOf(child.pid);
    this.#event("start", "started", "flyd");
    this.#become("started");
  }

  #exited(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#child !== child) return;
    this.#child = null;
    this.#port = null;
    clearTimeout(this.#checkTimer);
    this.data.process = null;
    const requested = this.#stopping;
    const restarting = !requested && (code !== 0 || signal !== null) && this.#restarts < MAX_RESTARTS;
    if (restarting) this.#restarts += 1;
    this.#event("exit", requested || !restarting ? "stopped" : "starting", "flyd", {
      exit_event: {
        requested_stop: requested,
        restarting,
        exit_code: code ?? -1,
        signal: signal ?? -1,
        oom_killed: false,
        exited_at: Date.now(),
      },
      restart_count: this.#restarts,
    });
    this.#check = {
      ...this.#check,
      status: "critical",
      output: "connection refused",
      updated_at: new Date().toISOString(),
    };
    if (requested) {
      this.#notify();
      return;
    }
    this.#host.log(this.data.id, "error", `main process exited: ${signal ?? `code ${code}`}`);
    this.#become(restarting ? "starting" : "stopped");
    if (!restarting) return;
    this.#restartTimer = setTimeout(
      () => {
        this.#restartTimer = undefined;
        void this.#spawn();
      },
      Math.min(5000, 10 * 2 ** this.#restarts),
    );
  }

  async #end(): Promise<void> {
    const child = this.#child;
    clearTimeout(this.#checkTimer);
    if (child === null) return;
    this.#stopping = true;
    if (child.exitCode === null && child.signalCode === null) {
      const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.kill("SIGINT");
      const impatience = setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MS);
      await gone;
      clearTimeout(impatience);
    }
    if (this.#child === child) this.#child = null;
    this.#port = null;
  }

  #scheduleCheck(delayMs: number): void {
    clearTimeout(this.#checkTimer);
    this.#checkTimer = setTimeout(() => void this.#runCheck(), delayMs);
  }

  async #runCheck(): Promise<void> {
    const child = this.#child;
    const port = this.#port;
    if (child === null || port === null) return;
    const result = await askHealth(port);
    if (this.#child !== child) return;
    this.#passes = result.status === "passing" ? this.#passes + 1 : 0;
    const changed = result.status !== this.#check.status || result.output !== this.#check.output;
    if (changed) {
      this.#check = { name: checkName, ...result, updated_at: new Date().toISOString() };
      const level = result.status === "passing" ? "info" : "error";
      this.#host.log(this.data.id, level, `Health check '${checkName}' is now ${result.status}`);
      this.#notify();
    }
    this.#scheduleCheck(this.#passes > CHECKS_BEFORE_RARELY ? CHECK_RARELY_MS : CHECK_CLOSELY_MS);
  }

  #readLog(child: ChildProcess): void {
    for (const stream of [child.stdout, child.stderr]) {
      let rest = "";
      stream?.setEncoding("utf8");
      stream?.on("data", (text: string) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) this.#logLine(line);
      });
    }
  }

  #logLine(line: string): void {
    try {
      const { level, message } = JSON.parse(line) as { level?: string; message?: string };
      this.#host.log(this.data.id, level ?? "info", message ?? line);
    } catch {
      this.#host.log(this.data.id, "info", line);
    }
  }

  #become(state: MachineState["state"]): void {
    this.data.state = state;
    this.data.updatedAt = new Date().toISOString();
    this.#host.changed();
    this.#notify();
  }

  #event(type: string, status: string, source: string, request?: unknown): void {
    const event = { id: randomBytes(8).toString("hex"), type, status, source, timestamp: Date.now() };
    this.data.events = [request === undefined ? event : { ...event, request }, ...this.data.events].slice(
      0,
      MAX_EVENTS,
    );
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}

/** Ends what a platform that was killed may have left behind; only the very process that was recorded. */
export function endLeftover(data: MachineState): void {
  if (data.process === null || !isAlive(data.process)) return;
  try {
    process.kill(data.process.pid, "SIGKILL");
  } catch {
    // It ended between the look and the signal.
  }
}

const notCheckedYet = (): CheckStatus => ({
  name: checkName,
  status: "warning",
  output: "waiting for status update",
  updated_at: new Date().toISOString(),
});

function askHealth(port: number): Promise<Pick<CheckStatus, "status" | "output">> {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path: "/healthz", agent: false, timeout: CHECK_TIMEOUT_MS });
    request.on("timeout", () => request.destroy(new Error("context deadline exceeded")));
    request.on("error", (error) => resolve({ status: "critical", output: error.message }));
    request.on("response", (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => {
        const passing = response.statusCode === 200;
        resolve({ status: passing ? "passing" : "critical", output: body.trim() });
      });
    });
  });
}
