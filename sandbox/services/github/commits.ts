/** Check runs and commit statuses of a commit. Every commit has the same checks; the state of the service breaks them. */
import { actionsApp, nodeId, repository, repositoryUrl, shaOf } from "./objects.ts";
import { type GithubCall, pageOf, type Route } from "./state.ts";

interface CheckFacts {
  readonly name: string;
  readonly status: string;
  readonly conclusion: string | null;
  readonly sha: string;
}

/** Check runs of every commit; `deploy-preview` is a commit status. */
const checkNames = ["test", "lint", "build"] as const;
const statusContext = "deploy-preview";

/** State of the service → how the check `test` differs. */
const brokenTest: Readonly<Record<string, Partial<CheckFacts>>> = {
  "checks-failing": { conclusion: "failure" },
  "checks-skipped": { conclusion: "skipped" },
  "checks-neutral": { conclusion: "neutral" },
  "checks-pending": { status: "in_progress", conclusion: null },
  "checks-other-commit": { sha: shaOf("another commit") },
};

export const checkStates = [...Object.keys(brokenTest), "checks-missing", "status-failing"];

function checksOf(asked: GithubCall, sha: string): CheckFacts[] {
  const { state } = asked.call;
  return checkNames
    .filter((name) => !(state === "checks-missing" && name === "test"))
    .map((name) => {
      const good = { name, status: "completed", conclusion: "success", sha };
      return name === "test" ? { ...good, ...brokenTest[state] } : good;
    });
}

function checkRun(asked: GithubCall, facts: CheckFacts, index: number) {
  const id = 4000 + index;
  const url = repositoryUrl(asked);
  const isOver = facts.status === "completed";
  return {
    id,
    node_id: nodeId("CheckRun", id),
    head_sha: facts.sha,
    name: facts.name,
    external_id: "",
    url: `${url}/check-runs/${id}`,
    html_url: `${asked.base}/${asked.repository}/runs/${id}`,
    details_url: `${asked.base}/${asked.repository}/runs/${id}`,
    status: facts.status,
    conclusion: facts.conclusion,
    started_at: "2026-11-20T08:00:00Z",
    completed_at: isOver ? "2026-11-20T08:03:00Z" : null,
    output: {
      title: null,
      summary: null,
      text: null,
      annotations_count: 0,
      annotations_url: `${url}/check-runs/${id}/annotations`,
    },
    check_suite: { id: 5 },
    app: actionsApp(asked.base),
    pull_requests: [],
  };
}

function status(asked: GithubCall, sha: string) {
  const id = 7001;
  return {
    id,
    node_id: nodeId("Status", id),
    state: asked.call.state === "status-failing" ? "failure" : "success",
    context: statusContext,
    description: null,
    target_url: `${asked.base}/previews/${sha}`,
    avatar_url: null,
    url: `${repositoryUrl(asked)}/statuses/${sha}`,
    created_at: "2026-11-20T08:00:00Z",
    updated_at: "2026-11-20T08:01:00Z",
  };
}

export const commitRoutes: readonly Route[] = [
  [
    "GET",
    /^\/commits\/([^/]+)\/check-runs$/,
    (asked) => {
      const [sha = ""] = asked.parts;
      const rows = checksOf(asked, sha).map((facts, index) => checkRun(asked, facts, index));
      return { status: 200, body: { total_count: rows.length, check_runs: pageOf(asked, rows) } };
    },
  ],
  [
    "GET",
    /^\/commits\/([^/]+)\/status$/,
    (asked) => {
      const [sha = ""] = asked.parts;
      const rows = [status(asked, sha)];
      const url = `${repositoryUrl(asked)}/commits/${sha}`;
      return {
        status: 200,
        body: {
          state: rows[0]?.state,
          statuses: pageOf(asked, rows),
          sha,
          total_count: rows.length,
          repository: repository(asked),
          commit_url: url,
          url: `${url}/status`,
        },
      };
    },
  ],
];
