/** Latency from outside: the same GET many times, and its percentiles. */
import { requestHeaders } from "./headers.ts";
import { closed, decimal, result, text, textMap, whole } from "./schema.ts";
import { defineStepType, type HttpRequest, StepFailure, type StepHost } from "./step-type.ts";
import { requestUrl } from "./url.ts";

interface SampleSpec {
  readonly url: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly requests?: number;
  readonly concurrency?: number;
}

interface SampleResult {
  readonly requests: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const defaultRequests = 20;

export const sample = defineStepType<SampleSpec, SampleResult>({
  type: "sample",
  summary:
    "Sends the same GET many times and returns latency percentiles of the 2xx answers; anything else is an error.",
  docs: "https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method",
  effects: "read",
  timeoutMs: 120_000,
  input: closed(
    {
      url: text("Full address, `http` or `https`.", { minLength: 1 }),
      headers: textMap(
        "Request headers, such as `fly-force-instance-id` to ask one machine; `secrets.*` may stand here.",
      ),
      requests: whole(`How many requests in all, default ${defaultRequests}.`, { minimum: 1, maximum: 100_000 }),
      concurrency: whole("How many at once, default 1: one after the other.", { minimum: 1, maximum: 256 }),
    },
    ["url"],
  ),
  examples: [
    { url: "${{ target.url }}/healthz", requests: 40 },
    {
      url: "https://shop.example/",
      requests: 200,
      concurrency: 10,
      headers: { "fly-force-instance-id": "e286de4f711e86" },
    },
  ],
  result: result({
    requests: whole("Requests sent."),
    errors: whole("Requests without a 2xx answer; they are not in the percentiles."),
    p50Ms: decimal("Median, milliseconds."),
    p95Ms: decimal("95th percentile (nearest rank), milliseconds."),
    p99Ms: decimal("99th percentile (nearest rank), milliseconds."),
    maxMs: decimal("Slowest 2xx answer, milliseconds."),
  }),
  secretFields: ["headers.*"],
  action: (spec) => ({ text: `GET ${spec.url} × ${spec.requests ?? defaultRequests}`, argv: null }),
  async run(spec, host) {
    const url = requestUrl(spec.url);
    const headers = requestHeaders(spec.headers);
    const requests = spec.requests ?? defaultRequests;
    const taken: number[] = [];
    const problems: string[] = [];
    let sent = 0;
    const worker = async () => {
      while (sent < requests) {
        sent += 1;
        await probe(host, { method: "GET", url, headers }, taken, problems);
        host.progress(`${taken.length + problems.length} of ${requests} requests`);
      }
    };
    await Promise.all(Array.from({ length: Math.min(spec.concurrency ?? 1, requests) }, worker));
    if (taken.length === 0) {
      throw new StepFailure(
        "failed",
        "no-good-answer",
        `None of ${requests} requests to ${url} got a 2xx answer; the last one: ${problems.at(-1)}.`,
        { facts: { requests, errors: problems.length } },
      );
    }
    taken.sort((a, b) => a - b);
    const at = (share: number) => taken[Math.max(0, Math.ceil(share * taken.length) - 1)]!;
    return {
      requests,
      errors: problems.length,
      p50Ms: at(0.5),
      p95Ms: at(0.95),
      p99Ms: at(0.99),
      maxMs: taken.at(-1)!,
    };
  },
});

async function probe(host: StepHost, request: HttpRequest, taken: number[], problems: string[]): Promise<void> {
  try {
    const answer = await host.http(request);
    if (answer.status >= 200 && answer.status < 300) taken.push(answer.durationMs);
    else problems.push(`status ${answer.status}`);
  } catch (error) {
    // The end of the attempt is the step's failure; one lost request is a number.
    if (host.signal.aborted || host.remainingMs() <= 0 || !(error instanceof StepFailure)) throw error;
    problems.push(error.message);
  }
}
