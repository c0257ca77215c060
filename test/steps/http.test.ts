import { afterEach, describe, expect, test } from "vitest";
import { http } from "../../src/steps/http.ts";
import { sample } from "../../src/steps/sample.ts";
import { slack } from "../../src/steps/slack.ts";
import { StepFailure } from "../../src/steps/step-type.ts";
import { type Answer, type LoopbackServer, loopbackServer } from "../rig/loopback-server.ts";
import { failureOf, rigHost, runStep, schemaErrors } from "../rig/step-host.ts";

let server: LoopbackServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function serving(answer: Answer): Promise<LoopbackServer> {
  server = await loopbackServer(answer);
  return server;
}

describe("http", () => {
  test("returns status, headers, body and JSON of any answer", async () => {
    const { url } = await serving((_, response) => {
      response.writeHead(503, { "content-type": "application/json", "X-Request-Id": "r1" });
      response.end('{"status":"starting"}');
    });
    const result = await runStep(http, { url: `${url}/healthz` }, rigHost());
    expect(result).toMatchObject({ status: 503, json: { status: "starting" }, headers: { "x-request-id": "r1" } });
    expect(result.durationMs).toBeGreaterThan(0);
  });

  test("HTML with 200 has no JSON, so that a check of it cannot pass", async () => {
    const { url } = await serving((_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end("<html><body>Welcome to the captive portal</body></html>");
    });
    expect(await runStep(http, { url }, rigHost())).toMatchObject({ status: 200, json: null });
  });

  test("sends method, query, headers and JSON", async () => {
    const { url, received } = await serving((_, response) => response.end("ok"));
    await runStep(
      http,
      {
        method: "POST",
        url: `${url}/a?x=1`,
        query: { "q q": "ü&b", n: 3, skip: null, list: ["a", "b"] },
        headers: { Authorization: "Bearer t0ken" },
        json: { a: [1, null] },
      },
      rigHost(),
    );
    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({
      method: "POST",
      url: "/a?x=1&q+q=%C3%BC%26b&n=3&list=a&list=b",
      body: '{"a":[1,null]}',
      headers: { authorization: "Bearer t0ken", "content-type": "application/json" },
    });
  });

  test("keeps the content type an author sets beside JSON", async () => {
    const { url, received } = await serving((_, response) => response.end());
    const headers = { "Content-Type": "application/vnd.api+json" };
    await runStep(http, { method: "PUT", url, headers, json: {} }, rigHost());
    expect(received[0]?.headers["content-type"]).toBe("application/vnd.api+json");
  });

  test("a redirect is an answer unless it is followed", async () => {
    const { url } = await serving((request, response) => {
      if (request.url === "/") response.writeHead(302, { location: "/next" });
      response.end("there");
    });
    expect(await runStep(http, { url }, rigHost())).toMatchObject({ status: 302, headers: { location: "/next" } });
    expect(await runStep(http, { url, followRedirects: true }, rigHost())).toMatchObject({
      status: 200,
      body: "there",
    });
  });

  test.each([
    ["no URL", "shop.example/healthz", "url-invalid"],
    ["another protocol", "file:///etc/passwd", "url-invalid"],
    ["a password in it", "https://user:hunter2@shop.example/", "url-has-credentials"],
  ])("refuses %s before anything is sent", async (_name, url, reason) => {
    const failure = await failureOf(http, { url }, rigHost());
    expect(failure).toMatchObject({ class: "fatal", reason });
    expect(failure.message).not.toContain("hunter2");
  });

  test("refuses a header with a line break without quoting its value", async () => {
    const failure = await failureOf(
      http,
      { url: "http://127.0.0.1:1", headers: { authorization: "s3cret\r\nx: y" } },
      rigHost(),
    );
    expect(failure).toMatchObject({ class: "fatal", reason: "header-invalid" });
    expect(JSON.stringify([failure.message, failure.facts])).not.toContain("s3cret");
  });

  test("its schema takes one body only, and known methods", () => {
    expect(schemaErrors(http.input, { url: "u", json: {}, body: "" })).not.toEqual([]);
    expect(schemaErrors(http.input, { url: "u", method: "get" })).not.toEqual([]);
    expect(schemaErrors(http.input, { url: "u", json: null, method: "POST" })).toEqual([]);
  });

  test("prints a plan with unknown parts as they are", () => {
    const text = http.action({ url: "‹known after deploy›/x", query: { a: "‹b›" } }, { target: {} }).text;
    expect(text).toBe("GET ‹known after deploy›/x?a=‹b›");
  });
});

describe("sample", () => {
  test("counts requests and errors; percentiles are of the good answers", async () => {
    const { url, received } = await serving((_, response, count) => {
      response.writeHead(count % 4 === 0 ? 500 : count % 4 === 1 ? 204 : 200);
      response.end();
    });
    const result = await runStep(sample, { url, requests: 40 }, rigHost());
    expect(result).toMatchObject({ requests: 40, errors: 10 });
    expect(received).toHaveLength(40);
    expect(result.p50Ms).toBeLessThanOrEqual(result.p95Ms);
    expect(result.p95Ms).toBeLessThanOrEqual(result.p99Ms);
    expect(result.p99Ms).toBeLessThanOrEqual(result.maxMs);
  });

  test("takes percentiles by nearest rank", async () => {
    let turn = 0;
    const host = { ...rigHost(), http: async () => ({ status: 200, headers: {}, body: "", durationMs: ++turn * 10 }) };
    expect(await runStep(sample, { url: "http://127.0.0.1/", requests: 20 }, host)).toEqual({
      requests: 20,
      errors: 0,
      p50Ms: 100,
      p95Ms: 190,
      p99Ms: 200,
      maxMs: 200,
    });
  });

  test("keeps as many requests under way as it was told, and sends no more than asked", async () => {
    let open = 0;
    let most = 0;
    const held: (() => void)[] = [];
    const { url, received } = await serving((_, response) => {
      open += 1;
      most = Math.max(most, open);
      held.push(() => {
        open -= 1;
        response.end();
      });
      // Answers only when three wait, or when no more can come: so three at once are proved without a clock.
      if (held.length === 3 || received.length > 9) for (const release of held.splice(0)) release();
    });
    const result = await runStep(sample, { url, requests: 10, concurrency: 3 }, rigHost());
    expect(result).toMatchObject({ requests: 10, errors: 0 });
    expect(most).toBe(3);
    expect(received).toHaveLength(10);
  });

  test("fails when nothing answered well", async () => {
    const { url } = await serving((_, response) => {
      response.writeHead(404);
      response.end();
    });
    const failure = await failureOf(sample, { url, requests: 3 }, rigHost());
    expect(failure).toMatchObject({ class: "failed", reason: "no-good-answer", facts: { requests: 3, errors: 3 } });
    expect(failure.message).toContain("status 404");
    await server?.close();
    server = undefined;
    expect(await failureOf(sample, { url, requests: 2 }, rigHost())).toMatchObject({ facts: { errors: 2 } });
  });
});

describe("the end of an attempt", () => {
  test("ends a sample as what it is, instead of counting lost requests", async () => {
    const ended = new StepFailure("timeout", "timeout", "the time limit is over");
    const host = { ...rigHost(), remainingMs: () => 0, http: () => Promise.reject(ended) };
    await expect(sample.run({ url: "http://127.0.0.1/", requests: 1_000 }, host)).rejects.toBe(ended);
  });
});

describe("slack", () => {
  const answering = (status: number, body: string, headers: Record<string, string> = {}) =>
    serving((_, response) => {
      response.writeHead(status, headers);
      response.end(body);
    });

  test("posts the text", async () => {
    const { url, received } = await answering(200, "ok");
    const webhook = `${url}/services/T0/B0/x`;
    expect(await runStep(slack, { webhook, text: "Rolled back\n" }, rigHost())).toEqual({ status: 200, body: "ok" });
    expect(received[0]).toMatchObject({ method: "POST", url: "/services/T0/B0/x" });
    expect(JSON.parse(received[0]?.body ?? "")).toEqual({ text: "Rolled back" });
  });

  test.each([
    ["1712345678.000100", { text: "t", thread_ts: "1712345678.000100" }],
    ["INC-482", { text: "[INC-482] t" }],
  ])("thread %s", async (thread, payload) => {
    const { url, received } = await answering(200, "ok");
    await runStep(slack, { webhook: url, text: "t", thread }, rigHost());
    expect(JSON.parse(received[0]?.body ?? "")).toEqual(payload);
  });

  test.each([
    [400, "invalid_payload", "failed"],
    [403, "action_prohibited", "failed"],
    [404, "no_service", "failed"],
    [410, "channel_is_archived", "failed"],
    [429, "rate_limited", "transient"],
    [500, "rollup_error", "fatal", "slack-unsure"],
  ])("an answer of %i %s is %s", async (status, body, failureClass, reason = "slack-refused") => {
    const { url } = await answering(status, body, { "retry-after": "30" });
    const failure = await failureOf(slack, { webhook: `${url}/services/s3cret`, text: "t" }, rigHost());
    expect(failure).toMatchObject({ class: failureClass, reason, facts: { status, error: body } });
    expect(failure.message).toContain(`Slack answered ${status} ${body}`);
    expect(failure.message).not.toContain("s3cret");
  });

  test("never quotes a webhook, which is a secret", async () => {
    const failure = await failureOf(slack, { webhook: "s3cret", text: "t" }, rigHost());
    expect(failure).toMatchObject({ class: "fatal" });
    expect(JSON.stringify([failure.message, failure.facts])).not.toContain("s3cret");
    expect(slack.action({ webhook: "s3cret", text: "t" }, { target: {} }).text).not.toContain("s3cret");
    expect(slack.secretFields).toEqual(["webhook"]);
  });

  test("sends the webhook letter by letter, so that masking recognises it", async () => {
    const asked: string[] = [];
    const http = async (request: { url: string }) => {
      asked.push(request.url);
      return { status: 200, headers: {}, body: "ok", durationMs: 1 };
    };
    const webhook = "HTTPS://Hooks.Slack.example:443/services/T0/B0/x";
    await runStep(slack, { webhook, text: "t" }, { ...rigHost(), http });
    expect(asked).toEqual([webhook]);
  });

  test("has to say something", async () => {
    const failure = await failureOf(slack, { webhook: "http://127.0.0.1:1/", text: "  " }, rigHost());
    expect(failure).toMatchObject({ class: "fatal", reason: "message-missing" });
  });
});
