/** Gives the staged secrets of an app to its machines, by a release that restarts each of them. */
import { commandText, exitFailure } from "../command-text.ts";
import { closed, listOf, result, text } from "../schema.ts";
import { defineStepType, StepFailure } from "../step-type.ts";
import { appField, teach } from "./flyctl.ts";
import { readSecrets, type SecretRow, secretRowsSchema } from "./secret-rows.ts";

interface SecretsDeployed {
  readonly secrets: readonly SecretRow[];
  readonly deployed: readonly string[];
}

export const flySecretsDeploy = defineStepType<{ app: string }, SecretsDeployed>({
  type: "fly/secrets-deploy",
  summary:
    "Gives the staged secrets of a Fly app to its machines, which restart. Fails unless fly then lists every secret as `Deployed`.",
  docs: "https://fly.io/docs/flyctl/secrets-deploy/",
  effects: "write",
  timeoutMs: 600_000,
  input: closed({ app: appField }, ["app"]),
  examples: [{ app: "${{ target.app }}" }],
  result: result({
    secrets: secretRowsSchema,
    deployed: listOf(text("Name."), "Those that were not deployed before and are now."),
  }),
  stepKeys: ["env"],
  tools: ["fly"],
  action: (spec) => {
    const argv = deployCommand(spec.app);
    return { text: commandText(argv), argv };
  },
  async run(spec, host) {
    const waiting = (await readSecrets(host, spec.app)).filter((each) => each.status !== "Deployed");
    const ended = await host.command(deployCommand(spec.app));
    if (ended.exitCode !== 0) throw teach(exitFailure("fly secrets deploy", ended), ended.stderr);
    const secrets = await readSecrets(host, spec.app);
    const left = secrets.filter((each) => each.status !== "Deployed");
    if (left.length > 0) {
      // A status that fly leaves out is not known, and what is not known is not deployed.
      const shown = left.map((each) => `${each.name} (${each.status ?? "status not given"})`).join(", ");
      throw new StepFailure(
        "failed",
        "secrets-not-deployed",
        `fly secrets deploy ended with 0, but not every secret of ${spec.app} is deployed: ${shown}. Look with \`fly secrets list --app ${spec.app}\`.`,
        { facts: { left: left.map((each) => each.name) } },
      );
    }
    const names = new Set(secrets.map((each) => each.name));
    return { secrets, deployed: waiting.flatMap((each) => (names.has(each.name) ? each.name : [])) };
  },
});

function deployCommand(app: string): [string, ...string[]] {
  return ["fly", "secrets", "deploy", "--app", app];
}
