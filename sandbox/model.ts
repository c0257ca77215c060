import { createHash } from "node:crypto";
import type { ProcessIdentity } from "../src/host/supervisor/process-identity.ts";

/**
 * How a version of the app behaves: answers; answers late; fails its check; never answers; exits at start; answers
 * without protecting headers and shows its insides.
 */
export type Behaviour = "ok" | "slow" | "failing" | "never" | "crash" | "exposed";

export const BEHAVIOURS: readonly Behaviour[] = ["ok", "slow", "failing", "never", "crash", "exposed"];

/** One image of the sandbox registry. */
export interface ImageSpec {
  readonly ref: string;
  readonly behaviour: Behaviour;
  /** Added to every answer, milliseconds. */
  readonly latencyMs: number;
  readonly note: string;
}

/** What flyctl sets, and nothing else: a client killed with -9 leaves `running` behind, as the real one does. */
export type ReleaseStatus = "pending" | "running" | "complete" | "failed" | "interrupted";

/** One row of `fly releases --json`, with the vendor's keys. */
export interface Release {
  readonly ID: string;
  readonly Version: number;
  readonly Stable: boolean;
  readonly InProgress: boolean;
  readonly Reason: string;
  readonly Description: string;
  readonly Status: ReleaseStatus;
  readonly DeploymentStrategy: string;
  readonly Metadata: unknown;
  readonly User: {
    readonly ID: string;
    readonly Name: string;
    readonly Email: string;
    readonly EnablePaidHobby: boolean;
  };
  readonly EvaluationID: string;
  /** RFC 3339, UTC. */
  readonly CreatedAt: string;
  readonly ImageRef: string;
}

export type MachinePhase =
  | "created"
  | "starting"
  | "started"
  | "stopping"
  | "stopped"
  | "replacing"
  | "destroying"
  | "destroyed";

/** An entry of `events` of a machine, newest first. */
export interface MachineEvent {
  readonly id: string;
  readonly type: string;
  readonly status: string;
  readonly source: string;
  /** Unix time in milliseconds. */
  readonly timestamp: number;
  readonly request?: unknown;
}

/** `status` is passing, warning (not checked yet) or critical. */
export interface CheckStatus {
  readonly name: string;
  readonly status: "passing" | "warning" | "critical";
  readonly output: string;
  readonly updated_at: string;
}

/** A machine as it is kept on disk. */
export interface MachineState {
  readonly id: string;
  name: string;
  region: string;
  state: MachinePhase;
  instanceId: string;
  /** Kept with the machine, as a host keeps its image: it restarts even when the registry has lost it. */
  image: ImageSpec;
  releaseVersion: number;
  canary: boolean;
  cordoned: boolean;
  /** Name → digest of the secrets it was last started with. */
  secrets: Record<string, string>;
  events: MachineEvent[];
  createdAt: string;
  updatedAt: string;
  process: ProcessIdentity | null;
}

/** A snapshot of a volume, with the keys of the Machines API. */
export interface SnapshotState {
  readonly id: string;
  readonly size: number;
  readonly digest: string;
  /** RFC 3339, UTC. */
  readonly created_at: string;
  readonly status: "created";
}

/** A volume: it has no content, but an age, a machine it is attached to, and snapshots. */
export interface VolumeState {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  readonly sizeGb: number;
  readonly createdAt: string;
  attachedMachineId: string | null;
  /** Oldest first. */
  snapshots: SnapshotState[];
}

export interface AppState {
  readonly name: string;
  readonly id: string;
  machines: MachineState[];
  volumes: VolumeState[];
  /** Oldest first; never shortened, though `fly releases` shows 25. */
  releases: Release[];
  /** Name → digest as last set; machines may still run with others. */
  secrets: Record<string, string>;
}

export interface PlatformState {
  readonly format: 1;
  seed: string;
  apps: AppState[];
  images: ImageSpec[];
}

/** What is live of an app: `image` is empty when its machines do not all run one, `version` the newest they run. */
export function liveOf(app: AppState): { name: string; image: string; version: number } {
  const images = new Set(app.machines.map((machine) => machine.image.ref));
  return {
    name: app.name,
    image: images.size === 1 ? ([...images][0] ?? "") : "",
    version: Math.max(0, ...app.machines.map((machine) => machine.releaseVersion)),
  };
}

/** The digest an image reference stands for. */
const imageDigest = (ref: string): string => `sha256:${createHash("sha256").update(ref).digest("hex")}`;

const CHECK_NAME = "healthz";

/** Name of the one check every machine has: GET /healthz must answer 200. */
export const checkName = CHECK_NAME;

/** A volume in the Machines API's shape (contracts: `Volume`). */
export function volumeJson(volume: VolumeState): Record<string, unknown> {
  const blocks = (volume.sizeGb * 1024 ** 3) / BLOCK_BYTES;
  return {
    id: volume.id,
    name: volume.name,
    state: "created",
    size_gb: volume.sizeGb,
    region: volume.region,
    zone: "sandbox",
    encrypted: true,
    ...(volume.attachedMachineId === null ? {} : { attached_machine_id: volume.attachedMachineId }),
    created_at: volume.createdAt,
    blocks,
    block_size: BLOCK_BYTES,
    blocks_free: blocks,
    blocks_avail: blocks,
    fstype: "ext4",
    snapshot_retention: 5,
    auto_backup_enabled: true,
  };
}

const BLOCK_BYTES = 4096;

/** A machine in the Machines API's snake_case shape (contracts: `Machine`, and fly-go for the newer keys). */
export function machineJson(machine: MachineState, checks: readonly CheckStatus[]): Record<string, unknown> {
  const [registry = "", ...rest] = machine.image.ref.split("/");
  const [repository = "", tag = "latest"] = rest.join("/").split(":");
  return {
    id: machine.id,
    name: machine.name,
    state: machine.state,
    region: machine.region,
    image_ref: { registry, repository, tag, digest: imageDigest(machine.image.ref), labels: {} },
    instance_id: machine.instanceId,
    private_ip: `fdaa:0:0:a7b:${machine.id.slice(0, 4)}:0:${machine.id.slice(4, 8)}:2`,
    created_at: machine.createdAt,
    updated_at: machine.updatedAt,
    config: {
      image: machine.image.ref,
      env: { FLY_PROCESS_GROUP: "app", PRIMARY_REGION: machine.region },
      metadata: {
        fly_flyctl_version: "0.3.200",
        fly_platform_version: "v2",
        fly_process_group: "app",
        fly_release_version: String(machine.releaseVersion),
        ...(machine.canary ? { fly_canary: "true" } : {}),
      },
      checks: { [CHECK_NAME]: { type: "http", method: "GET", path: "/healthz", port: 8080 } },
      services: [
        {
          protocol: "tcp",
          internal_port: 8080,
          autostart: false,
          autostop: false,
          ports: [{ port: 80, handlers: ["http"] }],
        },
      ],
      guest: { cpu_kind: "shared", cpus: 1, memory_mb: 256 },
      restart: { policy: "on-failure", max_retries: 10 },
    },
    events: machine.events,
    checks,
    host_status: "ok",
    cordoned: machine.cordoned,
  };
}
