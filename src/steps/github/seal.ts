/** Sealed boxes, the only form in which GitHub takes a secret. https://docs.github.com/en/rest/guides/encrypting-secrets-for-the-rest-api */
import { anObject, aText } from "../fly/shape.ts";
import { StepFailure, type StepHost } from "../step-type.ts";
import { githubRead, githubWrite } from "./api.ts";
import { type GithubSecretsSpec, secretsPath } from "./secret-names.ts";

interface PublicKey {
  readonly key_id: string;
  readonly key: string;
}

/** GitHub's limit. https://docs.github.com/en/actions/concepts/security/secrets */
const mostBytes = 48 * 1024;

/** Sets each value with the public key of its scope; gives the names that were new. Nothing is sent when one is too large. */
export async function putSealed(
  host: StepHost,
  spec: GithubSecretsSpec,
  values: Readonly<Record<string, string>>,
): Promise<ReadonlySet<string>> {
  const entries = Object.entries(values);
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
  const created = new Set<string>();
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
    if (answer.status === 201) created.add(name);
  }
  return created;
}

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
