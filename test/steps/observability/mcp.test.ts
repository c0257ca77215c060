import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { mcp } from "../../../src/steps/mcp.ts";
import type { StepHost } from "../../../src/steps/step-type.ts";
import { type Answer, type LoopbackServer, loopbackServer } from "../../rig/loopback-server.ts";
import { referenceServer, startEverything } from "../../rig/mcp-servers.ts";
import { failureOf, type RigOptions, rigHost, runStep, schemaErrors } from "../../rig/step-host.ts";
import { until } from "../../rig/until.ts";

const dir = realpathSync(mkdtempSync(join(tmpdir(), "runbook-mcp-")));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const hostOf = (options: RigOptions = {}, effects: "read" | "write" = "read"): StepHost => ({
  ...rigHost({ workDir: dir, ...options }),
  effects,
});
const everything = referenceServer("everything", "stdio");

describe("mcp over stdio", () => {
  test("lists the tools, calls one and gives its text", async () => {
    const answer = await runStep(mcp, { command: everything, tool: "echo", arguments: { message: "ü" } }, hostOf());
    expect(answer).toMatchObject({ text: "Echo: ü", json: null, structured: null });
    expect(answer.tools).toContain("get-sum");
    expect(answer.server.name).not.toBe("");
    expect(answer.content).toEqual([{ type: "text", text: "Echo: ü" }]);
  });

  test("without a tool it only lists, and names what is missing", async () => {
    const listed = await runStep(mcp, { command: everything, expect: ["echo"] }, hostOf());
    expect(listed).toMatchObject({ content: [], text: "", durationMs: 0 });
    const failure = await failureOf(mcp, { command: everything, expect: ["echo", "query_support"] }, hostOf());
    expect(failure).toMatchObject({ class: "failed", reason: "tool-missing", facts: { missing: ["query_support"] } });
    expect(failure.message).toContain("echo");
  });

  test("structured answers and pictures are told apart", async () => {
    const spec = { command: everything, tool: "get-structured-content", arguments: { location: "New York" } };
    const weather = await runStep(mcp, spec, hostOf());
    expect(weather.structured).toMatchObject({ temperature: expect.any(Number) });
    expect(weather.json).toEqual(weather.structured);
    const picture = await runStep(mcp, { command: everything, tool: "get-tiny-image" }, hostOf());
    expect(picture.content).toContainEqual({ type: "image", mimeType: "image/png", bytes: expect.any(Number) });
    expect(JSON.stringify(picture)).not.toMatch(/[A-Za-z0-9+/]{200}/);
  });

  test("the server gets a minimal environment and what it was given, nothing of ours", async () => {
    process.env["RUNBOOK_MCP_CANARY"] = "leaked";
    try {
      const spec = { command: everything, tool: "get-env", env: { SHOP_TOKEN: "given" } };
      const { json } = await runStep(mcp, spec, hostOf());
      expect(Object.keys(json as object)).toEqual(expect.arrayContaining(["PATH", "SHOP_TOKEN"]));
      const allowed = ["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "SHOP_TOKEN"];
      expect(Object.keys(json as object).filter((name) => !allowed.includes(name))).toEqual([]);
    } finally {
      delete process.env["RUNBOOK_MCP_CANARY"];
    }
  });

  test("an answer that says isError is a failure, with what it said", async () => {
    const command = referenceServer("filesystem", dir);
    const spec = { command, tool: "read_text_file", arguments: { path: "/etc/hostname" } };
    const failure = await failureOf(mcp, spec, hostOf());
    expect(failure).toMatchObject({ class: "failed", reason: "tool-failed", facts: { tool: "read_text_file" } });
    expect(failure.message).toContain("Access denied");
    expect(failure.result).toMatchObject({ text: expect.stringContaining("Access denied") });
  });

  test("so are wrong arguments", async () => {
    const spec = { command: everything, tool: "get-sum", arguments: { a: "x" } };
    expect(await failureOf(mcp, spec, hostOf())).toMatchObject({ reason: "tool-failed" });
  });

  test("a step that says it reads does not call a tool that says it writes", async () => {
    const command = referenceServer("filesystem", dir);
    const spec = { command, tool: "write_file", arguments: { path: join(dir, "made"), content: "x" } };
    expect(await failureOf(mcp, spec, hostOf())).toMatchObject({ class: "failed", reason: "tool-writes" });
    expect(existsSync(join(dir, "made"))).toBe(false);
    await runStep(mcp, spec, hostOf({}, "write"));
    expect(readFileSync(join(dir, "made"), "utf8")).toBe("x");
  });

  test("what one session wrote, the next one reads", async () => {
    const command = referenceServer("memory");
    const env = { MEMORY_FILE_PATH: join(dir, "memory.jsonl") };
    const entities = [{ name: "shop", entityType: "app", observations: ["sells cars"] }];
    await runStep(mcp, { command, env, tool: "create_entities", arguments: { entities } }, hostOf({}, "write"));
    const graph = await runStep(mcp, { command, env, tool: "read_graph" }, hostOf());
    expect(graph.structured ?? graph.json).toMatchObject({ entities: [{ name: "shop" }] });
  });

  test("a slow tool ends with the attempt", async () => {
    const tool = "trigger-long-running-operation";
    const spec = { command: everything, tool, arguments: { duration: 600, steps: 2 } };
    expect(await failureOf(mcp, spec, hostOf({ attemptMs: 3_600 }))).toMatchObject({
      class: "timeout",
      reason: "timeout",
    });
  });

  test("a cancelled one ends at once, and the server with it", async () => {
    const cancel = new AbortController();
    const pidFile = join(dir, "pid");
    const command = ["sh", "-c", 'echo $$ > "$1"; shift; exec "$@"', "sh", pidFile, ...everything];
    const spec = { command, tool: "trigger-long-running-operation", arguments: { duration: 600, steps: 600 } };
    const ended = failureOf(mcp, spec, hostOf({ signal: cancel.signal }));
    const pid = await until("the server runs", () => (existsSync(pidFile) ? Number(readFileSync(pidFile, "utf8")) : 0));
    cancel.abort();
    expect(await ended).toMatchObject({ reason: "cancelled" });
    await until("the server is gone", () => {
      try {
        process.kill(pid, 0);
        return false;
      } catch {
        return true;
      }
    });
  });

  test.each([
    ["is not there", [join(dir, "no-such-server")], "server-not-started"],
    ["ends at once", ["sh", "-c", "echo 'no license' >&2; exit 3"], "server-ended"],
  ])("a server that %s is told", async (_, command, reason) => {
    const failure = await failureOf(mcp, { command }, hostOf());
    expect(failure).toMatchObject({ class: "failed", reason });
    if (reason === "server-ended") expect(failure.message).toContain("no license");
  });
});

describe("messages", () => {
  const definitionsOf = (revision: string) =>
    JSON.parse(readFileSync(join(import.meta.dirname, `../../fixtures/contracts/mcp-${revision}.schema.json`), "utf8"));
  const validatorOf = (revision: string) => {
    const document = definitionsOf(revision);
    const isNew = document.$defs !== undefined;
    const ajv = new (isNew ? Ajv2020 : Ajv)({
      strict: false,
      formats: { uri: true, byte: true, "uri-template": true },
    });
    ajv.addSchema({ ...document, $id: "mcp", $schema: undefined });
    return (definition: string, value: unknown): string[] => {
      const validate = ajv.getSchema(`mcp#/${isNew ? "$defs" : "definitions"}/${definition}`);
      if (validate === undefined) throw new Error(`${definition} is not in ${revision}`);
      validate(value);
      return (validate.errors ?? []).map((error) => `${definition}${error.instancePath} ${error.message}`);
    };
  };

  test("requests and answers are as the published schemas have them, tools listed before one is called", async () => {
    const [asked, answered] = [join(dir, "asked"), join(dir, "answered")];
    const tapped = 'a=$1 b=$2; shift 2; tee "$a" | "$@" | tee "$b"';
    const command = ["sh", "-c", tapped, "sh", asked, answered, ...everything];
    await runStep(mcp, { command, tool: "echo", arguments: { message: "x" } }, hostOf());
    const read = (file: string) =>
      readFileSync(file, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, never>);
    const requests = read(asked);
    const answers = new Map(
      read(answered)
        .filter((each) => each["result"])
        .map((each) => [each["id"], each]),
    );
    const check = validatorOf("2025-11-25");
    const older = validatorOf("2025-06-18");
    expect(requests.map((request) => request["method"])).toEqual([
      "initialize",
      "notifications/initialized",
      "tools/list",
      "tools/call",
    ]);
    const kinds = [
      ["InitializeRequest", "InitializeResult"],
      ["InitializedNotification", null],
      ["ListToolsRequest", "ListToolsResult"],
      ["CallToolRequest", "CallToolResult"],
    ] as const;
    for (const [nth, [request, answer]] of kinds.entries()) {
      expect(check(request, requests[nth])).toEqual([]);
      expect(older(request, requests[nth])).toEqual([]);
      if (answer !== null) expect(check(answer, answers.get(requests[nth]?.["id"] as never)?.["result"])).toEqual([]);
    }
    expect(check("CallToolRequest", { method: "tools/call" })).not.toEqual([]);
  });
});

describe("mcp over streamable HTTP", () => {
  let server: Awaited<ReturnType<typeof startEverything>>;
  beforeAll(async () => {
    server = await startEverything();
  });
  afterAll(() => server?.end());

  test("calls a tool", async () => {
    const spec = { url: server.url, tool: "get-sum", arguments: { a: 19, b: 23 } };
    expect((await runStep(mcp, spec, hostOf())).text).toContain("42");
  });

  test("an unknown tool is found out by the list", async () => {
    expect(await failureOf(mcp, { url: server.url, tool: "sum" }, hostOf())).toMatchObject({ reason: "tool-missing" });
  });
});

describe("mcp, when the other side is no server of it", () => {
  let server: LoopbackServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });
  const failing = async (answer: Answer, attemptMs = 60_000) => {
    server = await loopbackServer(answer);
    const spec = { url: `${server.url}/mcp`, headers: { authorization: "Bearer s3cret" }, tool: "echo" };
    return await failureOf(mcp, spec, hostOf({ attemptMs }));
  };
  const answering =
    (status: number, type: string, body: string): Answer =>
    (_, response) => {
      response.writeHead(status, { "content-type": type });
      response.end(body);
    };

  test.each([
    [200, "text/html", "<html>Log in</html>", "failed", "not-mcp"],
    [401, "application/json", '{"error":"who are you"}', "failed", "http-status"],
    [429, "text/plain", "slow down", "transient", "http-status"],
    [502, "text/html", "<html>bad gateway</html>", "transient", "http-status"],
  ])("an answer of %i %s is judged", async (status, type, body, failureClass, reason) => {
    const failure = await failing(answering(status, type, body));
    expect(failure).toMatchObject({ class: failureClass, reason });
    expect(JSON.stringify([failure.message, failure.facts])).not.toContain("s3cret");
  });

  test("silence ends with the attempt", async () => {
    expect(await failing(() => {}, 3_300)).toMatchObject({ class: "timeout" });
  });

  test("nobody there may be tried again", async () => {
    server = await loopbackServer(() => {});
    const { url } = server;
    await server.close();
    server = undefined;
    expect(await failureOf(mcp, { url }, hostOf())).toMatchObject({ class: "transient", reason: "econnrefused" });
  });

  test("an error of the protocol is a failure", async () => {
    const failure = await failing((request, response) => {
      const { id, method } = JSON.parse(request.body || "{}");
      const result = {
        initialize: {
          protocolVersion: "2025-06-18",
          capabilities: { tools: {} },
          serverInfo: { name: "fly", version: "1" },
        },
        "tools/list": { tools: [{ name: "echo", inputSchema: { type: "object" } }] },
      }[method as string];
      if (id === undefined) return response.writeHead(202).end();
      const error = { code: -32603, message: "failed to execute command: exit status 1" };
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ jsonrpc: "2.0", id, ...(result === undefined ? { error } : { result }) }));
    });
    expect(failure).toMatchObject({ class: "failed", reason: "protocol-error", facts: { code: -32603 } });
    expect(failure.message).toContain("failed to execute command");
  });
});

test("its schema wants a command or a URL, and the plan says what is called", () => {
  const valid = (spec: object) => schemaErrors(mcp.input, spec).length === 0;
  expect([
    valid({ url: "http://x" }),
    valid({ command: ["a"] }),
    valid({}),
    valid({ url: "http://x", command: ["a"] }),
  ]).toEqual([true, true, false, false]);
  expect(mcp.effectsRequired).toBe(true);
  expect(mcp.action({ url: "http://x/mcp", tool: "echo", arguments: { a: 1 } }, { target: {} }).text).toBe(
    'call the MCP tool echo {"a":1} at http://x/mcp',
  );
  expect(mcp.action({ command: ["npx", "my server"] }, { target: {} }).text).toBe(
    "list the MCP tools at npx 'my server'",
  );
});
