/** Whether a marked run of a workflow is there and how it stands: the `check` of a step that dispatches one. */
import { closed, result, text, truth } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { type GithubSpec, githubFields, githubRequired } from "./api.ts";
import { markedRun, workflowRunFields } from "./workflow-runs.ts";

interface WorkflowRunSpec extends GithubSpec {
  readonly workflow: string;
  readonly mark?: string;
}

interface WorkflowRunResult {
  readonly found: boolean;
  readonly id: number | null;
  readonly status: string | null;
  readonly conclusion: string | null;
  readonly sha: string | null;
  readonly url: string | null;
}

export const githubWorkflowRun = defineStepType<WorkflowRunSpec, WorkflowRunResult>({
  type: "github/workflow-run",
  summary:
    "Looks for the run of a GitHub Actions workflow that carries a mark, and says how it stands; none is a result.",
  docs: "https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-workflow",
  effects: "read",
  timeoutMs: 60_000,
  input: closed(
    {
      ...githubFields,
      workflow: text("File name of the workflow, such as `deploy.yml`.", { pattern: "^[A-Za-z0-9_.-]+$" }),
      mark: text("What its title holds, default the id of our run.", { minLength: 6 }),
    },
    [...githubRequired, "workflow"],
  ),
  examples: [
    { repository: "acme/shop", token: "${{ secrets.GITHUB_TOKEN }}", workflow: "deploy.yml", mark: "${{ run.id }}" },
  ],
  result: result({ found: truth("Whether there is one."), ...workflowRunFields }),
  secretFields: ["token"],
  action: (spec) => ({
    text: `look for the run of ${spec.workflow} in ${spec.repository} marked ${spec.mark ?? "by this run"}`,
    argv: null,
  }),
  async run(spec, host) {
    const found = await markedRun(host, spec, spec.workflow, spec.mark ?? host.run.id);
    if (found === undefined) return { found: false, id: null, status: null, conclusion: null, sha: null, url: null };
    const { id, status, conclusion, sha, url } = found;
    return { found: true, id, status, conclusion, sha, url };
  },
});
