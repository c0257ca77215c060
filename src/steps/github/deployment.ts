/**
 * Records a deployment. It carries the id of our run, so that asking again finds it. 202 means that GitHub merged
 * branches and made no deployment; 409 that there was a conflict or a failed check. Both are failures.
 */
import { isObject } from "../../util/json.ts";
import { aList, anObject, aText, aWhole, type Shape } from "../fly/shape.ts";
import { closed, listOf, result, text, truth, whole } from "../schema.ts";
import { defineStepType, StepFailure } from "../step-type.ts";
import {
  type GithubSpec,
  githubFields,
  githubPages,
  githubRequired,
  githubWrite,
  repositoryPath,
  shaped,
} from "./api.ts";

interface DeploymentSpec extends GithubSpec {
  readonly ref: string;
  readonly environment: string;
  readonly description?: string;
  readonly requiredContexts?: readonly string[];
}

interface DeploymentResult {
  readonly id: number;
  readonly sha: string;
  readonly environment: string;
  readonly created: boolean;
}

interface Row {
  readonly id: number;
  readonly sha: string;
  readonly environment: string;
  readonly payload: unknown;
}

const row: Shape<Row> = anObject<Row>({ id: aWhole, sha: aText, environment: aText, payload: (value) => value });

export const githubDeployment = defineStepType<DeploymentSpec, DeploymentResult>({
  type: "github/deployment",
  summary:
    "Records a deployment of a commit to an environment on GitHub, once per run; fails when GitHub only merged (202) or refused (409).",
  docs: "https://docs.github.com/en/rest/deployments/deployments#create-a-deployment",
  effects: "write",
  timeoutMs: 60_000,
  input: closed(
    {
      ...githubFields,
      ref: text("Commit, branch or tag that is deployed.", { minLength: 1 }),
      environment: text("Environment, such as `production`.", { minLength: 1 }),
      description: text("Short text.", { maxLength: 140 }),
      requiredContexts: listOf(
        { type: "string" },
        "Status contexts that must have succeeded; left out, all there are; empty, none.",
      ),
    },
    [...githubRequired, "ref", "environment"],
  ),
  examples: [
    {
      repository: "acme/shop",
      token: "${{ secrets.GITHUB_TOKEN }}",
      ref: "${{ inputs.sha }}",
      environment: "production",
      description: "Run ${{ run.id }}",
      requiredContexts: ["build"],
    },
  ],
  result: result({
    id: whole("Number of the deployment."),
    sha: text("Commit it is about."),
    environment: text("Environment."),
    created: truth("False: this run had recorded it before."),
  }),
  secretFields: ["token"],
  action: (spec) => ({
    text: `record a deployment of ${spec.ref} to ${spec.environment} in ${spec.repository}`,
    argv: null,
  }),
  async run(spec, host) {
    const path = repositoryPath(spec, "deployments");
    const query = { environment: spec.environment };
    const before = (await githubPages(host, spec, path, aList(row), query)).find(
      ({ payload }) => isObject(payload) && payload["runbook_run"] === host.run.id,
    );
    if (before !== undefined) return { ...factsOf(before), created: false };
    const answer = await githubWrite(
      host,
      spec,
      {
        method: "POST",
        path,
        body: {
          ref: spec.ref,
          environment: spec.environment,
          auto_merge: false,
          payload: { runbook_run: host.run.id },
          ...(spec.description === undefined ? {} : { description: spec.description }),
          ...(spec.requiredContexts === undefined ? {} : { required_contexts: [...spec.requiredContexts] }),
        },
        repeatable: false,
      },
      [201, 202, 409],
    );
    if (answer.status === 201) return { ...factsOf(shaped(`POST ${path}`, answer, row)), created: true };
    const { message } = shaped(`POST ${path}`, answer, anObject<{ message: string }>({ message: aText }));
    throw new StepFailure(
      "failed",
      answer.status === 202 ? "merged-not-deployed" : "deployment-refused",
      answer.status === 202
        ? `GitHub merged branches and recorded no deployment: ${message} Deploy the merge commit instead.`
        : `GitHub refuses the deployment of ${spec.ref}: ${message}`,
      { facts: { status: answer.status, error: message } },
    );
  },
});

function factsOf({ id, sha, environment }: Row): Omit<DeploymentResult, "created"> {
  return { id, sha, environment };
}
