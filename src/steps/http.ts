/** One HTTP request. Any status is a result; `verify` says which one is right. */
import type { Json } from "../util/json.ts";
import { jsonOrNull } from "./command-result.ts";
import { requestHeaders } from "./headers.ts";
import { anything, choice, closed, decimal, notBoth, result, text, textMap, truth, whole } from "./schema.ts";
import { defineStepType, type HttpResponse } from "./step-type.ts";
import { requestUrl, urlText } from "./url.ts";

interface HttpSpec {
  readonly method?: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, Json>>;
  readonly json?: Json;
  readonly body?: string;
  readonly followRedirects?: boolean;
  readonly caText?: string;
}

export const http = defineStepType<HttpSpec, HttpResponse & { readonly json: unknown }>({
  type: "http",
  summary: "Sends one HTTP request. Any status succeeds: say in `verify` what the answer should be.",
  docs: "https://www.rfc-editor.org/rfc/rfc9110",
  effects: "read",
  timeoutMs: 30_000,
  input: closed(
    {
      method: choice("Request method, default `GET`. Declare `effects: write` when the request changes something.", {
        GET: "Read a resource (default).",
        HEAD: "Status and headers only.",
        OPTIONS: "What the server allows.",
        POST: "Hand something over; twice may count twice.",
        PUT: "Replace a resource; twice is as once.",
        PATCH: "Change a part of a resource.",
        DELETE: "Remove a resource.",
      }),
      url: text("Full address, `http` or `https`.", { minLength: 1 }),
      headers: textMap("Request headers; the one place besides `env` where `secrets.*` may stand."),
      query: {
        type: "object",
        additionalProperties: true,
        description: "Query parameters, encoded for you; null leaves one out, a list repeats it.",
      },
      json: anything("Body, sent as JSON with its content type."),
      body: text("Body as text; set its `content-type` in `headers`."),
      followRedirects: truth(
        "Follow 3xx answers, default false: a redirect is an answer to verify. Another origin gets no headers but `accept`, `accept-language`, `content-type` and `user-agent`.",
      ),
      caText: text("PEM of the authority that signed the server's certificate, when it is one of your own."),
    },
    ["url"],
    notBoth("json", "body"),
  ),
  examples: [
    { url: "${{ target.url }}/healthz" },
    {
      method: "POST",
      url: "https://api.shop.example/orders",
      headers: { authorization: "Bearer ${{ secrets.API_TOKEN }}" },
      query: { dryRun: true },
      json: { sku: "A-1", count: 2 },
    },
    { method: "PUT", url: "https://shop.example/motd", body: "Back at 10:00.", followRedirects: true },
    { url: "https://10.0.0.8/healthz", caText: "${{ inputs.authority }}" },
  ],
  result: result({
    status: whole("Status code."),
    headers: textMap("Answer headers, names in lower case, repeated ones joined with `, `."),
    body: text("Body as text, masked."),
    json: anything("Body read as JSON, whatever its content type; null when it is none."),
    durationMs: decimal("Milliseconds from sending to the end of the body."),
  }),
  secretFields: ["headers.*"],
  action: (spec) => ({ text: `${spec.method ?? "GET"} ${urlText(spec.url, spec.query)}`, argv: null }),
  async run(spec, host) {
    const headers = headersOf(spec);
    const body = spec.json === undefined ? spec.body : JSON.stringify(spec.json);
    const answer = await host.http({
      method: spec.method ?? "GET",
      url: requestUrl(spec.url, spec.query),
      headers,
      ...(body === undefined ? {} : { body }),
      followRedirects: spec.followRedirects ?? false,
      ...(spec.caText === undefined ? {} : { caText: spec.caText }),
    });
    return {
      status: answer.status,
      headers: answer.headers,
      body: answer.body,
      json: jsonOrNull(answer.body),
      durationMs: answer.durationMs,
    };
  },
});

function headersOf(spec: HttpSpec): Record<string, string> {
  const headers = requestHeaders(spec.headers);
  if (spec.json !== undefined) headers["content-type"] ??= "application/json";
  return headers;
}
