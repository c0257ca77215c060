/** Names of an app's secrets. Fly never gives values back; what looks like one in this list is a digest. */
import { commandText } from "../command-text.ts";
import { closed, result } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { appField, flyRead } from "./flyctl.ts";
import { readSecrets, type SecretRow, secretRowsSchema } from "./secret-rows.ts";

export const flySecrets = defineStepType<{ app: string }, { readonly secrets: readonly SecretRow[] }>({
  type: "fly/secrets",
  summary: "Lists the secrets of a Fly app: name, digest, and whether they are deployed. Never a value.",
  docs: "https://fly.io/docs/flyctl/secrets-list/",
  effects: "read",
  timeoutMs: 30_000,
  input: closed({ app: appField }, ["app"]),
  examples: [{ app: "${{ target.app }}" }],
  result: result({ secrets: secretRowsSchema }),
  stepKeys: ["env"],
  tools: ["fly"],
  action: (spec) => {
    const argv = flyRead(["secrets", "list"], spec.app);
    return { text: commandText(argv), argv };
  },
  run: async (spec, host) => ({ secrets: await readSecrets(host, spec.app) }),
});
