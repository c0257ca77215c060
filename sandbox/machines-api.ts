/**
 * `/v1/…` of the control API: the routes and shapes of the Fly Machines API (https://docs.machines.dev; the Swagger
 * description is beside the tests, which hold every route against it).
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants } from "node:os";
import type { ProcessIdentity } from "../src/host/supervisor/process-identity.ts";
import { type Cloud, CloudError, type LeaseRequest, type MachineChange } from "./cloud.ts";
import type { Machine } from "./machine.ts";
import { machineJson, volumeJson } from "./model.ts";

/** One request to the control API. */
export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly body: Record<string, unknown>;
  /** Lease nonce the client presents. */
  readonly nonce: string;
}

/** Gets the parts of the path its pattern captures, in their order. */
export type Handler = (call: Call, first: string, second: string, third: string) => unknown;

export type Route = readonly [method: string, path: RegExp, handler: Handler];

export function machineRoutes(cloud: Cloud): Route[] {
  const one = "^/v1/apps/([^/]+)/machines/([^/]+)";
  const view = (machine: Machine) => machineJson(machine.data, machine.checks);
  const changing = (call: Call, app: string, id: string): Machine => {
    const machine = cloud.machine(app, id);
    cloud.assertMayChange(id, call.nonce);
    return machine;
  };
  return [
    [
      "GET",
      /^\/v1\/apps$/,
      () => {
        const apps = cloud.apps.map((app) => ({ id: app.id, name: app.name, machine_count: app.machines.length }));
        return { total_apps: apps.length, apps };
      },
    ],
    [
      "GET",
      /^\/v1\/apps\/([^/]+)$/,
      (_, app) => {
        const { id, name } = cloud.app(app);
        return { id, name, status: "deployed", organization: { name: "Sandbox", slug: "sandbox" } };
      },
    ],
    ["GET", /^\/v1\/apps\/([^/]+)\/machines$/, (_, app) => cloud.machinesOf(app).map(view)],
    [
      "POST",
      /^\/v1\/apps\/([^/]+)\/machines$/,
      async (call, app) => view(await cloud.createMachine(app, machineChange(call.body))),
    ],
    ["GET", new RegExp(`${one}$`), (_, app, id) => view(cloud.machine(app, id))],
    [
      "POST",
      new RegExp(`${one}$`),
      async (call, app, id) => {
        changing(call, app, id);
        return view(await cloud.updateMachine(app, id, machineChange(call.body)));
      },
    ],
    [
      "DELETE",
      new RegExp(`${one}$`),
      async (call, app, id) => {
        const machine = changing(call, app, id);
        if (machine.data.state === "started" && call.query.get("force") !== "true") {
          throw new CloudError(412, `failed_precondition: unable to destroy machine, not currently stopped`);
        }
        await cloud.destroyMachine(app, id);
      },
    ],
    [
      "POST",
      new RegExp(`${one}/start$`),
      async (call, app, id) => {
        const machine = changing(call, app, id);
        const previous = machine.data.state;
        await machine.start();
        return { previous_state: previous };
      },
    ],
    ["POST", new RegExp(`${one}/stop$`), async (call, app, id) => void (await changing(call, app, id).stop())],
    [
      "POST",
      new RegExp(`${one}/restart$`),
      async (call, app, id) => {
        const machine = changing(call, app, id);
        await machine.stop();
        await machine.start();
      },
    ],
    [
      "POST",
      new RegExp(`${one}/signal$`),
      (call, app, id) => {
        const machine = changing(call, app, id);
        if (!machine.signal(signalName(call.body["signal"]))) {
          throw new CloudError(412, `failed_precondition: machine ${id} is ${machine.data.state}, not started`);
        }
      },
    ],
    [
      "POST",
      new RegExp(`${one}/(cordon|uncordon)$`),
      (call, app, id, verb) => {
        changing(call, app, id);
        cloud.setCordoned(app, id, verb === "cordon");
      },
    ],
    ["GET", new RegExp(`${one}/wait$`), (call, app, id) => waitForState(cloud.machine(app, id), call)],
    ["GET", new RegExp(`${one}/events$`), (_, app, id) => cloud.machine(app, id).data.events],
    [
      "GET",
      new RegExp(`${one}/metadata$`),
      (_, app, id) => {
        const config = view(cloud.machine(app, id))["config"] as { metadata: unknown };
        return config.metadata;
      },
    ],
    ["GET", new RegExp(`${one}/lease$`), (_, app, id) => leaseJson(cloud.currentLease(app, id))],
    [
      "POST",
      new RegExp(`${one}/lease$`),
      (call, app, id) => {
        return leaseJson(cloud.lease(app, id, leaseRequest(call)));
      },
    ],
    ["DELETE", new RegExp(`${one}/lease$`), (call, app, id) => cloud.releaseLease(app, id, call.nonce)],
    ["GET", /^\/v1\/apps\/([^/]+)\/volumes$/, (_, app) => cloud.app(app).volumes.map(volumeJson)],
    ["GET", /^\/v1\/apps\/([^/]+)\/volumes\/([^/]+)$/, (_, app, id) => volumeJson(cloud.volume(app, id))],
    ["GET", /^\/v1\/apps\/([^/]+)\/volumes\/([^/]+)\/snapshots$/, (_, app, id) => cloud.volume(app, id).snapshots],
    [
      "POST",
      /^\/v1\/apps\/([^/]+)\/volumes\/([^/]+)\/snapshots$/,
      (_, app, id) => void cloud.addSnapshot(app, id, new Date()),
    ],
  ];
}

function machineChange(body: Record<string, unknown>): MachineChange {
  const config = (body["config"] ?? {}) as { image?: unknown; metadata?: Record<string, unknown> };
  if (typeof config.image !== "string") throw new CloudError(400, "invalid_argument: config.image is required");
  return {
    image: config.image,
    releaseVersion: Number(config.metadata?.["fly_release_version"] ?? 0),
    skipLaunch: body["skip_launch"] === true,
    cordoned: body["skip_service_registration"] === true,
    canary: config.metadata?.["fly_canary"] === "true",
  };
}

// The API description names signals; flyctl's own `machine kill` sends their number.
function signalName(given: unknown): NodeJS.Signals {
  const known = Object.entries(constants.signals).find(([name, number]) => name === given || number === given)?.[0];
  if (known === undefined || !SIGNALS.has(known)) {
    throw new CloudError(400, `invalid_argument: signal ${JSON.stringify(given)} is not supported`);
  }
  return known as NodeJS.Signals;
}

const SIGNALS = new Set(
  "SIGABRT SIGALRM SIGFPE SIGHUP SIGILL SIGINT SIGKILL SIGPIPE SIGQUIT SIGSEGV SIGTERM SIGTRAP SIGUSR1".split(" "),
);

function leaseRequest({ body, nonce }: Call): LeaseRequest {
  const { ttl, description, client } = body as { ttl?: unknown; description?: unknown; client?: ProcessIdentity };
  const ttlMs = (typeof ttl === "number" && ttl > 0 ? ttl : 30) * 1000;
  return { ttlMs, nonce, description: String(description ?? ""), client: client ?? null };
}

async function waitForState(machine: Machine, { query, request }: Call): Promise<{ ok: true }> {
  const wanted = query.get("state") ?? "started";
  const seconds = Math.min(60, Number(query.get("timeout") ?? 60) || 60);
  const instance = query.get("instance_id");
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(), seconds * 1000);
  request.once("close", () => ended.abort());
  try {
    while (machine.data.state !== wanted) {
      if (instance !== null && instance !== machine.data.instanceId) {
        throw new CloudError(404, `machine ${machine.data.id} has no instance ${instance}`);
      }
      if (ended.signal.aborted) {
        throw new CloudError(
          408,
          `deadline_exceeded: machine failed to reach desired state, ${wanted}, currently ${machine.data.state}`,
        );
      }
      await machine.nextChange(ended.signal);
    }
    return { ok: true };
  } finally {
    clearTimeout(timer);
  }
}

const leaseJson = (lease: { nonce: string; owner: string; description: string; expiresAtMs: number }) => ({
  status: "success",
  data: {
    nonce: lease.nonce,
    expires_at: Math.floor(lease.expiresAtMs / 1000),
    owner: lease.owner,
    description: lease.description,
  },
});
