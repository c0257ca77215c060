/** Workflows, their runs and the environments they wait for. A run moves on each time it is asked for. */

import { environmentId } from "./deployments.ts";
import { nodeId, repository, repositoryUrl, shaOf, user } from "./objects.ts";
import { eventOf, jobsOf, pastRuns } from "./past-runs.ts";
import { type GithubCall, type KeptRun, notFound, pageOf, type Route, textIn, unprocessable } from "./state.ts";

/** Workflow file → inputs it declares besides the marker, and the environment it waits for. */
const workflows: Readonly<Record<string, { readonly id: number; readonly inputs: readonly string[] }>> = {
  "deploy.yml": { id: 101, inputs: ["image", "environment"] },
  "nightly.yml": { id: 102, inputs: [] },
  "ci.yml": { id: 103, inputs: [] },
};

/** The input that a workflow puts into its `run-name`. */
const marker = "runbook_run";

export const actionStates = [
  "run-failing",
  "run-cancelled",
  "run-stuck",
  "run-lost",
  "review-required",
  "ci-heavy",
  "ci-unused",
];

interface Progress {
  readonly status: string;
  readonly conclusion: string | null;
}

/** queued, in_progress, completed: one step further with each question. */
function progressOf(run: KeptRun, serviceState: string): Progress {
  if (serviceState === "review-required" && run.review === null) return { status: "waiting", conclusion: null };
  if (run.review === "rejected") return { status: "completed", conclusion: "failure" };
  if (run.asked < 2) return { status: "queued", conclusion: null };
  if (run.asked < 3 || serviceState === "run-stuck") return { status: "in_progress", conclusion: null };
  if (serviceState === "run-failing") return { status: "completed", conclusion: "failure" };
  if (serviceState === "run-cancelled") return { status: "completed", conclusion: "cancelled" };
  return { status: "completed", conclusion: "success" };
}

function runObject(asked: GithubCall, run: KeptRun) {
  const url = `${repositoryUrl(asked)}/actions/runs/${run.id}`;
  const workflowId = workflows[run.workflow]?.id ?? 0;
  const { status, conclusion } = progressOf(run, asked.call.state);
  return {
    id: run.id,
    name: run.workflow,
    node_id: nodeId("WorkflowRun", run.id),
    head_branch: run.ref,
    head_sha: shaOf(run.ref),
    path: `.github/workflows/${run.workflow}`,
    display_title: run.title,
    run_number: run.id - 1000,
    run_attempt: 1,
    event: eventOf(run),
    status,
    conclusion,
    workflow_id: workflowId,
    url,
    html_url: `${asked.base}/${asked.repository}/actions/runs/${run.id}`,
    pull_requests: [],
    created_at: run.createdAt,
    updated_at: asked.now,
    run_started_at: run.createdAt,
    actor: user(asked.base, "operator"),
    triggering_actor: user(asked.base, "operator"),
    jobs_url: `${url}/jobs`,
    logs_url: `${url}/logs`,
    check_suite_url: `${repositoryUrl(asked)}/check-suites/5`,
    artifacts_url: `${url}/artifacts`,
    cancel_url: `${url}/cancel`,
    rerun_url: `${url}/rerun`,
    workflow_url: `${repositoryUrl(asked)}/actions/workflows/${workflowId}`,
    head_commit: null,
    repository: repository(asked),
    head_repository: repository(asked),
  };
}

function workflowNamed(name: string): string | undefined {
  return Object.keys(workflows).find((file) => file === name || String(workflows[file]?.id) === name);
}

export const actionRoutes: readonly Route[] = [
  [
    "POST",
    /^\/actions\/workflows\/([^/]+)\/dispatches$/,
    (asked) => {
      const workflow = workflowNamed(asked.parts[0] ?? "");
      if (workflow === undefined) return notFound;
      const ref = textIn(asked.body, "ref");
      if (ref === "") return unprocessable('Invalid request.\n\n"ref" wasn\'t supplied.');
      if (ref === "no-such-branch") return unprocessable(`No ref found for: ${ref}`);
      const inputs = (asked.body["inputs"] ?? {}) as Readonly<Record<string, unknown>>;
      const known = [marker, ...(workflows[workflow]?.inputs ?? [])];
      const unexpected = Object.keys(inputs).filter((name) => !known.includes(name));
      if (unexpected.length > 0) return unprocessable(`Unexpected inputs provided: ${JSON.stringify(unexpected)}`);
      if (asked.call.state === "run-lost") return { status: 204, body: "" };
      const id = ++asked.state.lastId;
      const mark = textIn(inputs, marker);
      asked.state.runs.push({
        id,
        workflow,
        ref,
        title: mark === "" ? workflow : `Deploy (${mark})`,
        createdAt: asked.now,
        inputs,
        asked: 0,
        review: null,
      });
      if (asked.body["return_run_details"] !== true) return { status: 204, body: "" };
      return {
        status: 200,
        body: {
          workflow_run_id: id,
          run_url: `${repositoryUrl(asked)}/actions/runs/${id}`,
          html_url: `${asked.base}/${asked.repository}/actions/runs/${id}`,
        },
      };
    },
  ],
  [
    "GET",
    /^\/actions\/workflows\/([^/]+)\/runs$/,
    (asked) => {
      const workflow = workflowNamed(asked.parts[0] ?? "");
      if (workflow === undefined) return notFound;
      const { query } = asked.call;
      const event = query.get("event") ?? "";
      const since = Date.parse((query.get("created") ?? "").replace(">=", "")) || 0;
      const own = asked.state.runs.filter((run) => run.workflow === workflow).reverse();
      const rows = [...own, ...pastRuns(workflow, asked)]
        .filter((run) => event === "" || eventOf(run) === event)
        .filter((run) => Date.parse(run.createdAt) >= since);
      const body = { total_count: rows.length, workflow_runs: pageOf(asked, rows).map((run) => runObject(asked, run)) };
      return { status: 200, body };
    },
  ],
  [
    "GET",
    /^\/actions\/runs\/(\d+)$/,
    (asked) => {
      const run = asked.state.runs.find(({ id }) => String(id) === asked.parts[0]);
      if (run === undefined) return notFound;
      run.asked++;
      return { status: 200, body: runObject(asked, run) };
    },
  ],
  [
    "GET",
    /^\/actions\/runs\/(\d+)\/jobs$/,
    (asked) => {
      const run = [...asked.state.runs, ...Object.keys(workflows).flatMap((name) => pastRuns(name, asked))].find(
        ({ id }) => String(id) === asked.parts[0],
      );
      if (run === undefined) return notFound;
      const jobs = jobsOf(asked, run);
      return { status: 200, body: { total_count: jobs.length, jobs: pageOf(asked, jobs) } };
    },
  ],
  [
    "GET",
    /^\/actions\/runs\/(\d+)\/pending_deployments$/,
    (asked) => {
      const run = asked.state.runs.find(({ id }) => String(id) === asked.parts[0]);
      if (run === undefined) return notFound;
      const isWaiting = asked.call.state === "review-required" && run.review === null;
      return { status: 200, body: isWaiting ? [pendingDeployment(asked)] : [] };
    },
  ],
  [
    "POST",
    /^\/actions\/runs\/(\d+)\/pending_deployments$/,
    (asked) => {
      const run = asked.state.runs.find(({ id }) => String(id) === asked.parts[0]);
      if (run === undefined) return notFound;
      const ids = asked.body["environment_ids"];
      const review = textIn(asked.body, "state");
      if (!Array.isArray(ids) || !ids.includes(environmentId("production")))
        return unprocessable("No pending deployment requests to approve or reject");
      if (review !== "approved" && review !== "rejected") return unprocessable("state must be approved or rejected");
      run.review = review;
      return { status: 200, body: [] };
    },
  ],
];

function pendingDeployment(asked: GithubCall) {
  const id = environmentId("production");
  return {
    environment: {
      id,
      node_id: nodeId("Environment", id),
      name: "production",
      url: `${repositoryUrl(asked)}/environments/production`,
      html_url: `${asked.base}/${asked.repository}/deployments/activity_log?environments_filter=production`,
    },
    wait_timer: 0,
    wait_timer_started_at: null,
    current_user_can_approve: true,
    reviewers: [{ type: "User", reviewer: user(asked.base, "manager", 2) }],
  };
}
