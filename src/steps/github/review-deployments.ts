/** Approves or rejects the environments a workflow run waits for. */
import { aList, anObject } from "../fly/shape.ts";
import { choice, closed, listOf, result, text, whole } from "../schema.ts";
import { defineStepType, StepFailure } from "../step-type.ts";
import { type GithubSpec, githubFields, githubRequired, githubWrite, repositoryPath, shaped } from "./api.ts";
import { pendingOf } from "./pending.ts";

interface ReviewSpec extends GithubSpec {
  readonly run: number;
  readonly environments: readonly string[];
  readonly state: "approved" | "rejected";
  readonly comment: string;
}

export const githubReviewDeployments = defineStepType<ReviewSpec, { readonly reviewed: readonly string[] }>({
  type: "github/review-deployments",
  summary: "Approves or rejects environments that a GitHub Actions run waits for, with a comment.",
  docs: "https://docs.github.com/en/rest/actions/workflow-runs#review-pending-deployments-for-a-workflow-run",
  effects: "write",
  timeoutMs: 30_000,
  input: closed(
    {
      ...githubFields,
      run: whole("Number of the workflow run.", { minimum: 1 }),
      environments: listOf({ type: "string", minLength: 1 }, "Names of the environments.", { minItems: 1 }),
      state: choice("The decision.", {
        approved: "The waiting jobs go on.",
        rejected: "They fail.",
      }),
      comment: text("Why; GitHub shows it with the review.", { minLength: 1 }),
    },
    [...githubRequired, "run", "environments", "state", "comment"],
  ),
  examples: [
    {
      repository: "acme/shop",
      token: "${{ secrets.GITHUB_TOKEN }}",
      run: "${{ steps.build.outputs.run }}",
      environments: ["production"],
      state: "approved",
      comment: "Approved in run ${{ run.id }}",
    },
  ],
  result: result({ reviewed: listOf(text("Name."), "The environments that were reviewed.") }),
  secretFields: ["token"],
  action: (spec) => ({
    text: `say ${spec.state} for ${spec.environments.join(", ")} to run ${spec.run} of ${spec.repository}: ${spec.comment}`,
    argv: null,
  }),
  async run(spec, host) {
    const pending = await pendingOf(host, spec, spec.run);
    const waiting = pending.filter((each) => spec.environments.includes(each.environment));
    const absent = spec.environments.filter((name) => !pending.some((each) => each.environment === name));
    if (absent.length > 0) {
      throw new StepFailure(
        "failed",
        "not-pending",
        `Run ${spec.run} does not wait for ${absent.join(", ")}${pending.length === 0 ? "" : `, but for ${pending.map((each) => each.environment).join(", ")}`}.`,
        { facts: { run: spec.run, absent, pending: pending.map((each) => each.environment) } },
      );
    }
    const barred = waiting.filter((each) => !each.canApprove);
    if (barred.length > 0) {
      throw new StepFailure(
        "fatal",
        "not-a-reviewer",
        `The owner of the token may not review ${barred.map((each) => `${each.environment} (${each.reviewers.join(", ")} may)`).join("; ")}.`,
        { facts: { run: spec.run, environments: barred.map((each) => each.environment) } },
      );
    }
    const path = repositoryPath(spec, "actions", "runs", spec.run, "pending_deployments");
    const answer = await githubWrite(
      host,
      spec,
      {
        method: "POST",
        path,
        body: {
          environment_ids: waiting.map((each) => each.environmentId),
          state: spec.state,
          comment: spec.comment,
        },
        repeatable: false,
      },
      [200],
    );
    shaped(`POST ${path}`, answer, aList(anObject<object>({})));
    return { reviewed: waiting.map((each) => each.environment) };
  },
});
