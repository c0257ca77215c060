/** Which environments a workflow run waits for, and who may let it in. */
import { closed, listOf, result, row, text, truth, whole } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { type GithubSpec, githubFields, githubRequired } from "./api.ts";
import { type Pending, pendingOf } from "./pending.ts";

interface PendingSpec extends GithubSpec {
  readonly run: number;
}

export const githubPendingDeployments = defineStepType<PendingSpec, { readonly pending: readonly Pending[] }>({
  type: "github/pending-deployments",
  summary: "Lists the environments a GitHub Actions run waits for, with who may approve; empty when it waits for none.",
  docs: "https://docs.github.com/en/rest/actions/workflow-runs#get-pending-deployments-for-a-workflow-run",
  effects: "read",
  timeoutMs: 30_000,
  input: closed({ ...githubFields, run: whole("Number of the workflow run.", { minimum: 1 }) }, [
    ...githubRequired,
    "run",
  ]),
  examples: [{ repository: "acme/shop", token: "${{ secrets.GITHUB_TOKEN }}", run: "${{ steps.build.outputs.run }}" }],
  result: result({
    pending: listOf(
      row({
        environment: text("Name of the environment."),
        environmentId: whole("Its number."),
        canApprove: truth("Whether the owner of the token may approve."),
        reviewers: listOf(text("Login or team."), "Who may approve."),
      }),
      "Environments the run waits for.",
    ),
  }),
  secretFields: ["token"],
  action: (spec) => ({ text: `list what run ${spec.run} of ${spec.repository} waits for`, argv: null }),
  run: async (spec, host) => ({ pending: await pendingOf(host, spec, spec.run) }),
});
