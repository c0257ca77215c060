import { closed, listOf, result, row, text, truth } from "../schema.ts";
import { defineStepType, StepFailure } from "../step-type.ts";
import { githubFields, githubRequired } from "./api.ts";
import { putSealed } from "./seal.ts";
import { environmentField, type GithubSecretsSpec, secretsOf, secretsPlace } from "./secret-names.ts";

interface SetSpec extends GithubSecretsSpec {
  readonly values: Readonly<Record<string, string>>;
}

interface SetSecret {
  readonly name: string;
  readonly created: boolean;
  readonly updatedAt: string;
}

export const githubSecretsSet = defineStepType<SetSpec, { readonly secrets: readonly SetSecret[] }>({
  type: "github/secrets-set",
  summary:
    "Sets Actions secrets of a repository or an environment, each sealed with the public key of its scope before it is sent.",
  docs: "https://docs.github.com/en/rest/actions/secrets#create-or-update-a-repository-secret",
  effects: "write",
  timeoutMs: 120_000,
  input: closed(
    {
      ...githubFields,
      environment: environmentField,
      values: {
        type: "object",
        description: "Name → value, as `${{ secrets.NAME }}`. GitHub keeps names in capitals.",
        minProperties: 1,
        propertyNames: { pattern: "^(?!GITHUB_)[A-Z_][A-Z0-9_]*$" },
        additionalProperties: { type: "string", minLength: 1 },
      },
    },
    [...githubRequired, "values"],
  ),
  examples: [
    {
      repository: "acme/shop",
      token: "${{ secrets.GITHUB_TOKEN }}",
      environment: "production",
      values: { SESSION_KEY: "${{ secrets.SESSION_KEY }}" },
    },
  ],
  result: result({
    secrets: listOf(
      row({
        name: text("Name."),
        created: truth("Whether it was new."),
        updatedAt: text("When GitHub says it was set, RFC 3339."),
      }),
      "The secrets that were given, in their order.",
    ),
  }),
  secretFields: ["token", "values.*"],
  action: (spec) => {
    const names = typeof spec.values === "object" ? Object.keys(spec.values).join(", ") : String(spec.values);
    return { text: `set the secrets of ${secretsPlace(spec)}, sealed: ${names}`, argv: null };
  },
  async run(spec, host) {
    const created = await putSealed(host, spec, spec.values);
    const names = Object.keys(spec.values);
    const listed = new Map((await secretsOf(host, spec)).map((each) => [each.name, each.updatedAt]));
    const missing = names.filter((name) => !listed.has(name));
    if (missing.length > 0) {
      throw new StepFailure(
        "failed",
        "secret-missing",
        `GitHub took ${missing.join(", ")}, but does not list it among the secrets of ${secretsPlace(spec)}.`,
        { facts: { missing } },
      );
    }
    return {
      secrets: names.map((name) => ({
        name,
        created: created.has(name),
        updatedAt: listed.get(name) ?? "",
      })),
    };
  },
});
