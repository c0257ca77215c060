import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { Cloud } from "./cloud.ts";
import type { Machine } from "./machine.ts";

/**
 * The public side of one app: passes each request to the next machine that is started, not cordoned and passing its
 * check (round robin). With no such machine the answer is 503 and says what the machines are doing. A request with
 * `fly-force-instance-id` goes to that machine or nowhere (https://fly.io/docs/blueprints/sticky-sessions).
 */
export function createEdge(cloud: Cloud, appName: string): Server {
  const agent = new Agent({ keepAlive: true });
  let turn = 0;
  const server = createServer((incoming, outgoing) => {
    const forced = incoming.headers["fly-force-instance-id"];
    const serving = cloud
      .machinesOf(appName)
      .filter((machine) => machine.isServing && (forced === undefined || forced === machine.data.id));
    turn += 1;
    const rotated = serving.map((_, index) => serving[(turn + index) % serving.length] as Machine);
    pass(rotated, incoming, outgoing, agent, () => unavailable(cloud, appName));
  });
  server.on("close", () => agent.destroy());
  return server;
}

function pass(
  candidates: readonly Machine[],
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  agent: Agent,
  unavailableText: () => string,
): void {
  const [machine, ...others] = candidates;
  if (machine === undefined) {
    outgoing.writeHead(503, { "content-type": "text/plain; charset=utf-8", server: "Fly/sandbox" });
    outgoing.end(unavailableText());
    return;
  }
  const upstream = request({
    host: "127.0.0.1",
    port: machine.port as number,
    method: incoming.method,
    path: incoming.url,
    headers: {
      ...incoming.headers,
      "x-forwarded-proto": "encrypted" in incoming.socket ? "https" : "http",
      "fly-region": machine.data.region,
    },
    agent,
  });
  upstream.on("response", (answer) => {
    const headers = { ...answer.headers, server: "Fly/sandbox", "fly-machine-id": machine.data.id };
    outgoing.writeHead(answer.statusCode ?? 502, headers);
    answer.pipe(outgoing);
    answer.on("error", () => outgoing.destroy());
  });
  upstream.on("error", (error) => {
    if (outgoing.headersSent) return void outgoing.destroy();
    // A machine may have been stopped while the request was on its way; a read may be asked of another one.
    const repeatable = incoming.method === "GET" || incoming.method === "HEAD";
    if (repeatable && others.length > 0) return pass(others, incoming, outgoing, agent, unavailableText);
    outgoing.writeHead(502, { "content-type": "text/plain; charset=utf-8", server: "Fly/sandbox" });
    outgoing.end(`machine ${machine.data.id} did not answer: ${error.message}\n`);
  });
  outgoing.on("close", () => {
    if (!outgoing.writableFinished) upstream.destroy();
  });
  incoming.pipe(upstream);
}

function unavailable(cloud: Cloud, appName: string): string {
  const machines = cloud.machinesOf(appName).map((machine) => {
    const check = machine.checks[0];
    const health = check === undefined ? "" : `, check ${check.name} is ${check.status}`;
    return `  ${machine.data.id}: ${machine.data.state}${machine.data.cordoned ? ", cordoned" : ""}${health}\n`;
  });
  return `no healthy machine of app "${appName}" (${machines.length} in all)\n${machines.join("")}`;
}
