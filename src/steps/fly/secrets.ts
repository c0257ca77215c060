/** Names of an app's secrets. Fly never gives values back; what looks like one in this list is a digest. */
import { commandText } from "../command-text.ts";
import { closed, listOf, nullable, result, row, text } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { appField, flyJson, flyRead } from "./flyctl.ts";
import { aList, anObject, aText, or } from "./shape.ts";

interface SecretRow {
  readonly name: string;
  readonly digest: string;
  readonly status: string | null;
}

const secretRow = anObject<SecretRow>({ name: aText, digest: or(aText, ""), status: or(aText, null) });

export const flySecrets = defineStepType<{ app: string }, { readonly secrets: readonly SecretRow[] }>({
  type: "fly/secrets",
  summary: "Lists the secrets of a Fly app: name, digest, and whether they are deployed. Never a value.",
  docs: "https://fly.io/docs/flyctl/secrets-list/",
  effects: "read",
  timeoutMs: 30_000,
  input: closed({ app: appField }, ["app"]),
  result: result({
    secrets: listOf(
      row({
        name: text("Name."),
        digest: text("Digest of the value."),
        status: nullable(text("`Deployed`, `Staged`, `Partial` or `Unknown`; fly leaves it out on an API error.")),
      }),
      "The secrets, with the vendor's keys.",
    ),
  }),
  stepKeys: ["env"],
  tools: ["fly"],
  action: (spec) => {
    const argv = flyRead(["secrets", "list"], spec.app);
    return { text: commandText(argv), argv };
  },
  run: async (spec, host) => ({
    secrets: await flyJson(host, ["secrets", "list"], spec.app, or(aList(secretRow), [])),
  }),
});
