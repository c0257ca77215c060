import { randomBytes } from "node:crypto";
import { replaceFile } from "../src/host/durable-file.ts";
import type { ProcessIdentity } from "../src/host/supervisor/process-identity.ts";
import { isAlive } from "./alive.ts";
import { AppLog } from "./app-log.ts";
import { readJson } from "./json-file.ts";
import type { SandboxLayout } from "./layout.ts";
import { endLeftover, Machine } from "./machine.ts";
import type {
  AppState,
  ImageSpec,
  MachineState,
  PlatformState,
  Release,
  ReleaseStatus,
  SnapshotState,
  VolumeState,
} from "./model.ts";
import { SecretStore } from "./secret-store.ts";
import { newInstanceId, newMachine, newRelease, newSnapshot, type Seed, seedState } from "./seeds.ts";

/** A refusal with the HTTP status the control API answers. */
export class CloudError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

interface Lease {
  readonly nonce: string;
  readonly owner: string;
  readonly description: string;
  /** The client that took it, when it said who it is. */
  readonly client: ProcessIdentity | null;
  expiresAtMs: number;
}

/** What a client says when it takes or refreshes a lease. */
export interface LeaseRequest {
  readonly ttlMs: number;
  /** Of the lease it holds already; empty for a new one. */
  readonly nonce: string;
  readonly description: string;
  readonly client: ProcessIdentity | null;
}

const LEASE_OWNER = "sandbox@tokens.shop.example";

/** What a client asks a machine to become. */
export interface MachineChange {
  readonly image: string;
  readonly releaseVersion: number;
  readonly skipLaunch: boolean;
  readonly cordoned: boolean;
  readonly canary: boolean;
}

/** The platform without its sockets: apps, machines, releases, secrets, leases, logs. Every change is on disk before
 * its method returns. */
export class Cloud {
  readonly #layout: SandboxLayout;
  readonly #appProgram: string;
  readonly #secrets: SecretStore;
  #state: PlatformState;
  #machines = new Map<string, Machine>();
  #logs = new Map<string, AppLog>();
  #leases = new Map<string, Lease>();
  #closing = false;

  constructor(layout: SandboxLayout, appProgram: string) {
    this.#layout = layout;
    this.#appProgram = appProgram;
    this.#secrets = new SecretStore(layout.appSecrets);
    const kept = readJson<PlatformState>(layout.state);
    if (kept !== null && kept.format !== 1)
      throw new Error(`${layout.state} was written by another version; remove it.`);
    this.#state = kept ?? seedState("good", new Date());
    // A state of before there were volumes.
    for (const app of this.#state.apps) app.volumes ??= [];
    this.#adopt();
    this.save();
  }

  get apps(): readonly AppState[] {
    return this.#state.apps;
  }

  get images(): readonly ImageSpec[] {
    return this.#state.images;
  }

  get seedName(): string {
    return this.#state.seed;
  }

  /** Starts every machine that was running, after ending what a killed platform left behind. */
  async startAll(): Promise<void> {
    for (const app of this.#state.apps) for (const data of app.machines) endLeftover(data);
    await Promise.all(
      this.#allMachines().map(async (machine) => {
        machine.data.process = null;
        if (machine.data.state !== "stopped") await machine.start();
      }),
    );
  }

  /** Ends every app process; the machines stay `started` on disk, so that the next start serves them again. */
  async close(): Promise<void> {
    this.save();
    this.#closing = true;
    await Promise.all(this.#allMachines().map((machine) => machine.stop("replacing")));
  }

  /** Replaces everything by a known history and starts it. */
  async reseed(seed: Seed): Promise<void> {
    const old = this.#allMachines();
    this.#machines.clear();
    this.#leases.clear();
    await Promise.all(old.map((machine) => machine.stop("destroying")));
    this.#state = seedState(seed, new Date());
    this.#adopt();
    this.save();
    await this.startAll();
  }

  addImage(spec: ImageSpec): void {
    this.#state.images = [...this.#state.images.filter((each) => each.ref !== spec.ref), spec];
    this.save();
  }

  removeImage(ref: string): void {
    this.image(ref);
    this.#state.images = this.#state.images.filter((each) => each.ref !== ref);
    this.save();
  }

  image(ref: string): ImageSpec {
    const found = this.#state.images.find((each) => each.ref === ref);
    if (found === undefined) throw new CloudError(404, `Could not find image "${ref}"`);
    return found;
  }

  app(name: string): AppState {
    const found = this.#state.apps.find((each) => each.name === name);
    if (found === undefined) throw new CloudError(404, `Could not find App "${name}"`);
    return found;
  }

  machinesOf(appName: string): Machine[] {
    // While a new seed is put in place, the old machines are already gone.
    return this.app(appName).machines.flatMap((data) => this.#machines.get(data.id) ?? []);
  }

  machine(appName: string, id: string): Machine {
    this.app(appName);
    const found = this.machinesOf(appName).find((machine) => machine.data.id === id);
    if (found === undefined) throw new CloudError(404, `machine not found: ${id}`);
    return found;
  }

  log(appName: string): AppLog {
    const log = this.#logs.get(appName) ?? new AppLog(this.#layout.logs, appName);
    this.#logs.set(appName, log);
    return log;
  }

  createRelease(appName: string, imageRef: string, strategy: string): Release {
    const app = this.app(appName);
    const version = Math.max(0, ...app.releases.map((release) => release.Version)) + 1;
    const release = newRelease(version, imageRef, strategy, new Date());
    app.releases.push(release);
    this.save();
    return release;
  }

  setReleaseStatus(appName: string, version: number, status: ReleaseStatus): Release {
    const app = this.app(appName);
    const at = app.releases.findIndex((release) => release.Version === version);
    const old = app.releases[at];
    if (old === undefined) throw new CloudError(404, `release v${version} of ${appName} does not exist`);
    const ended = status !== "pending" && status !== "running";
    const release = { ...old, Status: status, Stable: status === "complete", InProgress: !ended };
    app.releases[at] = release;
    this.save();
    return release;
  }

  /** Takes or refreshes the lease of a machine; another holder's unexpired lease is a conflict. */
  lease(appName: string, id: string, { ttlMs, nonce, description, client }: LeaseRequest): Lease {
    this.machine(appName, id);
    const held = this.#heldLease(id);
    if (held !== undefined && held.nonce !== nonce) throw leaseHeld(id, held);
    if (held !== undefined) {
      held.expiresAtMs = Date.now() + ttlMs;
      return held;
    }
    const expiresAtMs = Date.now() + ttlMs;
    const lease = { nonce: randomBytes(8).toString("hex"), owner: LEASE_OWNER, description, client, expiresAtMs };
    this.#leases.set(id, lease);
    return lease;
  }

  currentLease(appName: string, id: string): Lease {
    this.machine(appName, id);
    const held = this.#heldLease(id);
    if (held === undefined) throw new CloudError(404, "lease not found");
    return held;
  }

  releaseLease(appName: string, id: string, nonce: string): void {
    const held = this.currentLease(appName, id);
    if (held.nonce !== nonce) throw leaseHeld(id, held);
    this.#leases.delete(id);
  }

  /** Refuses a change of a machine that somebody else has leased. */
  assertMayChange(id: string, nonce: string): void {
    const held = this.#heldLease(id);
    if (held !== undefined && held.nonce !== nonce) throw leaseHeld(id, held);
  }

  async createMachine(appName: string, change: MachineChange): Promise<Machine> {
    const app = this.app(appName);
    const data = newMachine(this.image(change.image), change.releaseVersion, new Date());
    data.cordoned = change.cordoned;
    data.canary = change.canary;
    data.secrets = { ...app.secrets };
    app.machines.push(data);
    const machine = this.#adoptMachine(app, data);
    this.save();
    if (!change.skipLaunch) await machine.start();
    return machine;
  }

  /** Gives a machine a new image (or the same one, with today's secrets) and starts it unless `skipLaunch`. */
  async updateMachine(appName: string, id: string, change: MachineChange): Promise<Machine> {
    const machine = this.machine(appName, id);
    const { data } = machine;
    // A machine that keeps its image does not need the registry: its host still has it.
    const spec =
      change.image === data.image.ref && !this.#state.images.some((each) => each.ref === change.image)
        ? data.image
        : this.image(change.image);
    await machine.stop("replacing");
    data.image = spec;
    data.releaseVersion = change.releaseVersion;
    data.instanceId = newInstanceId();
    data.secrets = { ...this.app(appName).secrets };
    if (change.skipLaunch) await machine.stop();
    else await machine.start();
    return machine;
  }

  async destroyMachine(appName: string, id: string): Promise<void> {
    const machine = this.machine(appName, id);
    const app = this.app(appName);
    await machine.stop("destroying");
    app.machines = app.machines.filter((data) => data.id !== id);
    for (const volume of app.volumes) if (volume.attachedMachineId === id) volume.attachedMachineId = null;
    this.#machines.delete(id);
    this.#leases.delete(id);
    this.save();
  }

  setCordoned(appName: string, id: string, cordoned: boolean): void {
    this.machine(appName, id).data.cordoned = cordoned;
    this.save();
  }

  volume(appName: string, id: string): VolumeState {
    const found = this.app(appName).volumes.find((volume) => volume.id === id);
    if (found === undefined) throw new CloudError(404, `failed to get volume ${id}: not found`);
    return found;
  }

  /** Takes a snapshot now, or one that pretends to be older. */
  addSnapshot(appName: string, id: string, createdAt: Date): SnapshotState {
    const volume = this.volume(appName, id);
    const snapshot = newSnapshot(createdAt);
    volume.snapshots = [...volume.snapshots, snapshot].sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
    this.save();
    return snapshot;
  }

  removeSnapshots(appName: string, id: string): void {
    this.volume(appName, id).snapshots = [];
    this.save();
  }

  /** Sets and removes secrets; machines keep what they have until they are updated. */
  setSecrets(appName: string, values: Record<string, string | null>): void {
    const app = this.app(appName);
    for (const [name, value] of Object.entries(values)) {
      if (value === null) delete app.secrets[name];
      else app.secrets[name] = this.#secrets.put(name, value);
    }
    this.save();
  }

  /** `fly secrets list`: Deployed on all machines, Staged on none, Partial on some. */
  listSecrets(appName: string): { name: string; digest: string; status: string }[] {
    const app = this.app(appName);
    return Object.entries(app.secrets)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, digest]) => {
        const having = app.machines.filter((machine) => machine.secrets[name] === digest).length;
        const status = having === 0 ? "Staged" : having === app.machines.length ? "Deployed" : "Partial";
        return { name, digest, status };
      });
  }

  /** Writes the state; a crash afterwards finds it. */
  save(): void {
    if (this.#closing) return;
    const inUse = new Set<string>();
    for (const app of this.#state.apps) {
      for (const each of [app, ...app.machines]) for (const digest of Object.values(each.secrets)) inUse.add(digest);
    }
    this.#secrets.save(inUse);
    replaceFile(this.#layout.state, `${JSON.stringify(this.#state)}\n`);
  }

  #allMachines(): Machine[] {
    return [...this.#machines.values()];
  }

  #adopt(): void {
    for (const app of this.#state.apps) for (const data of app.machines) this.#adoptMachine(app, data);
  }

  #adoptMachine(app: AppState, data: MachineState): Machine {
    const machine = new Machine(data, {
      appName: app.name,
      appProgram: this.#appProgram,
      secretEnv: (digests) =>
        Object.fromEntries(Object.entries(digests).map(([name, digest]) => [name, this.#secrets.value(digest)])),
      // A machine that was replaced by a new seed may still say its last words.
      changed: () => {
        if (this.#machines.get(data.id) === machine) this.save();
      },
      log: (machineId, level, message) => this.log(app.name).add(machineId, data.region, level, message),
    });
    this.#machines.set(data.id, machine);
    return machine;
  }

  #heldLease(id: string): Lease | undefined {
    const lease = this.#leases.get(id);
    if (lease === undefined) return undefined;
    // The vendor knows only the expiry. Here the holder is a process of this machine, so that a deploy after a killed
    // one need not wait until its leases run out.
    const isVoid = lease.expiresAtMs <= Date.now() || (lease.client !== null && !isAlive(lease.client));
    if (isVoid) this.#leases.delete(id);
    return isVoid ? undefined : lease;
  }
}

function leaseHeld(id: string, lease: Lease): CloudError {
  const until = new Date(lease.expiresAtMs).toISOString();
  return new CloudError(
    409,
    `failed to get lease on VM ${id}: lease currently held by ${lease.owner}, expires at ${until}`,
  );
}
