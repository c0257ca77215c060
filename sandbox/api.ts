import { timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { constants } from "node:os";
import type { ProcessIdentity } from "../src/host/supervisor/process-identity.ts";
import { type Cloud, CloudError, type LeaseRequest, type MachineChange } from "./cloud.ts";
import type { Credentials } from "./layout.ts";
import type { Machine } from "./machine.ts";
import { BEHAVIOURS, type Behaviour, liveOf, machineJson, type ReleaseStatus, volumeJson } from "./model.ts";
import { SEEDS, type Seed } from "./seeds.ts";
import type { Services } from "./services/server.ts";
import { answerSlack, type SlackMessage } from "./slack.ts";

const MAX_BODY_BYTES = 1024 * 1024;
const SHOWN_RELEASES = 25;

/** The control API's view of a running platform. */
export interface ApiContext {
  readonly cloud: Cloud;
  readonly credentials: Credentials;
  /** Changes with every start; proves which platform answers on a port. */
  readonly instance: string;
  readonly services: Services;
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly body: Record<string, unknown>;
  /** Lease nonce the client presents. */
  readonly nonce: string;
}

/** Gets the parts of the path its pattern captures, in their order. */
type Handler = (call: Call, first: string, second: string, third: string) => unknown;

/**
 * The control API on loopback. `/v1/…` has the shapes of the Fly Machines API (contracts: fly-machines-v1.swagger2);
 * `/platform/…` is private to the sandbox's own `fly` and launcher, standing for what flyctl asks over GraphQL.
 */
export function createApi(context: ApiContext): Server {
  const slackMessages: SlackMessage[] = [];
  const routes = [...machineRoutes(context.cloud), ...platformRoutes(context, slackMessages)];
  return createServer((request, response) => {
    answer(request, response, context, routes, slackMessages).catch((error: unknown) => {
      const status = error instanceof CloudError ? error.status : 500;
      if (status === 500) console.error(`control API: ${(error as Error).stack ?? error}`);
      if (response.headersSent) response.destroy();
      else send(response, status, { error: (error as Error).message });
    });
  });
}

type Route = readonly [method: string, path: RegExp, handler: Handler];

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { credentials }: ApiContext,
  routes: readonly Route[],
  slackMessages: SlackMessage[],
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://sandbox");
  const text = await readBody(request);
  if (url.pathname.startsWith("/services/")) {
    if (url.pathname !== credentials.slackPath) return sendText(response, 403, "invalid_token");
    const judged = answerSlack(request, text);
    if (judged.payload !== undefined) {
      slackMessages.push({ receivedAt: new Date().toISOString(), payload: judged.payload });
    }
    return sendText(response, judged.status, judged.text);
  }
  if (!isAuthorized(request, credentials.flyApiToken)) throw new CloudError(401, "Authenticate: invalid token");
  for (const [method, pattern, handler] of routes) {
    const match = pattern.exec(url.pathname);
    if (method !== request.method || match === null) continue;
    const nonce = request.headers["fly-machine-lease-nonce"];
    const call: Call = {
      request,
      response,
      query: url.searchParams,
      body: parseBody(text),
      nonce: typeof nonce === "string" ? nonce : "",
    };
    const [first = "", second = "", third = ""] = match.slice(1).map(decodeURIComponent);
    const result = await handler(call, first, second, third);
    if (!response.headersSent) send(response, 200, result ?? { ok: true });
    return;
  }
  throw new CloudError(404, `no such route: ${request.method} ${url.pathname}`);
}

function machineRoutes(cloud: Cloud): Route[] {
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

function platformRoutes({ cloud, instance, services }: ApiContext, slackMessages: SlackMessage[]): Route[] {
  return [
    [
      "GET",
      /^\/platform\/status$/,
      () => ({
        instance,
        seed: cloud.seedName,
        apps: cloud.apps.map(liveOf),
        settled: cloud.apps.every((app) => cloud.machinesOf(app.name).every((machine) => machine.isSettled)),
      }),
    ],
    [
      "POST",
      /^\/platform\/seed$/,
      async ({ body }) => {
        const seed = SEEDS.find((each) => each === body["seed"]);
        if (seed === undefined) throw new CloudError(400, `unknown seed, expected one of ${SEEDS.join(", ")}`);
        await cloud.reseed(seed as Seed);
        services.reset();
      },
    ],
    ["GET", /^\/platform\/images$/, () => cloud.images],
    [
      "POST",
      /^\/platform\/images$/,
      ({ body }) => {
        const behaviour = BEHAVIOURS.find((each) => each === body["behaviour"]);
        const ref = String(body["ref"] ?? "");
        if (behaviour === undefined)
          throw new CloudError(400, `unknown behaviour, expected one of ${BEHAVIOURS.join(", ")}`);
        if (!/^[^\s/]+\/[^\s:]+:[^\s:]+$/.test(ref))
          throw new CloudError(400, "an image reference looks like registry.fly.io/shop:tag");
        const latencyMs = Math.max(0, Number(body["latencyMs"] ?? 0)) || 0;
        cloud.addImage({ ref, behaviour: behaviour as Behaviour, latencyMs, note: String(body["note"] ?? "added") });
      },
    ],
    ["DELETE", /^\/platform\/images\/(.+)$/, (_, ref) => cloud.removeImage(ref)],
    ["GET", /^\/platform\/images\/(.+)$/, (_, ref) => cloud.image(ref)],
    [
      "GET",
      /^\/platform\/apps\/([^/]+)\/releases$/,
      (_, app) => [...cloud.app(app).releases].reverse().slice(0, SHOWN_RELEASES),
    ],
    [
      "POST",
      /^\/platform\/apps\/([^/]+)\/releases$/,
      ({ body }, app) => cloud.createRelease(app, String(body["image"]), String(body["strategy"])),
    ],
    [
      "PUT",
      /^\/platform\/apps\/([^/]+)\/releases\/(\d+)$/,
      ({ body }, app, version) => cloud.setReleaseStatus(app, Number(version), body["status"] as ReleaseStatus),
    ],
    ["GET", /^\/platform\/apps\/([^/]+)\/secrets$/, (_, app) => cloud.listSecrets(app)],
    [
      "POST",
      /^\/platform\/apps\/([^/]+)\/secrets$/,
      ({ body }, app) => cloud.setSecrets(app, body["values"] as Record<string, string | null>),
    ],
    ["GET", /^\/platform\/apps\/([^/]+)\/logs$/, (call, app) => streamLogs(cloud, app, call)],
    [
      "PUT",
      /^\/platform\/apps\/([^/]+)\/volumes\/([^/]+)\/snapshots$/,
      ({ body }, app, id) => {
        const ages = body["agesHours"];
        if (!Array.isArray(ages) || !ages.every((age) => typeof age === "number" && age >= 0)) {
          throw new CloudError(400, "agesHours must be a list of hours");
        }
        cloud.removeSnapshots(app, id);
        for (const age of ages as number[]) cloud.addSnapshot(app, id, new Date(Date.now() - age * 3600 * 1000));
      },
    ],
    ["GET", /^\/platform\/slack$/, () => slackMessages],
    ["GET", /^\/platform\/services$/, () => services.list()],
    ["GET", /^\/platform\/services\/([^/]+)$/, (_, name) => ({ data: services.data(name) })],
    [
      "PUT",
      /^\/platform\/services\/([^/]+)$/,
      ({ body }, name) => {
        if (services.setState(name, String(body["state"]))) return;
        const known = Object.entries(services.list()).map(([each, { states }]) => `${each}: ${states.join(", ")}`);
        throw new CloudError(400, `no service ${name} with a state ${body["state"]}; there are\n${known.join("\n")}`);
      },
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

// One entry a line; with follow=true the answer ends only when the client leaves.
function streamLogs(cloud: Cloud, appName: string, { query, response, request }: Call): void {
  cloud.app(appName);
  const wanted = query.get("instance");
  const log = cloud.log(appName);
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  const write = (entry: { instance: string }) => {
    if (wanted === null || wanted === entry.instance) response.write(`${JSON.stringify(entry)}\n`);
  };
  for (const entry of log.newest()) write(entry);
  if (query.get("follow") !== "true") return void response.end();
  const unfollow = log.follow(write);
  request.socket.once("close", unfollow);
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

function isAuthorized(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from((request.headers.authorization ?? "").replace(/^Bearer /, ""));
  const expected = Buffer.from(token);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) throw new CloudError(413, "request body is larger than 1 MiB");
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function parseBody(text: string): Record<string, unknown> {
  if (text === "") return {};
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null) return body as Record<string, unknown>;
  } catch {
    // Falls through to the refusal below.
  }
  throw new CloudError(400, "invalid_argument: the body is not a JSON object");
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(body)}\n`);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(text);
}
