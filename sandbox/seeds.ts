import { randomBytes } from "node:crypto";
import {
  type AppState,
  type Behaviour,
  type ImageSpec,
  liveOf,
  type MachineState,
  type PlatformState,
  type Release,
  type SnapshotState,
  type VolumeState,
} from "./model.ts";

/** The histories `sandbox seed` knows. */
export const SEEDS = ["good", "unhealthy", "rollback-fails"] as const;
export type Seed = (typeof SEEDS)[number];

const MACHINES_PER_APP = 2;
const shop = (tag: string): string => `registry.fly.io/shop:${tag}`;

const image = (tag: string, behaviour: Behaviour, note: string, latencyMs = 0): ImageSpec => ({
  ref: shop(tag),
  behaviour,
  latencyMs,
  note,
});

const REGISTRY: readonly ImageSpec[] = [
  image("deploy-01", "ok", "healthy"),
  image("deploy-02", "ok", "healthy"),
  image("deploy-03", "ok", "healthy"),
  image("deploy-04", "failing", "starts, its check stays critical (released once, failed)"),
  image("deploy-05", "ok", "healthy"),
  image("deploy-06", "ok", "healthy"),
  image("deploy-07", "crash", "exits at start (released once, failed)"),
  image("deploy-08", "slow", "the bad release: its check passes, every answer takes 200 ms longer", 200),
  image("deploy-09", "ok", "the next good one, not released yet"),
  image("deploy-failing", "failing", "starts, its check stays critical"),
  image("deploy-never", "never", "starts, never answers"),
  image("deploy-crash", "crash", "exits at start"),
  image("deploy-exposed", "exposed", "healthy, but without protecting headers, and with a debug page"),
  image("deploy-slow", "slow", "healthy, but every answer takes 900 ms longer", 900),
];

// Tag and status of v1, v2, …: a failed release between, one image twice and twice again, the bad one live.
const SHOP_HISTORY: readonly (readonly [tag: string, status: "complete" | "failed"])[] = [
  ["deploy-01", "complete"],
  ["deploy-02", "complete"],
  ["deploy-03", "complete"],
  ["deploy-04", "failed"],
  ["deploy-03", "complete"],
  ["deploy-05", "complete"],
  ["deploy-06", "complete"],
  ["deploy-05", "complete"],
  ["deploy-07", "failed"],
  ["deploy-08", "complete"],
];

/**
 * The whole state of a freshly seeded platform. `unhealthy` breaks the image a rollback of `shop` chooses
 * (deploy-05, of v8); `rollback-fails` also takes the live image out of the registry, so that it cannot come back.
 */
export function seedState(seed: Seed, now: Date): PlatformState {
  let images = [...REGISTRY];
  if (seed !== "good") {
    images = images.map((each) =>
      each.ref === shop("deploy-05") ? { ...each, behaviour: "crash", note: "no longer starts" } : each,
    );
  }
  const released = (ref: string) => images.find((each) => each.ref === ref) as ImageSpec;
  const apps = [
    seedApp("shop", SHOP_HISTORY, released, now),
    seedApp(
      "shop-staging",
      [
        ["deploy-05", "complete"],
        ["deploy-06", "complete"],
      ],
      released,
      now,
    ),
  ];
  if (seed === "rollback-fails") images = images.filter((each) => each.ref !== shop("deploy-08"));
  return { format: 1, seed, apps, images };
}

function seedApp(
  name: string,
  history: readonly (readonly [string, "complete" | "failed"])[],
  released: (ref: string) => ImageSpec,
  now: Date,
): AppState {
  const dayMs = 24 * 3600 * 1000;
  const releases = history.map(([tag, status], index): Release => {
    const createdAt = new Date(now.getTime() - (history.length - index) * dayMs);
    return newRelease(index + 1, shop(tag), "rolling", createdAt, status);
  });
  const live = releases.findLast((release) => release.Status === "complete") as Release;
  const machines = Array.from({ length: MACHINES_PER_APP }, () =>
    newMachine(released(live.ImageRef), live.Version, new Date(live.CreatedAt)),
  );
  machines.sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const machine of machines) machine.events = bornAt(machine.createdAt);
  const volumes = [seedVolume(name, machines[0] as MachineState, now)];
  const app: AppState = { name, id: name, machines, volumes, releases, secrets: {} };
  if (liveOf(app).image !== live.ImageRef) throw new Error(`seed: ${name} does not run its last complete release`);
  return app;
}

/** What a machine that runs since then has behind it, newest first. */
function bornAt(createdAt: string): MachineState["events"] {
  const timestamp = Date.parse(createdAt);
  const event = (type: string, status: string, source: string, afterMs: number) => ({
    id: randomBytes(8).toString("hex"),
    type,
    status,
    source,
    timestamp: timestamp + afterMs,
  });
  return [event("start", "started", "flyd", 2_000), event("launch", "created", "user", 0)];
}

// One volume with a snapshot a day, the newest three hours old. None is taken by itself afterwards.
function seedVolume(appName: string, machine: MachineState, now: Date): VolumeState {
  const hoursAgo = (hours: number) => new Date(now.getTime() - hours * 3600 * 1000);
  return {
    id: `vol_${randomBytes(8).toString("hex")}`,
    name: `${appName.replaceAll("-", "_")}_data`,
    region: machine.region,
    sizeGb: 1,
    createdAt: hoursAgo(30 * 24).toISOString(),
    attachedMachineId: machine.id,
    snapshots: [75, 51, 27, 3].map((hours) => newSnapshot(hoursAgo(hours))),
  };
}

export function newSnapshot(createdAt: Date): SnapshotState {
  return {
    id: `vs_${randomBytes(12).toString("base64url")}`,
    size: 4096,
    digest: `sha256:${randomBytes(32).toString("hex")}`,
    created_at: createdAt.toISOString(),
    status: "created",
  };
}

/** A release row in the vendor's shape. */
export function newRelease(
  version: number,
  imageRef: string,
  strategy: string,
  createdAt: Date,
  status: Release["Status"] = "pending",
): Release {
  return {
    ID: randomBytes(10).toString("hex"),
    Version: version,
    Stable: status === "complete",
    InProgress: status === "pending" || status === "running",
    Reason: "",
    Description: "Release",
    Status: status,
    DeploymentStrategy: strategy,
    Metadata: null,
    User: { ID: "sandbox", Name: "Sandbox", Email: "operators@shop.example", EnablePaidHobby: false },
    EvaluationID: "",
    CreatedAt: createdAt.toISOString(),
    ImageRef: imageRef,
  };
}

/** A machine that has not been started yet. Ids have the vendor's form: 14 hexadecimal digits. */
export function newMachine(spec: ImageSpec, releaseVersion: number, createdAt: Date): MachineState {
  return {
    id: randomBytes(7).toString("hex"),
    name: `sandbox-${randomBytes(3).toString("hex")}`,
    region: "lax",
    state: "created",
    instanceId: newInstanceId(),
    image: spec,
    releaseVersion,
    canary: false,
    cordoned: false,
    secrets: {},
    events: [],
    createdAt: createdAt.toISOString(),
    updatedAt: createdAt.toISOString(),
    process: null,
  };
}

/** Unique for each version of a machine; the vendor's form is a ULID of 26 characters. */
export function newInstanceId(): string {
  const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  return `01${[...randomBytes(24)].map((byte) => alphabet[byte % 32]).join("")}`;
}
