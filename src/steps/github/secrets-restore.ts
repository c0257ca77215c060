/**
 * The way back of `github/secrets-set`. GitHub gives neither a value nor a digest, so that the vault's earlier value is the
 * one that was there rests on the audit: what was changed elsewhere is given as `foreign` and reported as lost.
 */
import { closed, listOf, result, row, text } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { githubFields, githubRequired, githubWrite } from "./api.ts";
import { putSealed } from "./seal.ts";
import {
  environmentField,
  type GithubSecret,
  type GithubSecretsSpec,
  secretsOf,
  secretsPath,
  secretsPlace,
} from "./secret-names.ts";

interface RestoreSpec extends GithubSecretsSpec {
  readonly names: readonly string[];
  readonly before: readonly Pick<GithubSecret, "name" | "updatedAt">[];
  readonly values?: Readonly<Record<string, string>>;
  readonly foreign?: readonly string[];
}

interface Restored {
  readonly restored: readonly string[];
  readonly removed: readonly string[];
  readonly lost: readonly string[];
}

export const githubSecretsRestore = defineStepType<RestoreSpec, Restored>({
  type: "github/secrets-restore",
  summary:
    "Sets Actions secrets of a repository or an environment back by values that the vault had before, sealed, and deletes those that were not there. Only what was set since `before` is touched.",
  docs: "https://docs.github.com/en/rest/actions/secrets#create-or-update-a-repository-secret",
  effects: "write",
  timeoutMs: 120_000,
  input: closed(
    {
      ...githubFields,
      environment: environmentField,
      names: listOf(
        text("Name.", { pattern: "^[A-Z_][A-Z0-9_]*$" }),
        "Names whose value was replaced or was not there; one that was given the value it had needs no way back.",
      ),
      before: listOf(
        row({ name: text("Name."), updatedAt: text("RFC 3339.") }),
        "What `github/secrets` listed before they were set.",
      ),
      values: {
        type: "object",
        description: "Name → earlier value, as `${{ secrets.NAME_PREVIOUS }}`; one that nobody has is left out.",
        additionalProperties: { type: "string" },
      },
      foreign: listOf(text("Name."), "Names whose value of before was never in the vault: it is lost."),
    },
    [...githubRequired, "names", "before"],
  ),
  examples: [
    {
      repository: "shop/web",
      token: "${{ secrets.GITHUB_TOKEN }}",
      environment: "production",
      names: ["API_KEY"],
      before: "${{ steps.before.outputs.secrets }}",
      values: { API_KEY: "${{ secrets.API_KEY_PREVIOUS }}" },
      foreign: ["OLD_KEY"],
    },
    {
      repository: "shop/web",
      token: "${{ secrets.GITHUB_TOKEN }}",
      names: ["API_KEY"],
      before: [{ name: "API_KEY", updatedAt: "2026-11-02T10:15:00Z" }],
    },
  ],
  result: result({
    restored: listOf(text("Name."), "Those that were given the vault's earlier value."),
    removed: listOf(text("Name."), "Those that were not there before and are gone again."),
    lost: listOf(text("Name."), "Those that could not be set back: nobody has the earlier value."),
  }),
  secretFields: ["token", "values.*"],
  action: (spec) => ({
    text: `set the secrets of ${secretsPlace(spec)} back: ${Array.isArray(spec.names) ? spec.names.join(", ") : String(spec.names)}`,
    argv: null,
  }),
  async run(spec, host) {
    const { values = {}, foreign = [] } = spec;
    const names = [...new Set(spec.names)];
    const times = new Map(spec.before.map((each) => [each.name, each.updatedAt]));
    const now = new Map((await secretsOf(host, spec)).map((each) => [each.name, each.updatedAt]));
    const replaced = names.filter((name) => times.has(name) && times.get(name) !== now.get(name));
    const added = names.filter((name) => !times.has(name) && now.has(name));
    const known = replaced.filter((name) => values[name] !== undefined && !foreign.includes(name));
    if (known.length > 0)
      await putSealed(host, spec, Object.fromEntries(known.map((name) => [name, values[name] ?? ""])));
    for (const name of added) {
      const request = { method: "DELETE", path: secretsPath(spec, name), repeatable: true };
      await githubWrite(host, spec, request, [204, 404]);
    }
    return { restored: known, removed: added, lost: replaced.filter((name) => !known.includes(name)) };
  },
});
