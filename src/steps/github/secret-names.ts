/** Secrets of a repository or of one of its environments: names and times. GitHub never gives a value back. */
import type { JsonSchema } from "../../util/json.ts";
import { aList, anObject, aText, type Shape } from "../fly/shape.ts";
import { listOf, row, text } from "../schema.ts";
import type { StepHost } from "../step-type.ts";
import { type GithubSpec, githubPages, repositoryPath } from "./api.ts";

export interface GithubSecretsSpec extends GithubSpec {
  readonly environment?: string;
}

export interface GithubSecret {
  readonly name: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export const environmentField: JsonSchema = text("Environment whose secrets are meant; left out, the repository's.", {
  minLength: 1,
});

const githubSecretRow: JsonSchema = row({
  name: text("Name."),
  createdAt: text("When it was made, RFC 3339."),
  updatedAt: text("When it was last set, RFC 3339."),
});

export const githubSecretRows: JsonSchema = listOf(githubSecretRow, "The secrets, sorted by name.");

const page: Shape<readonly GithubSecret[]> = (value, at) => {
  const secret = anObject<{ name: string; created_at: string; updated_at: string }>({
    name: aText,
    created_at: aText,
    updated_at: aText,
  });
  return anObject<{ secrets: { name: string; created_at: string; updated_at: string }[] }>({
    secrets: aList(secret),
  })(value, at).secrets.map(({ name, created_at, updated_at }) => ({
    name,
    createdAt: created_at,
    updatedAt: updated_at,
  }));
};

/** `…/actions/secrets`, or the same of an environment. */
export function secretsPath(spec: GithubSecretsSpec, ...parts: readonly string[]): string {
  return spec.environment === undefined
    ? repositoryPath(spec, "actions", "secrets", ...parts)
    : repositoryPath(spec, "environments", spec.environment, "secrets", ...parts);
}

export async function secretsOf(host: StepHost, spec: GithubSecretsSpec): Promise<GithubSecret[]> {
  const found = await githubPages(host, spec, secretsPath(spec), page);
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `shop/web`, or `shop/web production` */
export function secretsPlace(spec: GithubSecretsSpec): string {
  return spec.environment === undefined ? spec.repository : `${spec.repository} ${spec.environment}`;
}
