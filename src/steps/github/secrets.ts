/** Names and times of the secrets of a repository or an environment. */
import { closed, result } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { githubFields, githubRequired } from "./api.ts";
import {
  environmentField,
  type GithubSecret,
  type GithubSecretsSpec,
  githubSecretRows,
  secretsOf,
  secretsPlace,
} from "./secret-names.ts";

export const githubSecrets = defineStepType<GithubSecretsSpec, { readonly secrets: readonly GithubSecret[] }>({
  type: "github/secrets",
  summary: "Lists the Actions secrets of a repository or an environment: names and times. Never a value.",
  docs: "https://docs.github.com/en/rest/actions/secrets#list-repository-secrets",
  effects: "read",
  timeoutMs: 60_000,
  input: closed({ ...githubFields, environment: environmentField }, githubRequired),
  examples: [{ repository: "acme/shop", token: "${{ secrets.GITHUB_TOKEN }}", environment: "production" }],
  result: result({ secrets: githubSecretRows }),
  secretFields: ["token"],
  action: (spec) => ({ text: `list the names of the secrets of ${secretsPlace(spec)}`, argv: null }),
  run: async (spec, host) => ({ secrets: await secretsOf(host, spec) }),
});
