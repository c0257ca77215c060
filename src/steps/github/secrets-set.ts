/**
 * Sets secrets of a repository or an environment. A value leaves this process only inside a sealed box for the public
 * key of that scope: https://docs.github.com/en/rest/guides/encrypting-secrets-for-the-rest-api
 */
import { anObject, aText } from "../fly/shape.ts";
import { closed, listOf, result, row, text, truth } from "../schema.ts";
import { defineStepType, StepFailure } from "../step-type.ts";
import { githubFields, githubRead, githubRequired, githubWrite } from "./api.ts";
import { environmentField, type GithubSecretsSpec, secretsOf, secretsPath, secretsPlace } from "./secret-names.ts";

interface SetSpec extends GithubSecretsSpec {
  readonly values: Readonly<Record<string, string>>;
}

interface SetSecret {
  readonly name: string;
  readonly created: boolean;
  readonly updatedAt: string;
}

interface PublicKey {
  readonly key_id: string;
  readonly key: string;
}

/** GitHub's limit. https://docs.github.com/en/actions/concepts/security/secrets */
const mostBytes = 48 * 1024;

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
    const entries = Object.entries(spec.values);
    for (const [name, value] of entries) {
      if (Buffer.byteLength(value) <= mostBytes) continue;
      throw new StepFailure("fatal", "secret-too-large", `${name} is larger than the 48 KB that GitHub takes.`, {
        facts: { name },
      });
    }
    const key = await githubRead(
      host,
      spec,
      secretsPath(spec, "public-key"),
      anObject<PublicKey>({ key_id: aText, key: aText }),
    );
    const seal = await sealer(key.key);
    const created = new Map<string, boolean>();
    for (const [name, value] of entries) {
      const answer = await githubWrite(
        host,
        spec,
        {
          method: "PUT",
          path: secretsPath(spec, name),
          body: { encrypted_value: seal(value), key_id: key.key_id },
          repeatable: true,
        },
        [201, 204],
      );
      created.set(name, answer.status === 201);
    }
    const listed = new Map((await secretsOf(host, spec)).map((each) => [each.name, each.updatedAt]));
    const missing = entries.flatMap(([name]) => (listed.has(name) ? [] : name));
    if (missing.length > 0) {
      throw new StepFailure(
        "failed",
        "secret-missing",
        `GitHub took ${missing.join(", ")}, but does not list it among the secrets of ${secretsPlace(spec)}.`,
        { facts: { missing } },
      );
    }
    return {
      secrets: entries.map(([name]) => ({
        name,
        created: created.get(name) === true,
        updatedAt: listed.get(name) ?? "",
      })),
    };
  },
});

/** `crypto_box_seal` for a public key in base64. libsodium is loaded at the first use only. */
async function sealer(publicKey: string): Promise<(value: string) => string> {
  const { default: sodium } = await import("libsodium-wrappers");
  await sodium.ready;
  const key = Buffer.from(publicKey, "base64");
  if (key.length !== sodium.crypto_box_PUBLICKEYBYTES) {
    throw new StepFailure("failed", "unexpected-answer", "GitHub's public key does not have 32 bytes.");
  }
  return (value) => Buffer.from(sodium.crypto_box_seal(value, key)).toString("base64");
}
