/** Keeps what was set where: names, the digests or times that the store shows now, and the run that did it. */
import { closed, listOf, result, row, text, truth } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { addRecords, keyOf, lastRecords, recordsField, type SetRecord } from "./records.ts";

interface RecordSpec {
  readonly place: string;
  readonly secrets: readonly { readonly name: string; readonly digest?: string; readonly updatedAt?: string }[];
  readonly records?: string;
  readonly undo?: boolean;
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
      undo: truth("Takes back what this run recorded: what was recorded before holds again. For `rollback`."),
    },
    ["place", "secrets"],
  ),
  examples: [
    { place: "fly shop", secrets: "${{ steps.imported.outputs.secrets }}" },
    { place: "github acme/shop", secrets: [{ name: "SESSION_KEY" }], undo: true },
  ],
  result: result({ names: listOf(text("Name."), "What was recorded.") }),
  action: (spec) => ({
    text: spec.undo === true ? `take back what was recorded at ${spec.place}` : `record what was set at ${spec.place}`,
    argv: null,
  }),
  async run(spec, host) {
    const now = { at: host.clock.now().toISOString(), run: host.run.id, place: spec.place };
    const earlier = spec.undo === true ? lastRecords(host, spec.records, (row) => row.run !== host.run.id) : null;
    const rows = spec.secrets.map(({ name, digest = null, updatedAt = null }): SetRecord => {
      if (earlier === null) return { ...now, name, digest, updatedAt };
      const known = earlier.get(keyOf(spec.place, name));
      return known ?? { ...now, name, digest: null, updatedAt: null, isVoid: true };
    });
    await addRecords(host, spec.records, rows);
    return { names: spec.secrets.map((each) => each.name) };
  },
});
