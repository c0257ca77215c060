// `fly deploy` and the restart behind `fly secrets deploy`. As with flyctl, the client drives the deploy: it creates
// the release, takes leases, updates machine by machine, waits, and writes the release's final status. So:
//   - a failure leaves machines on different images and the release `failed`;
//   - SIGINT or SIGTERM leaves it `interrupted` (exit 127), leases released;
//   - kill -9 leaves a half deploy and the release `running` for ever. (Its leases are void at once, see cloud.ts; the
//     vendor's run out after 13 s.)

import { identityOf } from "../../src/host/supervisor/process-identity.ts";
import type { Release } from "../model.ts";
import { type ApiClient, ApiError, type MachineJson } from "./api-client.ts";

/** As flyctl: leases of 13 s, refreshed meanwhile. */
export const DEFAULT_LEASE_MS = 13_000;
const POLL_MS = 20;
const SMOKE_CHECK_MS = 10_000;

export type Strategy = "canary" | "rolling" | "bluegreen" | "immediate";
export const STRATEGIES: readonly Strategy[] = ["canary", "rolling", "bluegreen", "immediate"];

export interface DeployOptions {
  readonly app: string;
  readonly strategy: Strategy;
  /** Limit per machine and state; Infinity for none. */
  readonly waitTimeoutMs: number;
  readonly leaseMs: number;
  readonly retries: number;
  readonly smokeChecks: boolean;
  /** Do not wait for states and checks. */
  readonly detach: boolean;
  readonly ha: boolean;
  readonly onlyMachines: readonly string[];
  readonly excludeMachines: readonly string[];
}

/** Where progress goes: flyctl writes most of it to standard output, failures to standard error. */
export interface DeployOutput {
  out(line: string): void;
  err(line: string): void;
}

/** A failure with flyctl's words, and its suggestion printed below the error. */
export class DeployError extends Error {
  readonly suggestion: string;
  constructor(message: string, suggestion = "") {
    super(message);
    this.suggestion = suggestion;
  }
}

/** Was stopped by a signal. */
export class Interrupted extends Error {}

/** Brings every machine of an app to an image (null: each keeps its own and restarts with today's secrets). */
export class Deployment {
  readonly #api: ApiClient;
  readonly #options: DeployOptions;
  readonly #output: DeployOutput;
  readonly #signal: AbortSignal;
  readonly #leases = new Map<string, string>();
  #release: Release | null = null;

  constructor(api: ApiClient, options: DeployOptions, output: DeployOutput, signal: AbortSignal) {
    this.#api = api;
    this.#options = options;
    this.#output = output;
    this.#signal = signal;
  }

  async run(image: string | null): Promise<void> {
    const { app, strategy } = this.#options;
    const all = await this.#machines();
    const newest = [...all].sort((a, b) => releaseOf(b) - releaseOf(a))[0];
    const released = image ?? newest?.config.image;
    if (released === undefined) throw new DeployError(`no machines in app ${app}; deploy an image first`);
    this.#release = await this.#api.call<Release>("POST", `/platform/apps/${app}/releases`, {
      image: released,
      strategy,
    });
    await this.#setStatus("running");
    let refresh: NodeJS.Timeout | undefined;
    try {
      const chosen = this.#choose(all);
      await this.#acquireLeases(chosen);
      refresh = setInterval(() => void this.#refreshLeases(), this.#options.leaseMs / 3);
      await this.#update(chosen, image);
      await this.#setStatus("complete");
    } catch (error) {
      const interrupted = this.#signal.aborted;
      await this.#setStatus(interrupted ? "interrupted" : "failed").catch((late: Error) =>
        this.#output.err(`WARN failed to set final release status after deployment failure: ${late.message}`),
      );
      throw interrupted ? new Interrupted("interrupted") : error;
    } finally {
      clearInterval(refresh);
      await this.#releaseLeases();
    }
  }

  #choose(all: readonly MachineJson[]): MachineJson[] {
    const { onlyMachines, excludeMachines } = this.#options;
    const unknown = onlyMachines.filter((id) => !all.some((machine) => machine.id === id));
    if (unknown.length > 0) throw new DeployError(`machines not found: ${unknown.join(", ")}`);
    return all
      .filter((machine) => onlyMachines.length === 0 || onlyMachines.includes(machine.id))
      .filter((machine) => !excludeMachines.includes(machine.id))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async #update(machines: readonly MachineJson[], image: string | null): Promise<void> {
    const { app, strategy, ha } = this.#options;
    if (machines.length === 0) {
      if (image === null) return;
      this.#output.out(`No machines in group app, launching a new machine`);
      for (let count = ha ? 2 : 1; count > 0; count -= 1) await this.#waitFor(await this.#launch(image, {}), "");
      return;
    }
    if (strategy === "canary" && image !== null) await this.#canary(image);
    this.#output.out(`Updating existing machines in '${app}' with ${strategy} strategy`);
    this.#output.out("");
    if (strategy === "bluegreen" && image !== null) return this.#blueGreen(machines, image);
    let left = machines;
    for (let attempt = 0; ; attempt += 1) {
      try {
        for (const [index, machine] of left.entries()) {
          const label = `[${machines.length - left.length + index + 1}/${machines.length}]`;
          await this.#updateOne(machine, image ?? machine.config.image, label);
        }
        return;
      } catch (error) {
        if (this.#signal.aborted || attempt >= this.#options.retries) throw error;
        this.#output.err(`Failed to update machines: ${(error as Error).message} Retrying...`);
        const ids = left.map((machine) => machine.id);
        const now = (await this.#machines()).filter((machine) => ids.includes(machine.id));
        const done = (machine: MachineJson) => releaseOf(machine) === this.#release?.Version && isHealthy(machine);
        left = now.filter((machine) => !done(machine)).sort((a, b) => (a.id < b.id ? -1 : 1));
      }
    }
  }

  async #updateOne(machine: MachineJson, image: string, label: string): Promise<void> {
    const name = formatted(machine);
    // A stopped machine is updated but stays stopped, as with flyctl.
    const isCold = ["stopped", "suspended", "created"].includes(machine.state);
    this.#output.out(`  ${label} Updating ${name}`);
    try {
      const updated = await this.#api.call<MachineJson>(
        "POST",
        this.#path(machine.id),
        { config: this.#config(image), skip_launch: isCold },
        this.#nonce(machine.id),
      );
      if (!isCold && this.#options.strategy !== "immediate") await this.#waitFor(updated, `${label} `);
      this.#output.out(`  ${label} Machine ${name} update succeeded`);
    } catch (error) {
      if (this.#signal.aborted) {
        this.#output.err(`  ${label} Machine ${name} update canceled while it was in progress`);
        throw error;
      }
      this.#output.err(`  ${label} Machine ${name} update failed: ${(error as Error).message}`);
      if (error instanceof DeployError) {
        throw new DeployError(`failed to update machine ${machine.id}: ${error.message}`, error.suggestion);
      }
      throw new DeployError(`failed to update machine ${machine.id}: ${(error as Error).message}`);
    }
  }

  async #canary(image: string): Promise<void> {
    this.#output.out("Creating canary machine for group app");
    const canary = await this.#launch(image, { fly_canary: "true" });
    try {
      await this.#waitFor(canary, "");
    } finally {
      await this.#destroy(canary.id);
    }
    this.#output.out("Canary machines successfully created and healthy, destroying before continuing");
  }

  async #blueGreen(blue: readonly MachineJson[], image: string): Promise<void> {
    if (blue.some((machine) => !isHealthy(machine))) {
      throw new DeployError(
        "found 1 or more machines that are not healthy: app not in valid state for bluegreen deployments",
      );
    }
    const green: MachineJson[] = [];
    try {
      this.#output.out("Creating green machines");
      for (const _ of blue) {
        const machine = await this.#launch(image, {});
        green.push(machine);
        this.#output.out(`  Created machine ${formatted(machine)}`);
      }
      this.#output.out("");
      this.#output.out("Waiting for all green machines to start and to be healthy");
      for (const machine of green) await this.#waitFor(machine, "");
    } catch (error) {
      this.#output.err(`Deployment failed after error: ${(error as Error).message}`);
      this.#output.err("Rolling back failed deployment");
      for (const machine of green) await this.#destroy(machine.id);
      throw error;
    }
    this.#output.out("");
    this.#output.out("Marking green machines as ready");
    for (const machine of green)
      await this.#api.call("POST", `${this.#path(machine.id)}/uncordon`, undefined, this.#nonce(machine.id));
    this.#output.out("Destroying all blue machines");
    for (const machine of blue) await this.#destroy(machine.id);
    this.#output.out("");
    this.#output.out("Deployment Complete");
  }

  // New machines take no traffic until they are uncordoned (the first ones of an app do at once).
  async #launch(image: string, metadata: Record<string, string>): Promise<MachineJson> {
    const isFirst = (await this.#machines()).length === 0;
    const machine = await this.#api.call<MachineJson>("POST", `/v1/apps/${this.#options.app}/machines`, {
      config: this.#config(image, metadata),
      skip_service_registration: !isFirst,
    });
    const lease = await this.#lease(machine.id, "");
    this.#leases.set(machine.id, lease);
    return machine;
  }

  async #waitFor(machine: MachineJson, prefix: string): Promise<void> {
    const { detach, smokeChecks, strategy, waitTimeoutMs } = this.#options;
    if (strategy === "immediate") return;
    const name = formatted(machine);
    if (!detach) {
      this.#output.out(`  ${prefix}Waiting for ${name} to have state: started`);
      await this.#poll(
        machine.id,
        waitTimeoutMs,
        (now) => now.state === "started" || isCrashing(now),
        () =>
          new DeployError(
            `timeout reached waiting for machine's state to change`,
            "You can increase the timeout with the --wait-timeout flag",
          ),
      );
      this.#output.out(`  Machine ${name} has state: started`);
    }
    if (smokeChecks) await this.#smokeCheck(machine, prefix);
    if (detach) return;
    this.#output.out(`  ${prefix}Waiting for ${name} to become healthy: 0/1`);
    await this.#poll(machine.id, waitTimeoutMs, isHealthy, (now) => {
      const check = now?.checks[0];
      const last = check === undefined ? "" : ` (${check.name} is ${check.status}: ${check.output})`;
      return new DeployError(
        `timeout reached waiting for health checks to pass for machine ${machine.id}${last}`,
        "You can increase the timeout with the --wait-timeout flag",
      );
    });
    this.#output.out(`  ${prefix}Waiting for ${name} to become healthy: 1/1`);
  }

  // flyctl watches each machine for ten seconds. Here a first check result ends it: the process is up.
  async #smokeCheck(machine: MachineJson, prefix: string): Promise<void> {
    const { detach, waitTimeoutMs } = this.#options;
    this.#output.out(`  ${prefix}Checking that ${formatted(machine)} is up and running`);
    const until = Math.min(SMOKE_CHECK_MS, detach ? 0 : waitTimeoutMs);
    const isUp = (now: MachineJson) =>
      now.checks.some((check) => check.status === "passing" || check.output.startsWith("{"));
    const last = await this.#poll(
      machine.id,
      until,
      (now) => isUp(now) || isCrashing(now),
      () => null,
    );
    if (last === null || !isCrashing(last)) return;
    this.#output.err(`Smoke checks for ${machine.id} failed: the app appears to be crashing`);
    this.#output.err(`Check its logs: here's the last lines below, or run 'fly logs -i ${machine.id}':`);
    for (const message of await this.#lastLogs(machine.id)) this.#output.err(`  ${message}`);
    throw new DeployError(`smoke checks for ${machine.id} failed: the app appears to be crashing`);
  }

  async #lastLogs(id: string): Promise<string[]> {
    const response = await this.#api.open("GET", `/platform/apps/${this.#options.app}/logs?instance=${id}`);
    let text = "";
    response.setEncoding("utf8");
    for await (const part of response) text += part;
    const lines = text.split("\n").filter((line) => line !== "");
    return lines.slice(-5).map((line) => (JSON.parse(line) as { message: string }).message);
  }

  /** Asks until `isDone`; on timeout throws what `onTimeout` gives, or returns null when that is null. */
  async #poll(
    id: string,
    timeoutMs: number,
    isDone: (now: MachineJson) => boolean,
    onTimeout: (now: MachineJson | null) => Error | null,
  ): Promise<MachineJson | null> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      if (this.#signal.aborted) throw new Interrupted("interrupted");
      const now = await this.#api.call<MachineJson>("GET", this.#path(id));
      if (isDone(now)) return now;
      if (Date.now() >= deadline) {
        const error = onTimeout(now);
        if (error !== null) throw error;
        return null;
      }
      await new Promise((done) => setTimeout(done, POLL_MS));
    }
  }

  async #acquireLeases(machines: readonly MachineJson[]): Promise<void> {
    for (const machine of machines) {
      try {
        this.#leases.set(machine.id, await this.#lease(machine.id, ""));
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 409) throw error;
        this.#output.err(`  Failed to acquire lease for ${formatted(machine)}: ${error.message}`);
        throw new DeployError(`failed to acquire leases: Unrecoverable error: ${error.message}`);
      }
    }
  }

  async #lease(id: string, nonce: string): Promise<string> {
    const body = { ttl: this.#options.leaseMs / 1000, description: "fly deploy", client: identityOf(process.pid) };
    const answer = await this.#api.call<{ data: { nonce: string } }>("POST", `${this.#path(id)}/lease`, body, {
      nonce,
    });
    return answer.data.nonce;
  }

  async #refreshLeases(): Promise<void> {
    for (const [id, nonce] of this.#leases) {
      await this.#lease(id, nonce).catch((error: Error) =>
        this.#output.err(`WARN error refreshing lease for machine ${id}: ${error.message}`),
      );
    }
  }

  async #releaseLeases(): Promise<void> {
    for (const [id, nonce] of this.#leases) {
      await this.#api
        .call("DELETE", `${this.#path(id)}/lease`, undefined, { nonce, detached: true })
        .catch((error: Error) => this.#output.err(`WARN failed to release lease for machine ${id}: ${error.message}`));
    }
    this.#leases.clear();
  }

  async #destroy(id: string): Promise<void> {
    const nonce = this.#leases.get(id) ?? "";
    this.#leases.delete(id);
    await this.#api.call("DELETE", `${this.#path(id)}?force=true`, undefined, { nonce, detached: true });
  }

  #setStatus(status: Release["Status"]): Promise<unknown> {
    const path = `/platform/apps/${this.#options.app}/releases/${this.#release?.Version}`;
    return this.#api.call("PUT", path, { status }, { detached: true });
  }

  #config(image: string, metadata: Record<string, string> = {}): unknown {
    return { image, metadata: { ...metadata, fly_release_version: String(this.#release?.Version) } };
  }

  #machines(): Promise<MachineJson[]> {
    return this.#api.call<MachineJson[]>("GET", `/v1/apps/${this.#options.app}/machines`);
  }

  #nonce(id: string): { nonce: string } {
    return { nonce: this.#leases.get(id) ?? "" };
  }

  #path(id: string): string {
    return `/v1/apps/${this.#options.app}/machines/${id}`;
  }
}

const releaseOf = (machine: MachineJson) => Number(machine.config.metadata["fly_release_version"] ?? 0);
const formatted = (machine: MachineJson) => `${machine.id} [app]`;
const isHealthy = (machine: MachineJson) =>
  machine.state === "started" &&
  machine.checks.length > 0 &&
  machine.checks.every((check) => check.status === "passing");

// flyctl's isConstantlyRestarting: restarted more than once by itself after a failing exit, since it was last started
// on request (what the image before did does not count).
function isCrashing(machine: MachineJson): boolean {
  const started = machine.events.findIndex((event) => event.type === "start" && event.source === "user");
  const since = started < 0 ? machine.events : machine.events.slice(0, started);
  return since.some((event) => {
    const exit = event.request?.exit_event;
    if (event.type !== "exit" || exit === undefined) return false;
    return !exit.requested_stop && exit.restarting && (event.request?.restart_count ?? 0) > 1 && exit.exit_code !== 0;
  });
}
