import { randomUUID } from "node:crypto";
import type { Service, ServiceAnswer, ServiceCall } from "./service.ts";

const documents: Readonly<Record<string, string>> = {
  returns: "Customers may send parts back within 30 days.",
  shipping: "Orders before noon leave the same day.",
};

/**
 * The MCP server that the shop's agents ask, over streamable HTTP without sessions
 * (modelcontextprotocol.io, "Transports"); the protocol is the SDK's. It wants its key as a bearer token. States:
 * `tool-failing` answers with `isError`, `no-tools` lists none.
 */
export const mcp: Service = {
  secrets: ["MCP_API_KEY"],
  states: ["ok", "tool-failing", "no-tools"],
  async answer(call) {
    if (call.path !== "/mcp") return { status: 404, body: { error: "not found" } };
    if (call.headers.authorization !== `Bearer ${call.secrets["MCP_API_KEY"]}`)
      return { status: 401, headers: { "www-authenticate": "Bearer" }, body: { error: "invalid_token" } };
    return await speak(call);
  },
};

async function speak(call: ServiceCall): Promise<ServiceAnswer> {
  const [{ Server }, { WebStandardStreamableHTTPServerTransport }, types] = await Promise.all([
    import("@modelcontextprotocol/sdk/server/index.js"),
    import("@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js"),
    import("@modelcontextprotocol/sdk/types.js"),
  ]);
  const server = new Server({ name: "shop-knowledge", version: "1.0.0" }, { capabilities: { tools: {} } });
  server.setRequestHandler(types.ListToolsRequestSchema, () => ({ tools: call.state === "no-tools" ? [] : tools }));
  server.setRequestHandler(types.CallToolRequestSchema, ({ params }) => callTool(call.state, params));
  // Without sessions every request is whole in itself; and the answer is JSON, not a stream of events.
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport as Parameters<typeof server.connect>[0]);
  const headers = Object.entries(call.headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  const hasBody = call.method === "POST";
  const answer = await transport.handleRequest(
    new Request(`${call.base}/mcp`, { method: call.method, headers, ...(hasBody ? { body: call.body } : {}) }),
  );
  const isStream = answer.headers.get("content-type")?.startsWith("text/event-stream") === true;
  // A stream that the server would write to by itself: there is nothing to say without a session.
  if (isStream) {
    await server.close();
    return { status: 405, headers: { allow: "POST" }, body: "" };
  }
  const body = await answer.text();
  await server.close();
  return { status: answer.status, headers: Object.fromEntries(answer.headers), body };
}

const tools = [
  {
    name: "query_support",
    description: "Answers a question from the shop's documents.",
    inputSchema: {
      type: "object" as const,
      properties: { question: { type: "string" } },
      required: ["question"],
    },
    annotations: { readOnlyHint: true },
  },
  {
    name: "refresh_index",
    description: "Reads the documents again.",
    inputSchema: { type: "object" as const, properties: {} },
    annotations: { readOnlyHint: false, idempotentHint: true },
  },
];

function callTool(
  state: string,
  { name, arguments: given = {} }: { name: string; arguments?: Record<string, unknown> | undefined },
) {
  const say = (value: unknown, isError = false) => ({
    content: [{ type: "text" as const, text: typeof value === "string" ? value : JSON.stringify(value) }],
    isError,
  });
  if (state === "tool-failing") return say("the index is not loaded", true);
  if (name === "refresh_index") return say({ refreshed: Object.keys(documents).length, id: randomUUID() });
  if (name !== "query_support") return say(`MCP error -32602: Tool ${name} not found`, true);
  const question = String(given["question"] ?? "");
  if (question === "") return say("MCP error -32602: question is required", true);
  const sources = Object.keys(documents).filter((topic) => question.toLowerCase().includes(topic));
  return say({ answer: sources.map((topic) => documents[topic]).join(" "), sources });
}
