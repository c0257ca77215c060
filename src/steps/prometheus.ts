/** Asks Prometheus one instant query. No series is no answer, and no answer is a failure unless the author says otherwise. */
import { requestHeaders } from "./headers.ts";
import { closed, decimal, listOf, nullable, result, row, text, textMap, truth } from "./schema.ts";
import { defineStepType, type HttpResponse, StepFailure, type StepHost } from "./step-type.ts";
import { requestUrl } from "./url.ts";
import { askWithin, notFrom, objectOf, refusedBy } from "./vendor-answer.ts";

interface PrometheusSpec {
  readonly url: string;
  readonly query: string;
  readonly time?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly allowEmpty?: boolean;
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since 1970. */
  readonly time: number;
  readonly value: string;
  /** Null for `NaN`, `+Inf` and `-Inf`, which JSON has no number for. */
  readonly number: number | null;
}

interface PrometheusResult {
  readonly kind: string;
  readonly value: string;
  readonly number: number | null;
  readonly samples: readonly Sample[];
  readonly warnings: readonly string[];
}

/** Longer queries go in the body; GET is kept for the others, because proxies often let nothing else pass. */
const longestQueryInUrl = 2_000;

export const prometheus = defineStepType<PrometheusSpec, PrometheusResult>({
  type: "prometheus",
  summary: "Asks Prometheus one instant query. A result without any series fails unless `allowEmpty` is true.",
  docs: "https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries",
  effects: "read",
  timeoutMs: 30_000,
  input: closed(
    {
      url: text("Base URL of the server, without `/api/v1`.", { minLength: 1 }),
      query: text("PromQL. Aggregate to one series when `number` is wanted.", { minLength: 1 }),
      time: text("Moment to evaluate at: RFC 3339 or seconds since 1970. Default now."),
      headers: textMap("Request headers, such as `authorization` from a secret."),
      allowEmpty: truth("No series is an answer too, for queries that list what is wrong. Default false."),
    },
    ["url", "query"],
  ),
  examples: [
    { url: "https://prometheus.example", query: 'sum(rate(http_requests_total{code=~"5.."}[5m]))' },
    {
      url: "https://prometheus.example",
      query: 'ALERTS{alertstate="firing"}',
      time: "2026-11-26T09:00:00Z",
      headers: { authorization: "Bearer ${{ secrets.PROMETHEUS_TOKEN }}" },
      allowEmpty: true,
    },
  ],
  result: result({
    kind: text("Type of the result: `vector`, `scalar`, `matrix` or `string`."),
    value: text("The value as Prometheus writes it, also `NaN` and `+Inf`; empty unless there is exactly one."),
    number: nullable(decimal("The same as a number; null for `NaN`, the infinities, and unless there is exactly one.")),
    samples: listOf(
      row({
        labels: textMap("Labels of the series; empty for scalars."),
        time: decimal("Seconds since 1970."),
        value: text("As Prometheus writes it."),
        number: nullable(decimal("As a number; null for `NaN` and the infinities.")),
      }),
      "Every sample, series by series.",
    ),
    warnings: listOf({ type: "string" }, "What Prometheus warns of, such as a part of the data that is missing."),
  }),
  secretFields: ["headers.*"],
  action: (spec) => ({
    text: `ask Prometheus ${spec.url}: ${spec.query.trim().replaceAll(/\s+/g, " ")}`,
    argv: null,
  }),
  async run(spec, host) {
    const answer = await ask(spec, host);
    const body = objectOf(answer);
    if (body?.["status"] === "error") throw queryFailure(spec, answer, body, host.clock.now());
    if (answer.status !== 200) throw refusedBy("Prometheus", answer, host.clock.now(), "prometheus-refused");
    const found = readResult(body);
    if (found === null) throw notFrom("Prometheus", answer);
    if (found.samples.length > 0 || spec.allowEmpty === true) return found;
    throw new StepFailure(
      "failed",
      "no-series",
      `Prometheus has no series for ${spec.query.trim()}: nothing is measured, which is not the same as nothing is wrong. Check the names and labels, and that the target is scraped.`,
      { facts: { query: spec.query }, result: found },
    );
  },
});

async function ask(spec: PrometheusSpec, host: StepHost): Promise<HttpResponse> {
  const base = spec.url.replace(/\/+$/, "");
  const parameters = { query: spec.query, time: spec.time ?? null };
  const headers = { accept: "application/json", ...requestHeaders(spec.headers) };
  if (spec.query.length <= longestQueryInUrl) {
    const url = requestUrl(`${base}/api/v1/query`, parameters);
    return await askWithin(host, "Prometheus", { method: "GET", url, headers });
  }
  const form = new URLSearchParams({ query: spec.query, ...(spec.time === undefined ? {} : { time: spec.time }) });
  return await askWithin(host, "Prometheus", {
    method: "POST",
    url: requestUrl(`${base}/api/v1/query`),
    headers: { ...headers, "content-type": "application/x-www-form-urlencoded" },
    body: form.toString(),
    effects: "read",
  });
}

/** 400 wrong query, 422 it cannot be computed, 503 it took too long or was cut off. */
function queryFailure(
  { query }: PrometheusSpec,
  answer: HttpResponse,
  body: Readonly<Record<string, unknown>>,
  now: Date,
): StepFailure {
  const type = String(body["errorType"] ?? "error");
  const said = String(body["error"] ?? "");
  const isTransient = answer.status === 429 || answer.status >= 500;
  const retryAfterMs = isTransient ? (refusedBy("", answer, now).facts["retryAfterMs"] ?? null) : null;
  return new StepFailure(
    isTransient ? "transient" : "failed",
    type.replaceAll("_", "-"),
    `Prometheus answered ${answer.status} ${type} to ${query.trim()}: ${said}.`,
    { facts: { status: answer.status, errorType: type, error: said, retryAfterMs } },
  );
}

/** Null = not what the API answers. */
function readResult(body: Readonly<Record<string, unknown>> | null): PrometheusResult | null {
  const data = body?.["status"] === "success" ? body["data"] : null;
  if (typeof data !== "object" || data === null) return null;
  const { resultType: kind, result: found } = data as { resultType?: unknown; result?: unknown };
  const samples = samplesOf(kind, found);
  if (samples === null) return null;
  const warnings = [body?.["warnings"], body?.["infos"]].flatMap((list) =>
    Array.isArray(list) ? list.map(String) : [],
  );
  const only = samples.length === 1 ? samples[0] : undefined;
  return { kind: String(kind), value: only?.value ?? "", number: only?.number ?? null, samples, warnings };
}

function samplesOf(kind: unknown, found: unknown): Sample[] | null {
  if (!Array.isArray(found)) return null;
  switch (kind) {
    case "scalar":
    case "string":
      return all([sampleOf({}, found)]);
    case "vector":
      return all(found.map((series) => sampleOf(labelsOf(series), memberOf(series, "value"))));
    case "matrix":
      return all(
        found.flatMap((series) => {
          const values = memberOf(series, "values");
          return Array.isArray(values) ? values.map((pair) => sampleOf(labelsOf(series), pair)) : [null];
        }),
      );
    default:
      return null;
  }
}

function all(samples: readonly (Sample | null)[]): Sample[] | null {
  const good = samples.filter((sample) => sample !== null);
  return good.length === samples.length ? good : null;
}

function memberOf(series: unknown, name: string): unknown {
  return typeof series === "object" && series !== null ? (series as Record<string, unknown>)[name] : undefined;
}

function labelsOf(series: unknown): Record<string, string> {
  const metric = memberOf(series, "metric");
  return typeof metric === "object" && metric !== null
    ? Object.fromEntries(Object.entries(metric).map(([name, value]) => [name, String(value)]))
    : {};
}

/** Null = no pair of a time and a text. A native histogram has none either: aggregate it by `histogram_quantile`. */
function sampleOf(labels: Readonly<Record<string, string>>, pair: unknown): Sample | null {
  if (!Array.isArray(pair) || typeof pair[0] !== "number" || typeof pair[1] !== "string") return null;
  const [time, value] = pair as [number, string];
  const number = Number(value);
  return { labels, time, value, number: value.trim() !== "" && Number.isFinite(number) ? number : null };
}
