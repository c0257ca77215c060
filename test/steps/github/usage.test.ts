/** Minutes of GitHub Actions, against the stand-in, whose answers are held against the published description. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { githubUsage } from "../../../src/steps/github/usage.ts";
import { loopbackServer } from "../../rig/loopback-server.ts";
import type { ServiceServer } from "../../rig/service-server.ts";
import { failureOf, rigHost, runStep } from "../../rig/step-host.ts";
import { githubServer, startOver, where } from "./rig.ts";

let vendor: ServiceServer;
beforeAll(async () => {
  vendor = await githubServer();
});
beforeEach(() => startOver(vendor));
afterAll(async () => {
  await vendor.close();
  expect(vendor.problems).toEqual([]);
});

const spec = (more: object = {}) => ({
  ...where(vendor),
  workflows: ["ci.yml", "nightly.yml"],
  within: "30d",
  ...more,
});
const host = () => rigHost({ now: new Date().toISOString() });

test("adds up what jobs used, each rounded up to a minute; a skipped one used nothing", async () => {
  const found = await runStep(githubUsage, spec({ within: "10d" }), host());
  // Two jobs a run, of 3.2 and 1.6 minutes: billed 4 + 2.
  expect(found).toMatchObject({ runs: 20, jobs: 40, minutes: 120, selfHostedMinutes: 0, p95Ms: 192_000 });
  expect(found.workflows).toMatchObject([
    { workflow: "ci.yml", runs: 10, minutes: 60, slowestMs: 192_000 },
    { workflow: "nightly.yml", runs: 10, minutes: 60 },
  ]);
});

test("nothing ran: zero runs, and no length of one", async () => {
  vendor.state = "ci-unused";
  expect(await runStep(githubUsage, spec(), host())).toMatchObject({ runs: 0, minutes: 0, p95Ms: null });
});

test.each([
  [{ workflows: ["none.yml"] }, "ok", "not-found"],
  [{}, "server-error", "github-unavailable"],
  [{}, "forbidden", "forbidden"],
])("%j in the state %s is %s", async (more, state, reason) => {
  vendor.state = state;
  expect(await failureOf(githubUsage, spec(more), host())).toMatchObject({ reason });
});

const job = (over: object = {}) => ({
  run_attempt: 1,
  runner_id: 7,
  started_at: "2026-11-20T10:00:00Z",
  completed_at: "2026-11-20T10:10:00Z",
  labels: ["ubuntu-latest"],
  ...over,
});

/** A GitHub that lists these jobs for its one run, which it says is one of `total`. */
async function withJobs<T>(jobs: readonly object[], ask: (api: string) => Promise<T>, total = 1): Promise<T> {
  const server = await loopbackServer((request, response) => {
    const body = request.url?.includes("/jobs")
      ? { total_count: jobs.length, jobs }
      : { total_count: total, workflow_runs: [{ id: 1 }] };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  try {
    return await ask(server.url);
  } finally {
    await server.close();
  }
}

const one = (api: string, more: object = {}) => spec({ api, workflows: ["ci.yml"], ...more });

test.each([
  ["other systems weigh more", [job({ labels: ["macos-latest"] })], { minutes: 100, selfHostedMinutes: 0 }],
  ["a second is a minute", [job({ completed_at: "2026-11-20T10:00:01Z" })], { minutes: 1 }],
  ["your own runners are not billed", [job({ labels: ["self-hosted"] })], { minutes: 0, selfHostedMinutes: 10 }],
  ["a running job counts until now", [job({ completed_at: null })], { minutes: 480 }],
  ["a job nobody took does not", [job({ runner_id: null, completed_at: null })], { minutes: 0, jobs: 0, p95Ms: null }],
  [
    "every attempt is paid, the last one is how long it took",
    [job(), job({ run_attempt: 2, started_at: "2026-11-20T12:00:00Z", completed_at: "2026-11-20T12:02:00Z" })],
    { minutes: 12, p95Ms: 120_000 },
  ],
])("%s", async (_, jobs, expected) => {
  const asked = (api: string) => runStep(githubUsage, one(api, { weights: { "macos-latest": 10 } }), rigHost());
  expect(await withJobs(jobs, asked)).toMatchObject(expected);
});

test("what GitHub does not list is not taken for nothing", async () => {
  const failure = await withJobs([job()], (api) => failureOf(githubUsage, one(api), rigHost()), 1_204);
  expect(failure).toMatchObject({ class: "failed", reason: "usage-incomplete" });
  expect(failure.message).toMatch(/listed 1 of 1204 runs of ci.yml .* 1000 of a search at most/);
});

test("a time that is none is no answer of GitHub", async () => {
  const failure = await withJobs([job({ started_at: "soon" })], (api) => failureOf(githubUsage, one(api), rigHost()));
  expect(failure).toMatchObject({ reason: "unexpected-answer", message: expect.stringContaining("started_at") });
});
