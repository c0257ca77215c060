/**
 * The stand-in against the vendor's description of the Machines API, both ways: what our `fly` asks must be what the
 * API takes, and what the control API answers must be what a client may expect. Objects are closed here, so that
 * neither side may invent a key; the few known differences are a list with their reasons.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cloud } from "../../sandbox/cloud.ts";
import { machineRoutes } from "../../sandbox/machines-api.ts";
import { finished, SandboxRig } from "./rig.ts";

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema?: object;
}
interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly responses: Readonly<Record<string, { readonly schema?: object }>>;
}
interface Contract {
  readonly basePath: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly definitions: Readonly<Record<string, object>>;
}
interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly sent: unknown;
  readonly status: number;
  readonly answered: unknown;
}

const contract = JSON.parse(
  readFileSync(join(import.meta.dirname, "fixtures/fly-machines-v1.swagger2.json"), "utf8"),
) as Contract;

/** Keys the description does not have, and who has them. */
const newerKeys: Readonly<Record<string, readonly string[]>> = {
  // fly-go machine_types.go: Machine.
  Machine: ["host_status", "cordoned"],
  // Ours: whose lease it is, so that the one of a dead client is void at once (sandbox/README.md).
  CreateLeaseRequest: ["client"],
};
/** Refusals any route may give; their body is `ErrorResponse`. 408 to 412 are flaps' own, met by flyctl. */
const refusals = new Set([400, 401, 404, 408, 409, 412, 422, 429]);
/** `{status, data}` around the lease is what flaps really sends (fly-go machine_types.go: MachineLease). */
const wrapped = new Set([
  "get /apps/{app_name}/machines/{machine_id}/lease",
  "post /apps/{app_name}/machines/{machine_id}/lease",
]);

const ajv = new Ajv({ strict: false, validateSchema: false, allErrors: true }); // the vendor's file repeats values in an enum
ajv.addSchema({ $id: "contract", definitions: closedDefinitions() });

/** Every object with named properties takes no others. */
function closedDefinitions(): Record<string, unknown> {
  const close = (schema: unknown, more: readonly string[] = []): unknown => {
    if (Array.isArray(schema)) return schema.map((each) => close(each));
    if (typeof schema !== "object" || schema === null) return schema;
    const closed = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, close(value)]));
    if (typeof closed["properties"] !== "object" || "additionalProperties" in closed) return closed;
    const extra = Object.fromEntries(more.map((key) => [key, {}]));
    return { ...closed, properties: { ...(closed["properties"] as object), ...extra }, additionalProperties: false };
  };
  return Object.fromEntries(
    Object.entries(contract.definitions).map(([name, schema]) => [name, close(schema, newerKeys[name])]),
  );
}

function validator(schema: object): ValidateFunction {
  return ajv.compile(
    JSON.parse(JSON.stringify(schema).replaceAll('"#/definitions/', '"contract#/definitions/')) as object,
  );
}

const operations = Object.entries(contract.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    name: `${method} ${path}`,
    method: method.toUpperCase(),
    pattern: new RegExp(`^${contract.basePath}${path.replace(/\{[^}]+\}/g, "[^/]+")}$`),
    sample: `${contract.basePath}${path.replace(/\{[^}]+\}/g, "abc")}`,
    operation,
  })),
);
type Described = (typeof operations)[number];

function describedAs(method: string, path: string): Described | undefined {
  return operations.find((each) => each.method === method && each.pattern.test(path));
}

/** What the description has against an exchange; empty = nothing. */
function problemsOf({ method, url, sent, status, answered }: Exchange): string[] {
  const { pathname, searchParams } = new URL(url, "http://sandbox");
  const found = describedAs(method, pathname);
  if (found === undefined) return [`${method} ${pathname} is not described`];
  const { parameters = [], responses } = found.operation;
  const problems: string[] = [];
  const check = (what: string, schema: object, value: unknown) => {
    const validate = validator(schema);
    if (!validate(value)) problems.push(`${what}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)}`);
  };
  const queries = new Set(parameters.filter((each) => each.in === "query").map((each) => each.name));
  for (const name of searchParams.keys()) if (!queries.has(name)) problems.push(`query ${name} is not described`);
  const body = parameters.find((each) => each.in === "body")?.schema;
  if (body === undefined && sent !== undefined) problems.push("no body is described");
  // A body that may be left out is described as one all the same.
  if (body !== undefined && sent !== undefined) check("request", body, sent);
  const response = responses[String(status)];
  if (response === undefined && !refusals.has(status)) problems.push(`status ${status} is not described`);
  if (refusals.has(status)) check("refusal", { $ref: "#/definitions/ErrorResponse" }, answered);
  else if (response?.schema !== undefined && Object.keys(response.schema).length > 0) {
    const value = wrapped.has(found.name) ? (answered as { data?: unknown }).data : answered;
    check("answer", response.schema, value);
  }
  return problems.map((problem) => `${found.name} ${status}: ${problem}`);
}

const rig = new SandboxRig();
const exchanges: Exchange[] = [];
let recorder: Server;

beforeAll(async () => {
  await (await rig.build()).start();
  recorder = await recording(rig.info.api);
  // A folder of a sandbox whose API is the recorder.
  const { port } = recorder.address() as AddressInfo;
  writeFileSync(join(rig.dir, "ports.json"), JSON.stringify({ api: port, apps: {} }));
});
afterAll(async () => {
  recorder?.closeAllConnections();
  recorder?.close();
  await rig.end();
});

/** Passes everything on and keeps what was said on `/v1/`. */
async function recording(api: string): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part));
    incoming.on("end", () => {
      const sent = Buffer.concat(parts);
      const { method = "GET", url = "/", headers } = incoming;
      const upstream = request(`${api}${url}`, { method, headers, agent: false }, (answer) => {
        const answered: Buffer[] = [];
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.on("data", (part: Buffer) => {
          answered.push(part);
          outgoing.write(part);
        });
        answer.on("end", () => {
          // Kept before the client can go on: what follows this exchange is seen after it.
          if (url.startsWith("/v1/")) {
            const text = (bytes: Buffer) =>
              bytes.length === 0 ? undefined : (JSON.parse(bytes.toString()) as unknown);
            const status = answer.statusCode ?? 0;
            exchanges.push({ method, url, sent: text(sent), status, answered: text(Buffer.concat(answered)) });
          }
          outgoing.end();
        });
      });
      upstream.end(sent);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** `fly` of this sandbox, seen by the recorder. */
async function fly(...args: string[]) {
  const { spawn } = await import("node:child_process");
  const child = spawn(process.execPath, [join(rig.distDir, "sandbox-fly.cjs"), ...args, "-a", "shop"], {
    cwd: rig.dir,
    env: { RUNBOOK_SANDBOX_DIR: rig.dir, FLY_API_TOKEN: rig.info.secrets["FLY_API_TOKEN"] ?? "" },
  });
  child.stdin?.end("NAME=value\n");
  return await finished(child);
}

async function ask(method: string, path: string, body?: unknown, nonce = ""): Promise<unknown> {
  const { port } = recorder.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${rig.info.secrets["FLY_API_TOKEN"]}`,
      connection: "close",
      ...(nonce === "" ? {} : { "fly-machine-lease-nonce": nonce }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return await answer.json();
}

const machineIds = async () => ((await ask("GET", "/apps/shop/machines")) as { id: string }[]).map(({ id }) => id);
const problems = () => exchanges.flatMap(problemsOf);

describe("the check itself", () => {
  const good: Exchange = {
    method: "POST",
    url: "/v1/apps/shop/machines/1/stop",
    sent: undefined,
    status: 200,
    answered: { ok: true },
  };
  test.each<[string, Partial<Exchange>, RegExp]>([
    ["a route that is not described", { url: "/v1/apps/shop/machines/1/halt" }, /is not described/],
    ["a query that is not", { url: "/v1/apps/shop/machines/1/stop?now=1" }, /query now/],
    ["a key of a request that is not", { sent: { signal: "SIGINT", force: true } }, /additional properties/],
    [
      "a value of a request that is not",
      { url: "/v1/apps/shop/machines/1/signal", sent: { signal: "SIGUSR2" } },
      /allowed values/,
    ],
    ["a status that is not", { status: 204 }, /status 204/],
    ["a refusal of another shape", { status: 404, answered: { message: "no" } }, /additional properties/],
    [
      "an answer of another shape",
      { method: "GET", url: "/v1/apps/shop/machines", answered: [{ id: 1 }] },
      /must be string/,
    ],
    [
      "a key of an answer that is not",
      { method: "GET", url: "/v1/apps/shop/machines", answered: [{ ID: "1" }] },
      /additional properties/,
    ],
  ])("finds %s", (_, over, what) => {
    expect(problemsOf({ ...good, ...over }).join("\n")).toMatch(what);
  });

  test("has nothing against what is described", () => {
    expect(problemsOf(good)).toEqual([]);
  });
});

test("every request our fly makes, and every answer to it, is as described", async () => {
  const image = (tag: string) => `registry.fly.io/shop:${tag}`;
  const commands: string[][] = [
    ["status", "--json"],
    ["releases", "--json"],
    ["checks", "list", "--json"],
    ["machine", "list", "--json"],
    ["logs", "--no-tail", "--json"],
    ["secrets", "import", "--stage"],
    ["secrets", "list", "--json"],
    ["secrets", "deploy"],
    ["volumes", "list", "--json"],
    ["deploy", "--image", image("deploy-09"), "--strategy", "rolling"],
    ["deploy", "--image", image("deploy-06"), "--strategy", "canary"],
    ["deploy", "--image", image("deploy-05"), "--strategy", "bluegreen"],
    ["deploy", "--image", image("deploy-09"), "--strategy", "immediate"],
  ];
  for (const command of commands) expect(await fly(...command), command.join(" ")).toMatchObject({ code: 0 });
  const [first = ""] = await machineIds();
  for (const verb of ["cordon", "uncordon", "restart", "stop", "start", "kill"])
    expect(await fly("machine", verb, first), verb).toMatchObject({ code: 0 });
  const [volume] = (await ask("GET", "/apps/shop/volumes")) as { id: string }[];
  for (const verb of ["create", "list"])
    expect(await fly("volumes", "snapshots", verb, volume?.id ?? ""), verb).toMatchObject({ code: 0 });
  // And the ways it is refused.
  expect((await fly("machine", "stop", "0123456789abcd")).code).toBe(1);
  expect((await fly("deploy", "--image", image("deploy-crash"), "--wait-timeout", "3s")).code).toBe(1);
  expect((await fly("status", "-t", "wrong")).code).toBe(1);
  expect(exchanges.length).toBeGreaterThan(50);
  expect(exchanges.map(({ status }) => status)).toEqual(expect.arrayContaining([200, 401, 404]));
  expect(problems()).toEqual([]);
});

test("every route the control API serves is described, and answers as described", async () => {
  const served = machineRoutes({} as Cloud).flatMap(([method, pattern]) => {
    const fitting = operations.filter((each) => each.method === method && pattern.test(each.sample));
    expect(fitting.length, `${method} ${pattern} is not described`).toBeGreaterThan(0);
    return fitting.map(({ name }) => name);
  });
  const app = "/apps/shop";
  const config = { image: "registry.fly.io/shop:deploy-05", metadata: { fly_release_version: "99" } };
  await ask("GET", "/apps");
  await ask("GET", app);
  const { id } = (await ask("POST", `${app}/machines`, { config, skip_service_registration: true })) as { id: string };
  const one = `${app}/machines/${id}`;
  const { data } = (await ask("POST", `${one}/lease`, { ttl: 30, description: "a test" })) as {
    data: { nonce: string };
  };
  await ask("POST", `${one}/stop`); // refused: another one's lease
  await ask("GET", `${one}/lease`);
  await ask("POST", one, { config }, data.nonce);
  await ask("DELETE", `${one}/lease`, undefined, data.nonce);
  for (const path of ["", "/events", "/metadata", "/wait?state=started&timeout=5"]) await ask("GET", `${one}${path}`);
  await ask("GET", `${one}/wait?state=stopped&timeout=0.01`); // 408
  await ask("DELETE", one); // refused: it is started
  for (const verb of ["cordon", "uncordon", "stop", "start", "restart"]) await ask("POST", `${one}/${verb}`);
  await ask("POST", `${one}/signal`, { signal: "SIGKILL" });
  await ask("DELETE", `${one}?force=true`);
  const [volume] = (await ask("GET", `${app}/volumes`)) as { id: string }[];
  for (const path of ["", "/snapshots"]) await ask("GET", `${app}/volumes/${volume?.id}${path}`);
  await ask("POST", `${app}/volumes/${volume?.id}/snapshots`);
  await ask("GET", `${app}/volumes/vol_1`);

  const answered = new Set(
    exchanges
      .filter(({ status }) => status === 200)
      .map(({ method, url }) => describedAs(method, new URL(url, "http://sandbox").pathname)?.name),
  );
  expect([...new Set(served)].filter((name) => !answered.has(name))).toEqual([]);
  expect(exchanges.map(({ status }) => status)).toEqual(expect.arrayContaining([408, 409, 412]));
  expect(problems()).toEqual([]);
});
