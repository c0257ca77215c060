/**
 * One session with a Model Context Protocol server over stdio or streamable HTTP: initialize, list the tools, call one
 * of them. https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle
 */
import { StepFailure } from "../../steps/step-type.ts";
import type { Json, JsonObject } from "../../util/json.ts";

export interface McpRequest {
  /** Program and arguments of a server that speaks over its standard streams. */
  readonly command?: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Endpoint of a server that speaks streamable HTTP. */
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Name the client gives of itself. */
  readonly client: { readonly name: string; readonly version: string };
  /** Tools that have to be listed. */
  readonly expect: readonly string[];
  /** Tool to call; absent = only list. */
  readonly tool?: string;
  readonly arguments?: JsonObject;
  /** True: a tool that says of itself that it changes something is not called. */
  readonly readOnly: boolean;
  readonly timeoutMs: number;
}

export interface McpAnswer {
  readonly server: { readonly name: string; readonly version: string };
  readonly tools: readonly string[];
  /** Null when no tool was called. */
  readonly call: {
    readonly content: readonly JsonObject[];
    readonly text: string;
    readonly structured: Json;
    readonly durationMs: number;
  } | null;
}

/** More pages of tools than this are a server that never stops. */
const mostPages = 100;
const longestQuoteChars = 500;

/** Throws `StepFailure`: a missing tool, a tool's own error, a server that does not speak the protocol or not at all. */
export async function mcpSession(request: McpRequest, signal: AbortSignal): Promise<McpAnswer> {
  const [{ Client }, { McpError }] = await Promise.all([
    import("@modelcontextprotocol/sdk/client/index.js"),
    import("@modelcontextprotocol/sdk/types.js"),
  ]);
  const said: Said = { last: "", retryAfter: null };
  const transport = await transportOf(request, said);
  const client = new Client(request.client, { capabilities: {} });
  const limits = () => ({ signal, timeout: request.timeoutMs, maxTotalTimeout: request.timeoutMs });
  const place = request.url ?? request.command?.[0] ?? "";
  try {
    // Its callbacks are typed as never undefined, which exactOptionalPropertyTypes tells apart.
    await client.connect(transport as Parameters<typeof client.connect>[0], limits());
    const tools = await listTools(client, limits);
    const server = client.getServerVersion();
    const known = { name: server?.name ?? "", version: server?.version ?? "" };
    const names = tools.map((tool) => tool.name);
    const wanted = [...request.expect, ...(request.tool === undefined ? [] : [request.tool])];
    const missing = wanted.filter((name) => !names.includes(name));
    if (missing.length > 0) {
      throw new StepFailure(
        "failed",
        "tool-missing",
        `${known.name || place} has no tool ${missing.join(", ")}; it lists ${names.length === 0 ? "none" : names.join(", ")}`,
        { facts: { missing, tools: names }, result: { server: known, tools: names, call: null } },
      );
    }
    if (request.tool === undefined) return { server: known, tools: names, call: null };
    const tool = tools.find((each) => each.name === request.tool);
    if (
      request.readOnly &&
      (tool?.annotations?.readOnlyHint === false || tool?.annotations?.destructiveHint === true)
    ) {
      throw new StepFailure(
        "failed",
        "tool-writes",
        `the tool ${request.tool} says of itself that it changes something, and the step says \`effects: read\``,
        { facts: { tool: request.tool, annotations: { ...tool.annotations } as JsonObject } },
      );
    }
    const begin = performance.now();
    const answer = await client.callTool({ name: request.tool, arguments: request.arguments ?? {} }, undefined, {
      ...limits(),
      onprogress: ({ progress, total, message }) =>
        process.stderr.write(`${message ?? `${progress}${total === undefined ? "" : ` of ${total}`}`}\n`),
    });
    const content = (answer.content as readonly ContentBlock[]).map(contentOf);
    const text = content.flatMap((block) => (typeof block["text"] === "string" ? [block["text"]] : [])).join("\n");
    const call = {
      content,
      text,
      structured: (answer.structuredContent ?? null) as Json,
      durationMs: performance.now() - begin,
    };
    if (answer.isError === true) {
      // Also an unknown tool and wrong arguments come back so, as a result and not as an error of the protocol.
      throw new StepFailure("failed", "tool-failed", `the tool ${request.tool} failed: ${quote(text)}`, {
        facts: { tool: request.tool },
        result: { server: known, tools: names, call } as unknown as JsonObject,
      });
    }
    return { server: known, tools: names, call };
  } catch (error) {
    if (error instanceof StepFailure) throw error;
    const code = error instanceof McpError ? error.code : null;
    throw failureOf(error, code, { place, said, aborted: signal.aborted, timeoutMs: request.timeoutMs });
  } finally {
    await endSession(transport, client);
  }
}

type Client = InstanceType<typeof import("@modelcontextprotocol/sdk/client/index.js").Client>;
type ListedTool = Awaited<ReturnType<Client["listTools"]>>["tools"][number];
type Transport = Awaited<ReturnType<typeof transportOf>>;

/** What the other side said besides the protocol. */
interface Said {
  /** Last line the server process wrote to its standard error. */
  last: string;
  /** `Retry-After` of the last 429, as it came; null = none. */
  retryAfter: string | null;
}

async function transportOf(request: McpRequest, said: Said) {
  if (request.command !== undefined) {
    const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js");
    const [command, ...args] = request.command;
    // The transport adds HOME, LOGNAME, PATH, SHELL, TERM and USER, and nothing else of this process.
    const transport = new StdioClientTransport({
      command,
      args,
      env: { ...request.env },
      stderr: "pipe",
      ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
    });
    transport.stderr?.on("data", (chunk: Buffer) => {
      process.stderr.write(chunk);
      said.last = chunk.toString("utf8").trimEnd().split("\n").at(-1) ?? said.last;
    });
    return transport;
  }
  const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
  return new StreamableHTTPClientTransport(new URL(request.url ?? ""), {
    requestInit: { headers: { ...request.headers } },
    // The transport tells the status of a refusal, not its headers.
    fetch: async (url, init) => {
      const answer = await fetch(url, init);
      said.retryAfter = answer.status === 429 ? answer.headers.get("retry-after") : null;
      return answer;
    },
  });
}

async function listTools(client: Client, limits: () => object): Promise<ListedTool[]> {
  const tools: ListedTool[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    const answer = await client.listTools(cursor === undefined ? {} : { cursor }, limits());
    tools.push(...answer.tools);
    cursor = answer.nextCursor;
    if (cursor === undefined) return tools;
  }
  throw new StepFailure("failed", "tools-endless", `the server's list of tools has more than ${mostPages} pages`);
}

/** A server over HTTP is told that its session is over; a server process is ended by its transport. */
async function endSession(transport: Transport, client: Client): Promise<void> {
  try {
    if ("terminateSession" in transport) await transport.terminateSession();
  } catch {
    // It went away first, or keeps sessions its own way.
  }
  await client.close().catch(() => {});
}

type ContentBlock = Readonly<Record<string, unknown>> & { readonly type: string };

/** Text stays; pictures and sounds become their size, because they are no evidence anybody reads in a journal. */
function contentOf(block: ContentBlock): JsonObject {
  switch (block.type) {
    case "text":
      return { type: "text", text: String(block["text"] ?? "") };
    case "image":
    case "audio": {
      const bytes = Buffer.byteLength(String(block["data"] ?? ""), "base64");
      return { type: block.type, mimeType: String(block["mimeType"] ?? ""), bytes };
    }
    case "resource": {
      const resource = (block["resource"] ?? {}) as Readonly<Record<string, unknown>>;
      const { uri, mimeType, text } = resource;
      return { type: "resource", uri: String(uri ?? ""), mimeType: String(mimeType ?? ""), text: String(text ?? "") };
    }
    default:
      return { type: block.type, uri: String(block["uri"] ?? ""), name: String(block["name"] ?? "") };
  }
}

interface Surroundings {
  readonly place: string;
  readonly said: Said;
  readonly aborted: boolean;
  readonly timeoutMs: number;
}

/** Codes of JSON-RPC and of the SDK: https://www.jsonrpc.org/specification#error_object */
const connectionClosed = -32000;
const requestTimeout = -32001;

function failureOf(error: unknown, code: number | null, around: Surroundings): StepFailure {
  const { place, said } = around;
  const { message, cause } = error as { message?: string; cause?: { code?: string } };
  const text = quote(message ?? String(error));
  if (around.aborted) return new StepFailure("timeout", "cancelled", `the session with ${place} was cancelled`);
  if (code === requestTimeout) {
    return new StepFailure("timeout", "timeout", `${place} did not answer within ${Math.round(around.timeoutMs)} ms`);
  }
  if (code === connectionClosed) {
    const last = said.last === "" ? "" : `; it said: ${quote(said.last)}`;
    return new StepFailure("failed", "server-ended", `${place} ended before it answered${last}`, { cause: error });
  }
  if (code !== null) {
    return new StepFailure("failed", "protocol-error", `${place} answered with an error: ${text}`, { facts: { code } });
  }
  const system = (error as { code?: unknown }).code ?? cause?.code;
  if (system === "ENOENT" || system === "EACCES") {
    const why = system === "ENOENT" ? "there is no such program" : "it is not executable";
    return new StepFailure("failed", "server-not-started", `${place} was not started: ${why}`, {
      facts: { code: system },
    });
  }
  if (typeof system === "number" && system >= 400) {
    // The status of an answer that was no MCP: a proxy's, or a refused key.
    const failureClass = system === 429 || system >= 500 ? "transient" : "failed";
    return new StepFailure(failureClass, "http-status", `${place} answered ${system}: ${text}`, {
      facts: { status: system, retryAfter: system === 429 ? said.retryAfter : null },
    });
  }
  if (typeof system === "string") {
    const reason = system.toLowerCase().replaceAll("_", "-");
    return new StepFailure("transient", reason, `no session with ${place}: ${text} (${system})`, {
      facts: { code: system },
    });
  }
  return new StepFailure("failed", "not-mcp", `${place} does not speak MCP: ${text}`, { cause: error });
}

function quote(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, " ");
  return line.length <= longestQuoteChars ? line : `${line.slice(0, longestQuoteChars)}…`;
}
