import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { github } from "../../../sandbox/services/github.ts";
import { githubChecks } from "../../../src/steps/github/checks.ts";
import { Contract } from "../../rig/contract.ts";
import { loopbackServer } from "../../rig/loopback-server.ts";
import { type ServiceServer, serviceServer } from "../../rig/service-server.ts";
import { failureOf, rigHost, runStep } from "../../rig/step-host.ts";

const sha = "4f1c9a7e4f1c9a7e4f1c9a7e4f1c9a7e4f1c9a7e";
let vendor: ServiceServer;

beforeAll(async () => {
  vendor = await serviceServer(github, new Contract("github-rest.openapi.trimmed.json"));
});
beforeEach(() => {
  vendor.state = "ok";
  vendor.next.length = 0;
});
afterAll(async () => {
  await vendor.close();
  expect(vendor.problems).toEqual([]);
});

const spec = (required: readonly string[] = ["test", "build", "deploy-preview"], more: object = {}) => ({
  api: vendor.url,
  repository: "shop/web",
  token: vendor.secrets["GITHUB_TOKEN"] ?? "",
  sha,
  required,
  ...more,
});

test("check runs and commit statuses that succeeded pass, and the others are named", async () => {
  expect(await runStep(githubChecks, spec(), rigHost())).toMatchObject({
    sha,
    checks: [
      { name: "test", outcome: "success" },
      { name: "build", outcome: "success" },
      { name: "deploy-preview", outcome: "success" },
    ],
    others: ["lint"],
  });
});

test.each([
  ["checks-failing", "failed", "test is failure, not success"],
  ["checks-skipped", "failed", "test is skipped, not success"],
  ["checks-neutral", "failed", "test is neutral, not success"],
  ["checks-missing", "failed", "test is missing"],
  ["checks-other-commit", "failed", "test is missing (success on "],
  ["checks-pending", "transient", "test is still in progress"],
  ["status-failing", "failed", "deploy-preview is failure, not success"],
])("%s does not pass", async (state, failureClass, message) => {
  vendor.state = state;
  const failure = await failureOf(githubChecks, spec(), rigHost());
  expect(failure).toMatchObject({ class: failureClass, message: expect.stringContaining(message) });
  expect(failure.result).toMatchObject({ sha });
});

test("a check that nobody reports is missing, whatever else passed", async () => {
  expect(await failureOf(githubChecks, spec(["test", "e2e"]), rigHost())).toMatchObject({
    reason: "checks-not-passed",
    message: expect.stringContaining("e2e is missing"),
  });
});

test("a short commit id or a branch is refused before anything is asked", () => {
  expect(githubChecks.input["properties"]).toMatchObject({ sha: { pattern: "^[0-9a-f]{40}$" } });
});

test("waits as long as Retry-After says, then goes on", async () => {
  const host = rigHost();
  const limited = await loopbackServer((_, response, count) => {
    if (count === 1) response.writeHead(429, { "retry-after": "7" }).end("{}");
    else if (count === 2) response.writeHead(502).end("<html>");
    else response.writeHead(200, { "content-type": "text/html" }).end("<html>log in</html>");
  });
  const failure = await failureOf(githubChecks, spec(undefined, { api: limited.url }), host);
  await limited.close();
  expect(host.sleeps).toEqual([7_000, 2_000]);
  expect(failure).toMatchObject({ class: "failed", reason: "unexpected-answer" });
  expect(failure.message).toContain("answered 200 with no JSON but text/html");
});

test.each([
  ["limited-429", "transient", "rate-limited"],
  ["limited-unsaid", "transient", "rate-limited"],
  ["quota-used-up", "transient", "rate-limited"],
  ["server-error", "transient", "github-unavailable"],
  ["forbidden", "fatal", "forbidden"],
])("%s is %s", async (state, failureClass, reason) => {
  vendor.state = state;
  expect(await failureOf(githubChecks, spec(), rigHost())).toMatchObject({ class: failureClass, reason });
});

test("a limit without a time is waited out for a minute and more, within the attempt", async () => {
  vendor.next.push("limited-unsaid", "limited-unsaid");
  const host = rigHost({ attemptMs: 600_000 });
  await runStep(githubChecks, spec(), host);
  expect(host.sleeps).toEqual([60_000, 120_000]);
});

test("a wrong token is fatal, and no message quotes it", async () => {
  const failure = await failureOf(githubChecks, spec(undefined, { token: "wrong-token-value" }), rigHost());
  expect(failure).toMatchObject({ class: "fatal", reason: "not-authorised" });
  expect(JSON.stringify([failure.message, failure.facts])).not.toContain("wrong-token-value");
});

test("reads every page", async () => {
  const run = (index: number) => ({
    name: `check-${index}`,
    head_sha: sha,
    status: "completed",
    conclusion: "success",
    html_url: null,
  });
  const paged = await loopbackServer((request, response) => {
    const page = Number(new URL(request.url, "http://x").searchParams.get("page"));
    const body = request.url.includes("/check-runs")
      ? { total_count: 101, check_runs: page === 1 ? Array.from({ length: 100 }, (_, i) => run(i)) : [run(100)] }
      : { sha, statuses: [] };
    response.end(JSON.stringify(body));
  });
  const seen = await runStep(githubChecks, spec(["check-100"], { api: paged.url }), rigHost());
  await paged.close();
  expect(seen.others).toHaveLength(100);
});
