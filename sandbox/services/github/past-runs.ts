/**
 * What Actions did in the last thirty days: `ci.yml` and `nightly.yml` once a day, for some minutes each. It is not
 * kept but made anew for the moment of the question, so that a sandbox that was left alone has a past too.
 */
import { nodeId, repositoryUrl, shaOf } from "./objects.ts";
import type { GithubCall, KeptRun } from "./state.ts";

const dayMs = 86_400_000;
const minuteMs = 60_000;
const days = 30;
/** Ids below those of dispatched runs. */
const firstIds: Readonly<Record<string, number>> = { "ci.yml": 100, "nightly.yml": 300 };

/** What started it, as GitHub names it. */
export function eventOf({ id, workflow }: KeptRun): string {
  if (id >= 1000) return "workflow_dispatch";
  return workflow === "ci.yml" ? "push" : "schedule";
}

/** Newest first. State `ci-unused`: there was none. */
export function pastRuns(workflow: string, asked: GithubCall): KeptRun[] {
  const first = firstIds[workflow];
  if (first === undefined || asked.call.state === "ci-unused") return [];
  const nowMs = Date.parse(asked.now);
  return Array.from({ length: days }, (_, index) => ({
    id: first + days - index,
    workflow,
    ref: "main",
    title: workflow,
    createdAt: stamp(nowMs - (index + 0.5) * dayMs),
    inputs: {},
    asked: 3,
    review: null,
  }));
}

/** Two jobs of three minutes and a bit, or in the state `ci-heavy` of three hours, and one that was skipped. */
export function jobsOf(asked: GithubCall, run: KeptRun): object[] {
  const beganMs = Date.parse(run.createdAt) + 5_000;
  const lastsMs = asked.call.state === "ci-heavy" ? 180 * minuteMs : 3.2 * minuteMs;
  return [
    job(asked, run, 1, "test", beganMs, beganMs + lastsMs),
    job(asked, run, 2, "build", beganMs, beganMs + lastsMs / 2),
    job(asked, run, 3, "publish", beganMs, null),
  ];
}

/** `endedMs` null: skipped, so that no runner took it. */
function job(asked: GithubCall, run: KeptRun, nth: number, name: string, startedMs: number, endedMs: number | null) {
  const id = run.id * 10 + nth;
  const url = `${repositoryUrl(asked)}/actions/jobs/${id}`;
  const taken = endedMs !== null;
  return {
    id,
    node_id: nodeId("CheckRun", id),
    run_id: run.id,
    run_url: `${repositoryUrl(asked)}/actions/runs/${run.id}`,
    run_attempt: 1,
    head_sha: shaOf(run.ref),
    head_branch: run.ref,
    workflow_name: run.workflow,
    name,
    url,
    html_url: `${asked.base}/${asked.repository}/actions/runs/${run.id}/job/${id}`,
    check_run_url: `${repositoryUrl(asked)}/check-runs/${id}`,
    status: "completed",
    conclusion: taken ? "success" : "skipped",
    created_at: run.createdAt,
    started_at: stamp(startedMs),
    completed_at: stamp(endedMs ?? startedMs),
    labels: taken ? ["ubuntu-latest"] : [],
    runner_id: taken ? id : null,
    runner_name: taken ? `GitHub Actions ${nth}` : null,
    runner_group_id: taken ? 0 : null,
    runner_group_name: taken ? "GitHub Actions" : null,
    steps: [],
  };
}

function stamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
