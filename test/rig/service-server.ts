/** A stand-in of the sandbox in this process, on a free loopback port or a Unix socket, each exchange held against the contract. */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Service } from "../../sandbox/services/service.ts";
import type { Contract, Exchanged } from "./contract.ts";

export interface ServiceServer {
  readonly url: string;
  /** Put it into a state. */
  state: string;
  /** The next answers are of these states, one by one; then `state` again. */
  readonly next: string[];
  data: unknown;
  /** Asked before the service is: true = it has dealt with the response. Such an exchange is not kept. */
  fault: ((asked: Asked, response: ServerResponse) => boolean) | null;
  readonly secrets: Readonly<Record<string, string>>;
  readonly exchanges: readonly Exchanged[];
  /** What was not as the vendor documents it. */
  readonly problems: readonly string[];
  close(): Promise<void>;
}

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly body: string;
}

export async function serviceServer(
  service: Service,
  contract: Contract | null,
  { socket, secret }: { readonly socket?: string; readonly secret?: string } = {},
): Promise<ServiceServer> {
  const exchanges: Exchanged[] = [];
  const problems: string[] = [];
  const secrets = Object.fromEntries(
    service.secrets.map((name) => [name, secret ?? `dummy-${name.toLowerCase()}-4f1c9a7e`]),
  );
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", async () => {
      const asked = { method: request.method ?? "GET", url: request.url ?? "/", body: String(Buffer.concat(chunks)) };
      if (running.fault?.(asked, response) === true) return;
      const url = new URL(request.url ?? "/", base());
      const kept = {
        method: request.method ?? "GET",
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body: Buffer.concat(chunks).toString("utf8"),
        home: "",
        apps: {},
        base: base(),
        state: running.next.shift() ?? running.state,
        secrets,
        data: running.data,
      };
      const { status, headers, body } = await service.answer(kept);
      running.data = kept.data;
      const text = status === 204 ? "" : typeof body === "string" ? body : JSON.stringify(body);
      const exchanged = {
        method: kept.method,
        url: request.url ?? "/",
        requestBody: kept.body,
        status,
        responseBody: text,
      };
      exchanges.push(exchanged);
      problems.push(...(contract?.problems(exchanged) ?? []));
      const type = typeof body === "string" ? "text/plain" : "application/json";
      response.writeHead(status, { "content-type": type, ...headers });
      response.end(text);
    });
  });
  const base = () => {
    const address = server.address();
    return typeof address === "string" || address === null
      ? "http://api.github.com"
      : `http://127.0.0.1:${(address as AddressInfo).port}`;
  };
  await new Promise<void>((resolve) =>
    socket === undefined ? server.listen(0, "127.0.0.1", resolve) : server.listen(socket, resolve),
  );
  const running = {
    url: base(),
    state: service.states[0],
    next: [] as string[],
    fault: null as ServiceServer["fault"],
    data: structuredClone(service.data ?? null),
    secrets,
    exchanges,
    problems,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return running;
}
