/** Slack's webhook, and what may stand in its place. Failures that any service has: `../service-failures.test.ts`. */
import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { exchange } from "../../../src/host/http.ts";
import { slack } from "../../../src/steps/slack.ts";
import type { StepHost } from "../../../src/steps/step-type.ts";
import { loopbackServer } from "../../rig/loopback-server.ts";
import { failureOf, rigHost, runStep } from "../../rig/step-host.ts";

const path = "/services/T0/B0/s3cr3t-of-the-webhook";

async function answering(answer: (response: ServerResponse) => void) {
  const server = await loopbackServer((_, response) => answer(response));
  return { ...server, spec: { webhook: `${server.url}${path}`, text: "it failed" } };
}

test("200 and ok is sent, once", async () => {
  const server = await answering((response) => response.end("ok"));
  expect(await runStep(slack, server.spec, rigHost())).toEqual({ status: 200, body: "ok" });
  expect(server.received.map(({ body }) => body)).toEqual(['{"text":"it failed"}']);
  await server.close();
});

test.each<[string, (response: ServerResponse) => void, object]>([
  ["500", (response) => response.writeHead(500).end("rollup_error"), { class: "fatal", reason: "slack-unsure" }],
  ["503 of a proxy", (response) => response.writeHead(503).end(), { class: "fatal", reason: "slack-unsure" }],
  ["a connection that broke", (response) => response.destroy(), { class: "fatal", reason: "slack-unsure" }],
  ["400", (response) => response.writeHead(400).end("invalid_payload"), { class: "failed", reason: "slack-refused" }],
  ["410", (response) => response.writeHead(410).end("channel_is_archived"), { class: "failed" }],
  [
    "a log-in page with 200",
    (response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>Log in</html>"),
    { class: "failed", reason: "answer-not-understood" },
  ],
  ["nothing with 200", (response) => response.end(), { class: "failed", reason: "answer-not-understood" }],
])("%s is no success", async (_, answer, expected) => {
  const server = await answering(answer);
  const failure = await failureOf(slack, server.spec, rigHost());
  await server.close();
  expect(failure).toMatchObject(expected);
  expect(server.received).toHaveLength(1);
});

test("no connection at all may be tried again: nothing was posted", async () => {
  const server = await answering((response) => response.end("ok"));
  await server.close();
  const host = rigHost();
  const http: StepHost["http"] = (request) => exchange(request, 5_000, host.signal);
  expect(await failureOf(slack, server.spec, { ...host, http })).toMatchObject({ class: "transient" });
});
