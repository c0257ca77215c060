/** Says on GitHub how a deployment stands. */
import { anObject, aText, aWhole } from "../fly/shape.ts";
import { choice, closed, result, text, whole } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { type GithubSpec, githubFields, githubRequired, githubWrite, repositoryPath, shaped } from "./api.ts";

interface StatusSpec extends GithubSpec {
  readonly deployment: number;
  readonly state: string;
  readonly description?: string;
  readonly logUrl?: string;
}

interface StatusResult {
  readonly id: number;
  readonly state: string;
}

export const githubDeploymentStatus = defineStepType<StatusSpec, StatusResult>({
  type: "github/deployment-status",
  summary: "Sets the status of a deployment on GitHub, with a link to the evidence.",
  docs: "https://docs.github.com/en/rest/deployments/statuses#create-a-deployment-status",
  effects: "write",
  timeoutMs: 30_000,
  input: closed(
    {
      ...githubFields,
      deployment: whole("Number of the deployment.", { minimum: 1 }),
      state: choice("The status.", {
        error: "It could not be carried out.",
        failure: "It was carried out and failed.",
        inactive: "A later one has replaced it.",
        in_progress: "It is being carried out.",
        queued: "It waits for its turn.",
        pending: "It waits for something outside.",
        success: "It serves.",
      }),
      description: text("Short text.", { maxLength: 140 }),
      logUrl: text("Where the report is, such as the page of a CI run.", { minLength: 1 }),
    },
    [...githubRequired, "deployment", "state"],
  ),
  examples: [
    {
      repository: "acme/shop",
      token: "${{ secrets.GITHUB_TOKEN }}",
      deployment: "${{ steps.create.outputs.deployment }}",
      state: "success",
      description: "Verified from outside",
      logUrl: "https://ci.example/runs/77",
    },
  ],
  result: result({ id: whole("Number of the status."), state: text("The status GitHub keeps.") }),
  secretFields: ["token"],
  action: (spec) => ({
    text: `set deployment ${spec.deployment} of ${spec.repository} to ${spec.state}`,
    argv: null,
  }),
  async run(spec, host) {
    const path = repositoryPath(spec, "deployments", spec.deployment, "statuses");
    const answer = await githubWrite(
      host,
      spec,
      {
        method: "POST",
        path,
        body: {
          state: spec.state,
          ...(spec.description === undefined ? {} : { description: spec.description }),
          ...(spec.logUrl === undefined ? {} : { log_url: spec.logUrl }),
        },
        repeatable: false,
      },
      [201],
    );
    const { id, state } = shaped(`POST ${path}`, answer, anObject<StatusResult>({ id: aWhole, state: aText }));
    return { id, state };
  },
});
