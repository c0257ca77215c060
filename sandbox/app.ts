// The program every sandbox "image" stands for: a small shop service. It imports nothing of the platform, so that its
// bundle stays tiny and starts fast. It listens on a free loopback port, tells the platform over the IPC channel, and
// ends when that channel closes: an app never outlives its platform, whatever killed it.
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const app = process.env["FLY_APP_NAME"] ?? "";
const image = process.env["FLY_IMAGE_REF"] ?? "";
const version = Number(process.env["FLY_RELEASE_VERSION"] ?? 0);
const machine = process.env["FLY_MACHINE_ID"] ?? "";
const secretNames = (process.env["SANDBOX_SECRET_NAMES"] ?? "").split(",").filter((name) => name !== "");
/** Stands for any value the app cannot work with, such as a wrong password. */
const isBroken = secretNames.some((name) => process.env[name]?.startsWith("sandbox-broken") === true);
const behaviour = isBroken ? "crash" : (process.env["SANDBOX_BEHAVIOUR"] ?? "ok");
const latencyMs = Number(process.env["SANDBOX_LATENCY_MS"] ?? 0);

const log = (level: "info" | "error", message: string) => {
  process.stdout.write(`${JSON.stringify({ level, message })}\n`);
};

if (behaviour === "crash") {
  const why = isBroken ? "a secret does not work" : 'the module "./checkout" is missing';
  log("error", `${image} cannot start: ${why}`);
  process.exit(1);
}

const bucketSeconds = [0.1, 0.3, 1, 3];
/** By status code. */
const requests = new Map<number, number>();
const durations = { count: 0, sum: 0, within: bucketSeconds.map(() => 0) };
/** Asked all the time by the platform and by collectors. */
const unlogged = new Set(["/healthz", "/metrics"]);

let ending = false;
const server = createServer((request, response) => {
  const begin = performance.now();
  const path = (request.url ?? "/").split("?")[0] ?? "/";
  if (behaviour === "never") return; // takes the connection and stays silent
  request.resume();
  const reply = () => {
    const answer = answerTo(request.method ?? "GET", path);
    count(answer.status, (performance.now() - begin) / 1000);
    send(request, response, answer);
  };
  if (!unlogged.has(path)) response.once("finish", () => logRequest(request, response.statusCode, begin));
  if (latencyMs > 0) setTimeout(reply, latencyMs);
  else reply();
});

/** One structured line per request, as `log-check` wants them. */
function logRequest({ method, url, headers }: IncomingMessage, status: number, begin: number): void {
  const request_id = headers["x-request-id"] ?? randomUUID();
  const latency_ms = Math.round((performance.now() - begin) * 10) / 10;
  process.stdout.write(`${JSON.stringify({ level: "info", method, path: url, status, request_id, latency_ms })}\n`);
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

function answerTo(method: string, path: string): Answer {
  if (path === "/healthz") {
    return behaviour === "failing" ? json(500, { status: "failing" }) : json(200, { status: "ok" });
  }
  if (path === "/version") return json(200, { app, image, version });
  if (path === "/metrics") return { status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: metrics() };
  if (path.startsWith("/webhooks/")) {
    return method === "POST" ? json(401, { error: "missing signature" }) : json(405, { error: "method not allowed" });
  }
  if (path === "/secrets") {
    // Names and lengths only: shows what this machine was started with without ever answering a value.
    return json(200, Object.fromEntries(secretNames.map((name) => [name, process.env[name]?.length ?? 0])));
  }
  if (path === "/") {
    const title = `${app} v${version}`;
    const body = `<!doctype html><html lang="en"><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`;
    return { status: 200, type: "text/html; charset=utf-8", body };
  }
  if (path === "/debug" && behaviour === "exposed") return json(200, { env: Object.keys(process.env) });
  return json(404, { error: "not found" });
}

function count(status: number, seconds: number): void {
  requests.set(status, (requests.get(status) ?? 0) + 1);
  durations.count += 1;
  durations.sum += seconds;
  for (const [nth, limit] of bucketSeconds.entries()) if (seconds <= limit) durations.within[nth]! += 1;
}

/** Prometheus text format 0.0.4 (prometheus.io, "Exposition formats"); buckets are cumulative. */
function metrics(): string {
  const own = `app="${app}",machine="${machine}"`;
  const buckets = [...bucketSeconds.map((limit, nth) => [limit, durations.within[nth]]), ["+Inf", durations.count]];
  return [
    "# HELP http_requests_total Requests this machine has answered.",
    "# TYPE http_requests_total counter",
    ...[...requests].map(([code, number]) => `http_requests_total{${own},code="${code}"} ${number}`),
    "# HELP http_request_duration_seconds Time until an answer was ready.",
    "# TYPE http_request_duration_seconds histogram",
    ...buckets.map(([limit, number]) => `http_request_duration_seconds_bucket{${own},le="${limit}"} ${number}`),
    `http_request_duration_seconds_sum{${own}} ${durations.sum}`,
    `http_request_duration_seconds_count{${own}} ${durations.count}`,
    "# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.",
    "# TYPE process_start_time_seconds gauge",
    `process_start_time_seconds ${startedAtSeconds}`,
    "",
  ].join("\n");
}

function json(status: number, body: unknown): Answer {
  return { status, type: "application/json", body: `${JSON.stringify(body)}\n` };
}

/** What a page on the web should carry: https://owasp.org/www-project-secure-headers/ */
const protection = {
  "content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'self'; object-src 'none'",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "strict-origin-when-cross-origin",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

function send(request: IncomingMessage, response: ServerResponse, { status, type, body }: Answer): void {
  if (ending) response.setHeader("connection", "close");
  if (behaviour === "exposed") response.setHeader("x-powered-by", "Shop/2.4.1");
  else {
    for (const [name, value] of Object.entries(protection)) response.setHeader(name, value);
    // Over plain HTTP it must not be sent: https://www.rfc-editor.org/rfc/rfc6797#section-7.2
    if (request.headers["x-forwarded-proto"] === "https")
      response.setHeader("strict-transport-security", "max-age=31536000; includeSubDomains");
  }
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

const startedAtSeconds = Math.floor(Date.now() / 1000);

function end(): void {
  ending = true;
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  // Requests under way may finish, but nothing keeps a machine from stopping.
  setTimeout(() => process.exit(0), latencyMs + 500).unref();
}

process.on("disconnect", () => process.exit(0));
process.on("SIGINT", end);
process.on("SIGTERM", end);
process.on("SIGHUP", () => {});
process.stdout.on("error", () => process.exit(0));

server.listen(0, "127.0.0.1", () => {
  const port = (server.address() as AddressInfo).port;
  log("info", `listening on port ${port} (${image})`);
  process.send?.({ port });
});
