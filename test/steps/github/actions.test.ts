/** Workflows, environments and deployments, against the stand-in of GitHub. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { GithubState } from "../../../sandbox/services/github/state.ts";
import { githubDeployment } from "../../../src/steps/github/deployment.ts";
import { githubDeploymentStatus } from "../../../src/steps/github/deployment-status.ts";
import { githubEnvironments } from "../../../src/steps/github/environments.ts";
import { githubPendingDeployments } from "../../../src/steps/github/pending-deployments.ts";
import { githubReviewDeployments } from "../../../src/steps/github/review-deployments.ts";
import { githubWorkflow } from "../../../src/steps/github/workflow.ts";
import { githubWorkflowRun } from "../../../src/steps/github/workflow-run.ts";
import type { ServiceServer } from "../../rig/service-server.ts";
import { failureOf, rigHost, runStep } from "../../rig/step-host.ts";
import { githubServer, sha, startOver, where } from "./rig.ts";

let vendor: ServiceServer;
beforeAll(async () => {
  vendor = await githubServer();
});
beforeEach(() => startOver(vendor));
afterAll(async () => {
  await vendor.close();
  expect(vendor.problems).toEqual([]);
});

const kept = () => vendor.data as GithubState;
const deploy = (more: object = {}) => ({ ...where(vendor), workflow: "deploy.yml", ref: "main", ...more });
const asked = () => vendor.exchanges.map(({ method, url }) => `${method} ${url.split("?")[0]}`);

test("dispatches, follows its own run and returns when it succeeded", async () => {
  const host = rigHost({ attemptMs: 600_000 });
  const ended = await runStep(githubWorkflow, deploy({ inputs: { image: "registry.fly.io/shop:9" } }), host);
  expect(ended).toMatchObject({ dispatched: true, mark: "rb-7f3k2m", status: "completed", conclusion: "success" });
  expect(kept().runs).toMatchObject([{ inputs: { image: "registry.fly.io/shop:9", runbook_run: "rb-7f3k2m" } }]);
  expect(host.sleeps).toEqual([2_000, 3_000]);
});

test("asked again, it finds the run by its mark and starts no second one", async () => {
  const mark = { mark: "release-42-blue" };
  expect(await runStep(githubWorkflowRun, deployRun(mark), rigHost())).toMatchObject({ found: false, id: null });
  await runStep(githubWorkflow, deploy({ ...mark, wait: false }), rigHost());
  await runStep(githubWorkflow, deploy({ mark: "release-42-green", wait: false }), rigHost());
  const again = await runStep(githubWorkflow, deploy(mark), rigHost({ attemptMs: 600_000 }));
  expect(again).toMatchObject({ dispatched: false, conclusion: "success" });
  expect(again.id).toBe(kept().runs[0]?.id);
  expect(await runStep(githubWorkflowRun, deployRun(mark), rigHost())).toMatchObject({ found: true, id: again.id });
  expect(kept().runs).toHaveLength(2);
});

const deployRun = (more: object) => ({ ...where(vendor), workflow: "deploy.yml", ...more });

test.each([
  ["run-failing", "failed", "run-not-successful", /ended as failure, not success: http/],
  ["run-cancelled", "failed", "run-not-successful", /ended as cancelled/],
  ["run-stuck", "timeout", "run-not-finished", /it was in progress. It goes on without us/],
  ["review-required", "timeout", "run-not-finished", /waits for the approval of an environment/],
])("%s is %s", async (state, failureClass, reason, message) => {
  vendor.state = state;
  const failure = await failureOf(githubWorkflow, deploy(), rigHost({ attemptMs: 120_000 }));
  expect(failure).toMatchObject({ class: failureClass, reason, message: expect.stringMatching(message) });
});

test("a dispatch whose run never shows up says what the workflow needs", async () => {
  vendor.state = "run-lost";
  const failure = await failureOf(githubWorkflow, deploy(), rigHost());
  expect(failure).toMatchObject({ reason: "run-not-found" });
  expect(failure.message).toContain("run-name: … ${{ inputs.runbook_run }}");
});

test("a lost reading while waiting is no end of the run", async () => {
  const host = rigHost({ attemptMs: 600_000 });
  vendor.next.push("ok", "ok", "server-error", "server-error", "server-error", "server-error");
  expect(await runStep(githubWorkflow, deploy(), host)).toMatchObject({ conclusion: "success" });
});

test("a dispatch that met a 5xx is not sent again: nobody knows whether it counted", async () => {
  vendor.next.push("ok", "server-error");
  const before = asked().length;
  expect(await failureOf(githubWorkflow, deploy(), rigHost())).toMatchObject({
    class: "transient",
    reason: "github-unavailable",
  });
  expect(
    asked()
      .slice(before)
      .filter((line) => line.startsWith("POST")),
  ).toHaveLength(1);
});

test("a dispatch that was limited is sent again after the time GitHub says", async () => {
  vendor.next.push("ok", "limited-unsaid");
  const host = rigHost({ attemptMs: 600_000 });
  expect(await runStep(githubWorkflow, deploy(), host)).toMatchObject({ dispatched: true });
  expect(host.sleeps[0]).toBe(60_000);
});

test.each([
  [{ workflow: "none.yml" }, "not-found"],
  [{ ref: "no-such-branch" }, "validation-failed"],
  [{ inputs: { unknown: "1" } }, "validation-failed"],
])("%j is refused", async (more, reason) => {
  expect(await failureOf(githubWorkflow, deploy(more), rigHost())).toMatchObject({ class: "failed", reason });
});

test("tells what protects each environment", async () => {
  const { environments } = await runStep(githubEnvironments, where(vendor), rigHost());
  expect(environments).toMatchObject([
    { name: "staging", reviewers: [], preventSelfReview: false, branchPolicy: false },
    { name: "production", reviewers: ["manager"], preventSelfReview: true, branchPolicy: true },
  ]);
  vendor.state = "unprotected";
  expect((await runStep(githubEnvironments, where(vendor), rigHost())).environments[1]).toMatchObject({
    reviewers: [],
  });
});

test("a run that waits is listed with its reviewers, and reviewed by name", async () => {
  vendor.state = "review-required";
  const { id } = await runStep(githubWorkflow, deploy({ wait: false }), rigHost());
  const run = id ?? 0;
  const { pending } = await runStep(githubPendingDeployments, { ...where(vendor), run }, rigHost());
  expect(pending).toMatchObject([{ environment: "production", canApprove: true, reviewers: ["manager"] }]);
  const review = { ...where(vendor), run, state: "approved" as const, comment: "Approved in rb-7f3k2m" };
  expect(await failureOf(githubReviewDeployments, { ...review, environments: ["staging"] }, rigHost())).toMatchObject({
    reason: "not-pending",
    message: expect.stringContaining("does not wait for staging, but for"),
  });
  expect(await runStep(githubReviewDeployments, { ...review, environments: ["production"] }, rigHost())).toEqual({
    reviewed: ["production"],
  });
  expect(await runStep(githubWorkflow, deploy(), rigHost({ attemptMs: 600_000 }))).toMatchObject({
    dispatched: false,
    conclusion: "success",
  });
});

test("records a deployment once per run, and its statuses", async () => {
  const spec = { ...where(vendor), ref: sha, environment: "production", description: "v11", requiredContexts: [] };
  const first = await runStep(githubDeployment, spec, rigHost());
  expect(first).toMatchObject({ sha, environment: "production", created: true });
  expect(await runStep(githubDeployment, spec, rigHost())).toEqual({ ...first, created: false });
  expect(kept().deployments).toHaveLength(1);
  const status = { ...where(vendor), deployment: first.id, state: "success", logUrl: "https://ci.shop.example/1" };
  expect(await runStep(githubDeploymentStatus, status, rigHost())).toMatchObject({ state: "success" });
  expect(kept().deployments[0]?.statuses).toMatchObject([{ state: "success", logUrl: "https://ci.shop.example/1" }]);
});

test.each([
  ["deployment-merged", "merged-not-deployed"],
  ["deployment-conflict", "deployment-refused"],
])("%s is no deployment", async (state, reason) => {
  vendor.state = state;
  const spec = { ...where(vendor), ref: "main", environment: "production" };
  expect(await failureOf(githubDeployment, spec, rigHost())).toMatchObject({ class: "failed", reason });
});
