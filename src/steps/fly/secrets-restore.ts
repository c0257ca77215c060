/**
 * The way back of `fly/secrets-import`. Fly gives no value back, so an earlier value must come from a vault; that it is the
 * very one is proven by its digest, which must be the one of before.
 */
import { exitFailure } from "../command-text.ts";
import { closed, listOf, result, row, text } from "../schema.ts";
import { defineStepType, type StepHost } from "../step-type.ts";
import { appField, teach } from "./flyctl.ts";
import { readSecrets, type SecretRow } from "./secret-rows.ts";
import { secretsText } from "./secrets-text.ts";

interface RestoreSpec {
  readonly app: string;
  readonly names: readonly string[];
  readonly before: readonly Pick<SecretRow, "name" | "digest">[];
  readonly values?: Readonly<Record<string, string>>;
}

interface Restored {
  readonly restored: readonly string[];
  readonly removed: readonly string[];
  readonly lost: readonly string[];
}

export const flySecretsRestore = defineStepType<RestoreSpec, Restored>({
  type: "fly/secrets-restore",
  summary:
    "Sets secrets of a Fly app back to what an earlier list shows, by values that the vault had before, and removes those that were not there; then gives that to the machines, which restart. An earlier value counts only when fly shows the digest of before again.",
  docs: "https://fly.io/docs/flyctl/secrets/",
  effects: "write",
  timeoutMs: 600_000,
  input: closed(
    {
      app: appField,
      names: listOf(
        text("Name.", { pattern: "^[A-Za-z_][A-Za-z0-9_]*$" }),
        "Names that were set; others are left alone.",
      ),
      before: listOf(
        row({ name: text("Name."), digest: text("Digest.") }),
        "What `fly/secrets` listed before they were set.",
      ),
      values: {
        type: "object",
        description: "Name → earlier value, as `${{ secrets.NAME_PREVIOUS }}`; one that nobody has is left out.",
        additionalProperties: { type: "string" },
      },
    },
    ["app", "names", "before"],
  ),
  examples: [
    {
      app: "shop",
      names: ["API_KEY"],
      before: "${{ steps.before.outputs.secrets }}",
      values: { API_KEY: "${{ secrets.API_KEY_PREVIOUS }}" },
    },
    { app: "shop", names: ["API_KEY"], before: [{ name: "API_KEY", digest: "5f3a9c1e0b7d2468" }] },
  ],
  result: result({
    restored: listOf(text("Name."), "Those that have the digest of before again."),
    removed: listOf(text("Name."), "Those that were not there before and are gone again."),
    lost: listOf(
      text("Name."),
      "Those that could not be set back: nobody has the earlier value, or it is another one.",
    ),
  }),
  secretFields: ["values.*"],
  stepKeys: ["env"],
  tools: ["fly"],
  action: (spec) => ({
    text: `set back on ${spec.app}, by digest: ${Array.isArray(spec.names) ? spec.names.join(", ") : String(spec.names)}`,
    argv: null,
  }),
  async run({ app, names, before, values = {} }, host) {
    const digests = new Map(before.map((each) => [each.name, each.digest]));
    const now = new Map((await readSecrets(host, app)).map((each) => [each.name, each]));
    const replaced = names.filter((name) => digests.has(name) && digests.get(name) !== now.get(name)?.digest);
    const added = names.filter((name) => !digests.has(name) && now.has(name));
    const kept = Object.fromEntries(
      replaced.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])),
    );
    const stdin = Object.keys(kept).length === 0 ? null : secretsText(kept);
    if (stdin !== null) await change(host, ["secrets", "import", "--app", app, "--stage"], stdin);
    if (added.length > 0) await change(host, ["secrets", "unset", ...added, "--app", app, "--stage"], null);
    const staged = await readSecrets(host, app);
    const isWaiting = staged.some((each) => names.includes(each.name) && each.status !== "Deployed");
    // What was removed is in no list, and the machines still have it.
    if (added.length > 0 || isWaiting) await change(host, ["secrets", "deploy", "--app", app], null);
    const after = new Map((await readSecrets(host, app)).map((each) => [each.name, each.digest]));
    const isBack = (name: string) => digests.get(name) === after.get(name);
    return {
      restored: replaced.filter(isBack),
      removed: added.filter(isBack),
      lost: [...replaced, ...added].filter((name) => !isBack(name)),
    };
  },
});

async function change(host: StepHost, words: readonly string[], stdin: string | null): Promise<void> {
  const ended = await host.command(["fly", ...words], stdin === null ? {} : { stdin });
  if (ended.exitCode !== 0) throw teach(exitFailure(`fly secrets ${words[1]}`, ended), ended.stderr);
}
