/** Calls a tool of a Model Context Protocol server. The tools are listed first, and a tool's own error is a failure. */
import type { Json, JsonObject } from "../util/json.ts";
import { maxTimerMs } from "../util/timer.ts";
import { jsonOrNull } from "./command-result.ts";
import { commandText } from "./command-text.ts";
import { requestHeaders } from "./headers.ts";
import { anything, closed, decimal, either, listOf, result, text, textMap } from "./schema.ts";
import { defineStepType, StepFailure, type StepHost } from "./step-type.ts";
import { requestUrl } from "./url.ts";
import { mostTries, retryAfterMsOf } from "./vendor-answer.ts";

interface McpSpec {
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, unknown>>;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly tool?: string;
  readonly arguments?: JsonObject;
  readonly expect?: readonly string[];
}

interface McpResult {
  readonly server: { readonly name: string; readonly version: string };
  readonly tools: readonly string[];
  readonly content: readonly JsonObject[];
  readonly text: string;
  readonly json: unknown;
  readonly structured: unknown;
  readonly durationMs: number;
}

/** What the session's program answers. */
interface SessionAnswer {
  readonly server: { readonly name: string; readonly version: string };
  readonly tools: readonly string[];
  readonly call: {
    readonly content: readonly JsonObject[];
    readonly text: string;
    readonly structured: Json;
    readonly durationMs: number;
  } | null;
}

/** Left to end the session and the server in order before the attempt's time is over. */
const closingMs = 3_000;

export const mcp = defineStepType<McpSpec, McpResult>({
  type: "mcp",
  summary:
    "Calls one tool of an MCP server, by its command or its URL, after listing them; without `tool` it only lists.",
  docs: "https://modelcontextprotocol.io/specification/2025-11-25/server/tools",
  effects: "read",
  effectsRequired: true,
  timeoutMs: 60_000,
  input: closed(
    {
      command: listOf({ type: "string" }, "Program and arguments of a server that speaks over its standard streams.", {
        minItems: 1,
      }),
      env: textMap(
        "Environment of that server, besides HOME, LOGNAME, PATH, SHELL, TERM and USER; secrets may stand here.",
      ),
      url: text("Endpoint of a server that speaks streamable HTTP.", { minLength: 1 }),
      headers: textMap("Request headers for it, such as `authorization` from a secret."),
      tool: text("Name of the tool to call; it must be listed.", { minLength: 1 }),
      arguments: anything("Arguments of the tool, as a map."),
      expect: listOf({ type: "string" }, "Further tools that must be listed."),
    },
    [],
    either("command", "url"),
  ),
  examples: [
    {
      command: ["npx", "@modelcontextprotocol/server-everything"],
      env: { API_TOKEN: "${{ secrets.API_TOKEN }}" },
      tool: "echo",
      arguments: { message: "ping" },
    },
    {
      url: "https://mcp.example/mcp",
      headers: { authorization: "Bearer ${{ secrets.MCP_TOKEN }}" },
      expect: ["search", "fetch"],
    },
  ],
  result: result({
    server: closed({ name: text("What the server calls itself."), version: text("Its version.") }, ["name", "version"]),
    tools: listOf({ type: "string" }, "Names of all its tools."),
    content: listOf(
      { type: "object", additionalProperties: true },
      "Blocks of the answer; pictures and sounds as their type and size.",
    ),
    text: text("The text blocks, one after another."),
    json: anything("That text read as JSON; null when it is none."),
    structured: anything("`structuredContent` of the answer; null when there is none."),
    durationMs: decimal("Milliseconds the call took; 0 when only the tools were listed."),
  }),
  secretFields: ["env.*", "headers.*"],
  action: (spec) => ({ text: `${what(spec)} at ${place(spec)}`, argv: null }),
  async run(spec, host) {
    const words = [...(spec.tool === undefined ? ["list"] : ["call", spec.tool]), place(spec)];
    for (let tried = 1; ; tried++) {
      try {
        return resultOf((await told(host.helper("mcp", words, requestOf(spec, host)))) as unknown as SessionAnswer);
      } catch (error) {
        const pauseMs = askedPauseMs(error, host);
        if (pauseMs === null || tried === mostTries || pauseMs >= host.remainingMs() - closingMs) throw error;
        host.progress(`${place(spec)} answered 429. Trying again in ${Math.ceil(pauseMs / 1_000)} s.`);
        await host.clock.sleep(pauseMs);
      }
    }
  },
});

/** How long the server asked to wait when it refused by 429, at least a second; null = it did not. */
function askedPauseMs(error: unknown, { clock }: StepHost): number | null {
  const said = error instanceof StepFailure ? error.facts["retryAfter"] : null;
  const ms = typeof said === "string" ? retryAfterMsOf(said, clock.now()) : null;
  return ms === null ? null : Math.max(1_000, ms);
}

function requestOf(spec: McpSpec, host: StepHost): JsonObject {
  const server: JsonObject =
    spec.command === undefined
      ? { url: requestUrl(spec.url ?? ""), headers: requestHeaders(spec.headers) }
      : { command: [...spec.command], env: textsOf(spec.env), cwd: host.files.workDir };
  return {
    ...server,
    client: { name: "runbook", version: "1" },
    expect: [...(spec.expect ?? [])],
    ...(spec.tool === undefined ? {} : { tool: spec.tool, arguments: spec.arguments ?? {} }),
    readOnly: host.effects === "read",
    timeoutMs: Math.min(maxTimerMs, Math.max(1, Math.round(host.remainingMs() - closingMs))),
  };
}

function textsOf(map: Readonly<Record<string, unknown>> = {}): JsonObject {
  return Object.fromEntries(
    Object.entries(map).flatMap(([name, value]) =>
      value === null || value === undefined ? [] : [[name, String(value)]],
    ),
  );
}

/** A tool that failed has an answer all the same: it stays as evidence. */
async function told(answer: Promise<Json>): Promise<Json> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof StepFailure) || error.result === null || error.result === undefined) throw error;
    const result = resultOf(error.result as SessionAnswer);
    throw new StepFailure(error.class, error.reason, error.message, { facts: error.facts, result, cause: error });
  }
}

function resultOf({ server, tools, call }: SessionAnswer): McpResult {
  return {
    server,
    tools,
    content: call?.content ?? [],
    text: call?.text ?? "",
    json: jsonOrNull(call?.text ?? ""),
    structured: call?.structured ?? null,
    durationMs: call?.durationMs ?? 0,
  };
}

function what(spec: McpSpec): string {
  if (spec.tool === undefined) return "list the MCP tools";
  const given = spec.arguments === undefined ? "" : ` ${JSON.stringify(spec.arguments)}`;
  return `call the MCP tool ${spec.tool}${given}`;
}

function place(spec: McpSpec): string {
  return spec.command === undefined ? String(spec.url ?? "") : commandText(spec.command.map(String));
}
