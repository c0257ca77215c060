/** Keeps what was set where: names, the digests or times that the store shows now, and the run that did it. */
import { closed, listOf, result, row, text } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { addRecords, recordsField } from "./records.ts";

interface RecordSpec {
  readonly place: string;
  readonly secrets: readonly { readonly name: string; readonly digest?: string; readonly updatedAt?: string }[];
  readonly records?: string;
}

export const secretsRecord = defineStepType<RecordSpec, { readonly names: readonly string[] }>({
  type: "secrets/record",
  summary:
    "Adds to a file which secrets were set where, with the digest or time that the store shows; an audit compares with it.",
  docs: "https://fly.io/docs/flyctl/secrets-list/",
  effects: "write",
  timeoutMs: 30_000,
  input: closed(
    {
      place: text("Where they were set, as the audit names it: `fly shop`.", { minLength: 1 }),
      secrets: listOf(
        row({ name: text("Name.", { minLength: 1 }) }),
        "What the store lists, with `digest` or `updatedAt`.",
        {
          minItems: 1,
        },
      ),
      records: recordsField,
    },
    ["place", "secrets"],
  ),
  examples: [
    { place: "fly shop", secrets: "${{ steps.imported.outputs.secrets }}" },
    { place: "github acme/shop", secrets: [{ name: "SESSION_KEY" }] },
  ],
  result: result({ names: listOf(text("Name."), "What was recorded.") }),
  action: (spec) => ({ text: `record what was set at ${spec.place}`, argv: null }),
  async run(spec, host) {
    const common = { at: host.clock.now().toISOString(), run: host.run.id, place: spec.place };
    await addRecords(
      host,
      spec.records,
      spec.secrets.map(({ name, digest, updatedAt }) => ({
        ...common,
        name,
        digest: digest ?? null,
        updatedAt: updatedAt ?? null,
      })),
    );
    return { names: spec.secrets.map((each) => each.name) };
  },
});
