/** Runs of a GitHub Actions workflow: found by a mark in their title, and followed to their end. */
import { aList, anObject, aText, aWhole, or, type Shape } from "../fly/shape.ts";
import { nullable, text, whole } from "../schema.ts";
import { StepFailure, type StepHost } from "../step-type.ts";
import { type GithubSpec, githubPages, githubRead, repositoryPath } from "./api.ts";

export interface WorkflowRun {
  readonly id: number;
  readonly title: string;
  readonly status: string;
  readonly conclusion: string | null;
  readonly sha: string;
  readonly url: string;
}

export const workflowRunFields = {
  id: nullable(whole("Number of the run; null when there is none.")),
  status: nullable(text("`queued`, `in_progress`, `waiting`, `completed` and others.")),
  conclusion: nullable(text("`success`, `failure`, `cancelled` and others; null until it is completed.")),
  sha: nullable(text("Commit it ran on.")),
  url: nullable(text("Its page.")),
};

const firstPauseMs = 2_000;
const longestPauseMs = 30_000;
/** A mark is looked for among the runs of so many days. */
const searchedDays = 7;
const dayMs = 86_400_000;

interface RunRow {
  readonly id: number;
  readonly display_title: string;
  readonly status: string | null;
  readonly conclusion: string | null;
  readonly head_sha: string;
  readonly html_url: string;
}

const runRow: Shape<WorkflowRun> = (value, at) => {
  const read = anObject<RunRow>({
    id: aWhole,
    display_title: aText,
    status: or(aText, null),
    conclusion: or(aText, null),
    head_sha: aText,
    html_url: aText,
  })(value, at);
  return {
    id: read.id,
    title: read.display_title,
    status: read.status ?? "unknown",
    conclusion: read.conclusion,
    sha: read.head_sha,
    url: read.html_url,
  };
};

const runsPage: Shape<readonly WorkflowRun[]> = (value, at) =>
  anObject<{ workflow_runs: WorkflowRun[] }>({ workflow_runs: aList(runRow) })(value, at).workflow_runs;

/** The newest dispatched run of a workflow whose title holds the mark; undefined = none. */
export async function markedRun(
  host: StepHost,
  spec: GithubSpec,
  workflow: string,
  mark: string,
): Promise<WorkflowRun | undefined> {
  const since = new Date(host.clock.now().getTime() - searchedDays * dayMs).toISOString().slice(0, 10);
  const path = repositoryPath(spec, "actions", "workflows", workflow, "runs");
  const runs = await githubPages(host, spec, path, runsPage, { event: "workflow_dispatch", created: `>=${since}` });
  return runs.find((run) => run.title.includes(mark));
}

/** Waits until a run is completed. A lost reading says nothing about the run; the time limit ends the waiting. */
export async function completedRun(host: StepHost, spec: GithubSpec, id: number): Promise<WorkflowRun> {
  const path = repositoryPath(spec, "actions", "runs", id);
  let last: WorkflowRun | null = null;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
    try {
      last = await githubRead(host, spec, path, runRow);
      if (last.status === "completed") return last;
      host.progress(`run ${id} is ${last.status.replaceAll("_", " ")}: ${last.url}`);
    } catch (error) {
      if (!(error instanceof StepFailure) || error.class !== "transient") throw error;
      host.progress(error.message);
    }
    if (host.remainingMs() <= pauseMs) throw notFinished(id, last);
    await host.clock.sleep(pauseMs);
  }
}

function notFinished(id: number, last: WorkflowRun | null): StepFailure {
  const status = last?.status ?? "unknown";
  const next =
    status === "waiting" ? "It waits for the approval of an environment" : "It goes on without us, and may still fail";
  return new StepFailure(
    "timeout",
    "run-not-finished",
    `The workflow run ${id} did not finish in time; it was ${status.replaceAll("_", " ")}. ${next}: ${last?.url ?? "see the Actions page"}.`,
    { facts: { id, status, url: last?.url ?? null } },
  );
}
