import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { prometheus } from "../../../src/steps/prometheus.ts";
import { type Answer, type LoopbackServer, loopbackServer } from "../../rig/loopback-server.ts";
import { describeWith, type RealServer, startPrometheus } from "../../rig/monitoring.ts";
import { failureOf, rigHost, runStep, schemaErrors } from "../../rig/step-host.ts";

/** Two hours of two counters and a gauge that is not a number, every minute. */
function history(): string {
  const end = Math.floor(Date.now() / 60_000) * 60;
  const rows = (line: (nth: number) => string) =>
    Array.from({ length: 120 }, (_, nth) => `${line(nth)} ${end - (119 - nth) * 60}`);
  return [
    "# TYPE requests counter",
    ...rows((nth) => `requests_total{app="shop",code="200"} ${nth * 60}`),
    ...rows((nth) => `requests_total{app="shop",code="500"} ${nth * 3}`),
    "# TYPE broken gauge",
    ...rows(() => "broken NaN"),
    "# EOF",
    "",
  ].join("\n");
}

describeWith(["prometheus", "promtool"], "prometheus, against a real server", () => {
  let server: RealServer;
  beforeAll(async () => {
    server = await startPrometheus("global: { scrape_interval: 1h }\n", history());
  });
  afterAll(() => server?.end());

  const ask = (query: string, more = {}) => runStep(prometheus, { url: server.url, query, ...more }, rigHost());
  const fails = (query: string) => failureOf(prometheus, { url: server.url, query }, rigHost());

  test("one series has a value and a number", async () => {
    const found = await ask('sum(increase(requests_total{code="200"}[1h])) / sum(increase(requests_total[1h]))');
    expect(found).toMatchObject({ kind: "vector", samples: [{ labels: {} }], warnings: [] });
    expect(found.number).toBeCloseTo(60 / 63, 6);
    expect(Number(found.value)).toBe(found.number);
  });

  test("several series have labels and no single number", async () => {
    const found = await ask("requests_total");
    expect(found).toMatchObject({ value: "", number: null });
    expect(found.samples.map((sample) => [sample.labels["code"], sample.number])).toEqual([
      ["200", 7140],
      ["500", 357],
    ]);
  });

  test("scalars, texts and ranges are read too", async () => {
    expect(await ask("vector(1) + 1")).toMatchObject({ kind: "vector", number: 2 });
    expect(await ask("2 * 21")).toMatchObject({ kind: "scalar", value: "42", number: 42 });
    expect(await ask('"hello"')).toMatchObject({ kind: "string", value: "hello", number: null });
    const range = await ask('requests_total{code="500"}[5m]');
    expect(range.kind).toBe("matrix");
    expect(range.samples.length).toBeGreaterThanOrEqual(4);
    expect(range.number).toBeNull();
  });

  test("what is no number stays a text: a check of the number cannot pass by accident", async () => {
    expect(await ask("broken")).toMatchObject({ value: "NaN", number: null });
    expect(await ask("1 / vector(0)")).toMatchObject({ value: "+Inf", number: null });
    expect(await ask("vector(-1) / 0")).toMatchObject({ value: "-Inf", number: null });
  });

  test("no series is a failure, unless it is asked for", async () => {
    const failure = await fails('sum(requests_total{app="nothing"})');
    expect(failure).toMatchObject({ class: "failed", reason: "no-series" });
    expect(await ask('requests_total{app="nothing"}', { allowEmpty: true })).toMatchObject({
      samples: [],
      number: null,
    });
  });

  test("a wrong query fails at once, with Prometheus' own words", async () => {
    const failure = await fails("sum(requests_total");
    expect(failure).toMatchObject({ class: "failed", reason: "bad-data", facts: { status: 400 } });
    expect(failure.message).toContain("parse error");
  });

  test("a query that cannot be computed fails", async () => {
    expect(await fails("requests_total * on(app) requests_total")).toMatchObject({
      class: "failed",
      reason: "execution",
      facts: { status: 422 },
    });
  });

  test("asks about another moment", async () => {
    const tenYearsAgo = "2016-01-01T00:00:00Z";
    const failure = await failureOf(
      prometheus,
      { url: server.url, query: "requests_total", time: tenYearsAgo },
      rigHost(),
    );
    expect(failure.reason).toBe("no-series");
  });

  test("a long query goes in the body", async () => {
    const long = `sum(requests_total{code=~"${"x|".repeat(2000)}200"})`;
    expect(await ask(long)).toMatchObject({ number: 7140 });
  });
});

describe("prometheus, when the answer is not one", () => {
  let server: LoopbackServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });
  const failing = async (answer: Answer) => {
    server = await loopbackServer(answer);
    return await failureOf(prometheus, { url: `${server.url}/`, query: "up" }, rigHost());
  };
  const json =
    (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
    (_, response) => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(body));
    };

  test("503 may be tried again", async () => {
    const answer = json(503, { status: "error", errorType: "timeout", error: "query timed out" });
    expect(await failing(answer)).toMatchObject({ class: "transient", reason: "timeout" });
  });

  test.each([
    [{ "retry-after": "7" }, 7_000],
    [{}, null],
  ])("429 says when, if it was told: %j", async (headers, retryAfterMs) => {
    const answer = json(429, { message: "slow down" }, headers as Record<string, string>);
    expect(await failing(answer)).toMatchObject({ class: "transient", facts: { status: 429, retryAfterMs } });
  });

  test("HTML with 200 is no answer", async () => {
    const failure = await failing((_, response) => {
      response.writeHead(200, { "content-type": "text/html" });
      response.end("<html>Log in</html>");
    });
    expect(failure).toMatchObject({ class: "failed", reason: "answer-not-understood" });
    expect(failure.message).toContain("Log in");
  });

  test("a native histogram is not read as something else", async () => {
    const result = [{ metric: {}, histogram: [1, { count: "1", sum: "2", buckets: [] }] }];
    expect(await failing(json(200, { status: "success", data: { resultType: "vector", result } }))).toMatchObject({
      reason: "answer-not-understood",
    });
  });

  test("warnings stay visible", async () => {
    const data = { resultType: "vector", result: [{ metric: { job: "a" }, value: [1, "1"] }] };
    server = await loopbackServer(
      json(200, { status: "success", data, warnings: ["store is down"], infos: ["rate of a gauge"] }),
    );
    const found = await runStep(
      prometheus,
      { url: server.url, query: "up", headers: { authorization: "Bearer x" } },
      rigHost(),
    );
    expect(found.warnings).toEqual(["store is down", "rate of a gauge"]);
    expect(server.received[0]?.headers["authorization"]).toBe("Bearer x");
    expect(prometheus.secretFields).toEqual(["headers.*"]);
  });

  test("its schema wants a query", () => {
    expect(schemaErrors(prometheus.input, { url: "http://x", query: "" })).not.toEqual([]);
    expect(schemaErrors(prometheus.input, { query: "up" })).not.toEqual([]);
  });
});
