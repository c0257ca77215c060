/**
 * Dispatches a workflow and waits for the run that this started. GitHub's answer need not name it, so the run is marked:
 * the workflow puts an input into its `run-name`, and a run that has the mark already is not started again.
 */
import type { JsonObject } from "../../util/json.ts";
import { anObject, aWhole, or } from "../fly/shape.ts";
import { closed, result, text, textMap, truth } from "../schema.ts";
import { defineStepType, StepFailure, type StepHost } from "../step-type.ts";
import { type GithubSpec, githubFields, githubRequired, githubWrite, repositoryPath, shaped } from "./api.ts";
import { completedRun, markedRun, type WorkflowRun, workflowRunFields } from "./workflow-runs.ts";

interface WorkflowSpec extends GithubSpec {
  readonly workflow: string;
  readonly ref: string;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly mark?: string;
  readonly markInput?: string;
  readonly wait?: boolean;
}

interface WorkflowResult {
  readonly dispatched: boolean;
  readonly mark: string;
  readonly id: number | null;
  readonly status: string | null;
  readonly conclusion: string | null;
  readonly sha: string | null;
  readonly url: string | null;
}

/** Newer servers name the run they started; others answer 204 and nothing. */
const aDispatch = anObject<{ workflow_run_id: number | null }>({ workflow_run_id: or(aWhole, null) });

const defaultMarkInput = "runbook_run";
const searchPauseMs = 3_000;

export const githubWorkflow = defineStepType<WorkflowSpec, WorkflowResult>({
  type: "github/workflow",
  summary:
    "Dispatches a GitHub Actions workflow, finds its own run by a mark in the run's name, and waits until it succeeded. A run that has the mark already is waited for, not started again.",
  docs: "https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event",
  effects: "write",
  timeoutMs: 1_800_000,
  input: closed(
    {
      ...githubFields,
      workflow: text("File name of the workflow, such as `deploy.yml`.", { pattern: "^[A-Za-z0-9_.-]+$" }),
      ref: text("Branch or tag to run it on.", { minLength: 1 }),
      inputs: textMap("Inputs of the workflow, at most 24. No secrets: GitHub shows them."),
      mark: text("What tells this run from others, default the id of our run; one for each dispatch of a run.", {
        minLength: 6,
      }),
      markInput: text(
        `Input that the workflow shows in its \`run-name\`, default \`${defaultMarkInput}\`: \`run-name: Deploy \${{ inputs.${defaultMarkInput} }}\`.`,
        { pattern: "^[A-Za-z_][A-Za-z0-9_-]*$" },
      ),
      wait: truth("Default true: wait for the end, and fail unless it is `success`."),
    },
    [...githubRequired, "workflow", "ref"],
  ),
  examples: [
    {
      repository: "acme/shop",
      token: "${{ secrets.GITHUB_TOKEN }}",
      workflow: "deploy.yml",
      ref: "main",
      inputs: { image: "${{ inputs.image }}" },
    },
    {
      repository: "acme/shop",
      token: "${{ secrets.GITHUB_TOKEN }}",
      workflow: "nightly.yml",
      ref: "main",
      mark: "${{ run.id }}-nightly",
      markInput: "asked_by",
      wait: false,
    },
  ],
  result: result({
    dispatched: truth("False: a run with this mark was there already."),
    mark: text("The mark."),
    ...workflowRunFields,
  }),
  secretFields: ["token"],
  action: (spec) => ({
    text: `dispatch ${spec.workflow} of ${spec.repository} on ${spec.ref}${inputsText(spec)}${spec.wait === false ? "" : " and wait for its end"}`,
    argv: null,
  }),
  async run(spec, host) {
    const mark = spec.mark ?? host.run.id;
    const before = await markedRun(host, spec, spec.workflow, mark);
    const found = before ?? (await dispatched(host, spec, mark));
    const { id, status, conclusion, sha, url } =
      spec.wait === false || found.status === "completed" ? found : await completedRun(host, spec, found.id);
    const facts = { dispatched: before === undefined, mark, id, status, conclusion, sha, url };
    if (spec.wait === false || conclusion === "success") return facts;
    throw new StepFailure(
      "failed",
      "run-not-successful",
      `The run of ${spec.workflow} ended as ${conclusion ?? "nothing GitHub names"}, not success: ${url}`,
      { facts: { id, conclusion, url }, result: facts },
    );
  },
});

function inputsText({ inputs }: WorkflowSpec): string {
  if (typeof inputs !== "object" || Object.keys(inputs).length === 0) return "";
  return ` with ${Object.entries(inputs)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ")}`;
}

/** Starts it. The answer names the run, or it is looked for until it shows up in the list. */
async function dispatched(host: StepHost, spec: WorkflowSpec, mark: string): Promise<WorkflowRun> {
  const inputs: JsonObject = { ...spec.inputs, [spec.markInput ?? defaultMarkInput]: mark };
  const path = repositoryPath(spec, "actions", "workflows", spec.workflow, "dispatches");
  const answer = await githubWrite(
    host,
    spec,
    {
      method: "POST",
      path,
      body: { ref: spec.ref, inputs, return_run_details: true },
      repeatable: false,
    },
    [200, 204],
  );
  const id = answer.status === 200 ? shaped(`POST ${path}`, answer, aDispatch).workflow_run_id : null;
  if (id !== null && spec.wait !== false) return await completedRun(host, spec, id);
  for (;;) {
    const found = await markedRun(host, spec, spec.workflow, mark);
    if (found !== undefined) return found;
    host.progress(`the run of ${spec.workflow} is not listed yet`);
    if (host.remainingMs() <= searchPauseMs) throw notListed(spec, mark);
    await host.clock.sleep(searchPauseMs);
  }
}

function notListed(spec: WorkflowSpec, mark: string): StepFailure {
  const name = spec.markInput ?? defaultMarkInput;
  return new StepFailure(
    "timeout",
    "run-not-found",
    `GitHub took the dispatch of ${spec.workflow}, but no run with ${mark} in its title appeared. The workflow needs the input ${name} and \`run-name: … \${{ inputs.${name} }}\`.`,
    { facts: { workflow: spec.workflow, mark } },
  );
}
