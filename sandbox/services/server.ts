import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { replaceFile } from "../../src/host/durable-file.ts";
import { type SandboxService, sandboxServices } from "../../src/language/sandbox-services.ts";
import { readJson } from "../json-file.ts";
import { serviceDummies, services } from "./index.ts";
import { commonStates, type ServiceAnswer, type ServiceCall, slowMs, statesOf } from "./service.ts";

const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** What of a call comes from the request itself. */
type RequestPart = Pick<ServiceCall, "method" | "path" | "query" | "headers" | "body" | "base">;

interface Kept {
  state: string;
  data: unknown;
}

/** What of the sandbox a service may need. */
export interface Surroundings {
  readonly dir: string;
  /** Public URLs of the apps, by name. */
  readonly apps: () => Readonly<Record<string, string>>;
}

/** The stand-ins of one sandbox, with what they keep in one file (0600). */
export class Services {
  readonly #path: string;
  readonly #flyApiToken: string;
  readonly #surroundings: Surroundings;
  readonly #kept: Record<string, Kept>;

  constructor(path: string, flyApiToken: string, surroundings: Surroundings) {
    this.#path = path;
    this.#surroundings = surroundings;
    this.#flyApiToken = flyApiToken;
    const kept = readJson<Record<string, Kept>>(path) ?? {};
    this.#kept = Object.fromEntries(sandboxServices.map((name) => [name, kept[name] ?? fresh(name)]));
  }

  /** Name → its state and the states it can be put into. */
  list(): Record<string, { state: string; states: readonly string[] }> {
    return Object.fromEntries(
      sandboxServices.map((name) => [name, { state: this.#of(name).state, states: statesOf(services[name]) }]),
    );
  }

  /** Puts a service into a state; false when there is no such service or state. */
  setState(name: string, state: string): boolean {
    if (!isService(name) || !statesOf(services[name]).includes(state)) return false;
    this.#of(name).state = state;
    this.#save();
    return true;
  }

  /** What a service keeps, such as the messages it took; null for an unknown name. */
  data(name: string): unknown {
    return isService(name) ? this.#of(name).data : null;
  }

  /** Everything as it was at first. */
  reset(): void {
    for (const name of sandboxServices) this.#kept[name] = fresh(name);
    this.#save();
  }

  /** Adds to the list a service keeps, such as a mail. */
  add(name: SandboxService, item: unknown): void {
    const kept = this.#of(name);
    kept.data = [...(Array.isArray(kept.data) ? kept.data : []), item];
    this.#save();
  }

  /** A dummy secret of a service; empty = it has none of that name. */
  secretOf(name: SandboxService, secret: string): string {
    return serviceDummies(services[name], this.#flyApiToken)[secret] ?? "";
  }

  async answer(name: SandboxService, call: RequestPart): Promise<ServiceAnswer> {
    const kept = this.#of(name);
    const common = Object.entries(commonStates).find(([state]) => state === kept.state);
    if (common !== undefined) return common[1];
    const full: ServiceCall = {
      ...call,
      state: kept.state,
      home: join(this.#surroundings.dir, "services", name),
      apps: this.#surroundings.apps(),
      secrets: serviceDummies(services[name], this.#flyApiToken),
      data: kept.data,
    };
    const answer = await services[name].answer(full);
    if (full.data !== kept.data) {
      kept.data = full.data;
      this.#save();
    }
    return answer;
  }

  #of(name: SandboxService): Kept {
    return this.#kept[name] as Kept;
  }

  #save(): void {
    replaceFile(this.#path, `${JSON.stringify(this.#kept)}\n`);
  }

  stateOf(name: SandboxService): string {
    return this.#of(name).state;
  }
}

/** One server for all: `/NAME/…` is the service NAME. */
export function createServiceServer(all: Services): Server {
  return createServer((request, response) => {
    serve(all, request, response).catch((error: unknown) => {
      console.error(`services: ${(error as Error).stack ?? error}`);
      if (response.headersSent) response.destroy();
      else send(response, { status: 500, body: { error: (error as Error).message } });
    });
  });
}

async function serve(all: Services, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", `http://${request.headers.host ?? "sandbox"}`);
  const [, name = "", ...rest] = url.pathname.split("/");
  if (!isService(name)) return send(response, { status: 404, body: `no such service: ${name}\n` });
  const body = await readBody(request);
  const state = all.stateOf(name);
  if (state === "silent") return;
  if (state === "slow") await new Promise((resolve) => setTimeout(resolve, slowMs));
  if (state === "half") {
    response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
    response.write('{"half":');
    response.socket?.destroySoon();
    return;
  }
  send(
    response,
    await all.answer(name, {
      method: request.method ?? "GET",
      path: `/${rest.join("/")}`,
      query: url.searchParams,
      headers: request.headers,
      body,
      base: `${url.origin}/${name}`,
    }),
  );
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) throw new Error("request body is larger than 4 MiB");
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function send(response: ServerResponse, { status, headers, body }: ServiceAnswer): void {
  const isText = typeof body === "string";
  response.writeHead(status, { "content-type": isText ? "text/plain; charset=utf-8" : "application/json", ...headers });
  response.end(status === 204 || status === 304 ? undefined : isText ? body : `${JSON.stringify(body)}\n`);
}

function isService(name: string): name is SandboxService {
  return sandboxServices.some((each) => each === name);
}

function fresh(name: SandboxService): Kept {
  const { states, data = null } = services[name];
  return { state: states[0], data: structuredClone(data) };
}
