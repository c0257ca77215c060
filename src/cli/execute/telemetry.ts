/**
 * Sends the trace of a finished run to an OpenTelemetry collector, when one is configured
 * (https://opentelemetry.io/docs/specs/otel/protocol/exporter/). Nothing is sent otherwise, and nothing waits for long.
 */
import type { RunRecord } from "../../engine/run-record.ts";
import { exchange } from "../../host/http.ts";
import { tracesOf } from "../../report/otlp.ts";

const defaultTimeoutMs = 5_000;
const longestTimeoutMs = 30_000;

type Env = Readonly<Record<string, string | undefined>>;

/** What went wrong, in words without any header; null = it was sent, or nothing is configured. Never throws. */
export async function exportTrace(record: RunRecord, env: Env): Promise<string | null> {
  const url = endpointOf(env);
  if (url === null || env["OTEL_SDK_DISABLED"]?.toLowerCase() === "true") return null;
  const protocol = env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] || env["OTEL_EXPORTER_OTLP_PROTOCOL"] || "http/json";
  if (protocol !== "http/json") return `the trace was not sent: only http/json is spoken, not ${protocol}`;
  const asked = Number(env["OTEL_EXPORTER_OTLP_TIMEOUT"] || defaultTimeoutMs);
  const timeoutMs = Number.isFinite(asked) && asked > 0 ? Math.min(asked, longestTimeoutMs) : defaultTimeoutMs;
  try {
    const answer = await exchange(
      {
        method: "POST",
        url,
        headers: { ...headersOf(env), "content-type": "application/json" },
        body: JSON.stringify(tracesOf(record, env["TRACEPARENT"])),
        maxBodyBytes: 64 * 1024,
      },
      timeoutMs,
      new AbortController().signal,
    );
    return answer.status >= 200 && answer.status < 300
      ? null
      : `the trace was not accepted: ${withoutQuery(url)} answered ${answer.status}`;
  } catch (error) {
    return `the trace was not sent to ${withoutQuery(url)}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The endpoint of traces is taken as it is, the common one gets `/v1/traces`. */
function endpointOf(env: Env): string | null {
  const own = env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
  if (own) return own;
  const common = env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  return common ? `${common.replace(/\/+$/, "")}/v1/traces` : null;
}

/** `name=value,name=value`, percent-encoded as W3C baggage is. */
function headersOf(env: Env): Record<string, string> {
  const text = env["OTEL_EXPORTER_OTLP_TRACES_HEADERS"] || env["OTEL_EXPORTER_OTLP_HEADERS"] || "";
  const headers: Record<string, string> = {};
  for (const pair of text.split(",")) {
    const cut = pair.indexOf("=");
    const name = pair.slice(0, cut).trim().toLowerCase();
    if (cut > 0 && /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) headers[name] = decoded(pair.slice(cut + 1).trim());
  }
  return headers;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** Keys of collectors stand in queries and user parts of addresses. */
function withoutQuery(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  return parsed === null ? "an address that cannot be read" : `${parsed.origin}${parsed.pathname}`;
}
