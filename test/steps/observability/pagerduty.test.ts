import { afterEach, expect, test } from "vitest";
import { pagerduty } from "../../../src/steps/pagerduty.ts";
import { type Answer, type LoopbackServer, loopbackServer } from "../../rig/loopback-server.ts";
import { failureOf, rigHost, runStep } from "../../rig/step-host.ts";

const key = "R0UT1NGK3Y";
let server: LoopbackServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const answering = async (status: number, body: unknown, headers: Record<string, string> = {}) => {
  const answer: Answer = (_, response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };
  server = await loopbackServer(answer);
  return `${server.url}/v2/enqueue`;
};
const accepted = { status: "success", message: "Event processed", dedup_key: "rb-7f3k2m" };
const sent = () => (server?.received ?? []).map((request) => JSON.parse(request.body));

test("trigger, acknowledge and resolve are one alert: the key is the run's id", async () => {
  const url = await answering(202, accepted);
  const details = { step: "healthy" };
  await runStep(
    pagerduty,
    { url, routingKey: key, text: "Shop is down\nby deploy-08", severity: "critical", details },
    rigHost(),
  );
  await runStep(pagerduty, { url, routingKey: key, event: "acknowledge" }, rigHost());
  const last = await runStep(pagerduty, { url, routingKey: key, event: "resolve", text: "over" }, rigHost());
  expect(last).toEqual({ status: "success", message: "Event processed", dedupKey: "rb-7f3k2m" });
  expect(sent()).toEqual([
    {
      routing_key: key,
      event_action: "trigger",
      dedup_key: "rb-7f3k2m",
      client: "runbook",
      payload: {
        summary: "Shop is down · by deploy-08",
        source: "local",
        severity: "critical",
        timestamp: "2026-11-20T18:00:00.000Z",
        custom_details: { run: "rb-7f3k2m", actor: "operator@example", step: "healthy" },
      },
    },
    { routing_key: key, event_action: "acknowledge", dedup_key: "rb-7f3k2m" },
    { routing_key: key, event_action: "resolve", dedup_key: "rb-7f3k2m" },
  ]);
});

test("a summary is cut to what PagerDuty takes", async () => {
  const url = await answering(202, accepted);
  await runStep(
    pagerduty,
    { url, routingKey: key, text: "x".repeat(5_000), link: "https://docs.example/r" },
    rigHost(),
  );
  expect(sent()[0].payload.summary).toHaveLength(1024);
  expect(sent()[0].links).toEqual([{ href: "https://docs.example/r", text: "runbook" }]);
});

test.each([
  [
    400,
    { status: "invalid event", message: "Event object is invalid", errors: ["'payload.severity' is invalid"] },
    {},
    "failed",
    null,
  ],
  [429, { status: "throttle" }, {}, "transient", null],
  [429, { status: "throttle" }, { "retry-after": "Fri, 20 Nov 2026 18:30:00 GMT" }, "transient", 1_800_000],
  [500, "", {}, "transient", null],
])("an answer of %i %j is judged", async (status, body, headers, failureClass, retryAfterMs) => {
  const url = await answering(status, body, headers as Record<string, string>);
  const failure = await failureOf(pagerduty, { url, routingKey: key, text: "t" }, rigHost());
  expect(failure).toMatchObject({ class: failureClass, reason: "pagerduty-refused", facts: { status, retryAfterMs } });
  expect(JSON.stringify([failure.message, failure.facts])).not.toContain(key);
});

test.each([
  [200, "<html>Log in</html>"],
  [202, { status: "queued?" }],
])("only 202 with success is success: %i", async (status, body) => {
  const url = await answering(status, body);
  const failure = await failureOf(pagerduty, { url, routingKey: key, text: "t" }, rigHost());
  expect(failure).toMatchObject({ class: "failed", reason: "answer-not-understood" });
});

test.each([
  ["no text", { text: " " }, "text-missing"],
  ["more than 512 KB", { text: "t", details: { log: "ü".repeat(300_000) } }, "event-too-large"],
  ["a key that is too long", { text: "t", dedupKey: "k".repeat(256) }, "dedup-key-invalid"],
])("refuses %s before anything is sent", async (_, spec, reason) => {
  const url = await answering(202, accepted);
  expect(await failureOf(pagerduty, { url, routingKey: key, ...spec }, rigHost())).toMatchObject({
    class: "fatal",
    reason,
  });
  expect(sent()).toEqual([]);
});

test("the plan says what happens and never the key", () => {
  expect(pagerduty.action({ routingKey: key, text: "t" }, { target: {} }).text).toBe("trigger a PagerDuty alert: t");
  expect(pagerduty.action({ routingKey: key, event: "resolve" }, { target: {} }).text).toBe(
    "resolve a PagerDuty alert",
  );
  expect(pagerduty.secretFields).toEqual(["routingKey"]);
});
