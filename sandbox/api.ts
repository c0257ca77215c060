import { timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type Cloud, CloudError } from "./cloud.ts";
import type { Credentials } from "./layout.ts";
import { type Call, machineRoutes, type Route } from "./machines-api.ts";
import { BEHAVIOURS, type Behaviour, liveOf, type ReleaseStatus } from "./model.ts";
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
