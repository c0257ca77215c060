// The program every sandbox "image" stands for: a small shop service. It imports nothing of the platform, so that its
// bundle stays tiny and starts fast. It listens on a free loopback port, tells the platform over the IPC channel, and
// ends when that channel closes: an app never outlives its platform, whatever killed it.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const app = process.env["FLY_APP_NAME"] ?? "";
const image = process.env["FLY_IMAGE_REF"] ?? "";
const version = Number(process.env["FLY_RELEASE_VERSION"] ?? 0);
const machine = process.env["FLY_MACHINE_ID"] ?? "";
const behaviour = process.env["SANDBOX_BEHAVIOUR"] ?? "ok";
const latencyMs = Number(process.env["SANDBOX_LATENCY_MS"] ?? 0);

const log = (level: "info" | "error", message: string) => {
  process.stdout.write(`${JSON.stringify({ level, message })}\n`);
};

if (behaviour === "crash") {
  log("error", `${image} cannot start: the module "./checkout" is missing`);
  process.exit(1);
}

let requests = 0;
const server = createServer((request, response) => {
  requests += 1;
  const path = (request.url ?? "/").split("?")[0] ?? "/";
  if (behaviour === "never") return; // takes the connection and stays silent
  request.resume();
  if (latencyMs > 0) setTimeout(() => answer(request.method ?? "GET", path, response), latencyMs);
  else answer(request.method ?? "GET", path, response);
});

function answer(method: string, path: string, response: ServerResponse): void {
  if (path === "/healthz") {
    const failing = behaviour === "failing";
    return json(response, failing ? 500 : 200, { status: failing ? "failing" : "ok" });
  }
  if (path === "/version") return json(response, 200, { app, image, version });
  if (path === "/metrics") {
    const text = [
      "# HELP http_requests_total Requests this machine has answered.",
      "# TYPE http_requests_total counter",
      `http_requests_total{app="${app}",machine="${machine}"} ${requests}`,
      "# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.",
      "# TYPE process_start_time_seconds gauge",
      `process_start_time_seconds ${startedAtSeconds}`,
      "",
    ].join("\n");
    return send(response, 200, "text/plain; version=0.0.4; charset=utf-8", text);
  }
  if (path.startsWith("/webhooks/")) {
    if (method !== "POST") return json(response, 405, { error: "method not allowed" });
    return json(response, 401, { error: "missing signature" });
  }
  if (path === "/") {
    const page = `<!doctype html><html lang="en"><head><title>${app}</title></head><body><h1>${app}</h1><p>Release v${version}</p></body></html>\n`;
    return send(response, 200, "text/html; charset=utf-8", page);
  }
  if (path === "/env") {
    // Names only: proves which secrets this machine was started with without ever answering a value.
    const names = (process.env["SANDBOX_SECRET_NAMES"] ?? "").split(",").filter((name) => name !== "");
    return json(response, 200, {
      names,
      lengths: Object.fromEntries(names.map((n) => [n, process.env[n]?.length ?? 0])),
    });
  }
  json(response, 404, { error: "not found" });
}

const json = (response: ServerResponse, status: number, body: unknown) =>
  send(response, status, "application/json", `${JSON.stringify(body)}\n`);

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

const startedAtSeconds = Math.floor(Date.now() / 1000);

function end(): void {
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
