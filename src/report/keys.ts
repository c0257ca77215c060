/**
 * Ed25519 keys for approvals and evidence (RFC 8032), by `node:crypto` alone.
 *
 * Public key file: one line, `ed25519:<base64 of the 32 raw bytes> <name>`. Private key file: PKCS #8 PEM, mode 0600.
 * A key's id is `SHA256:` and the unpadded base64 of the SHA-256 of the raw public key, as OpenSSH prints ids.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";

export class KeyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "KeyError";
  }
}

export interface PublicKey {
  /** Whom the key file names; what a file claims about itself. */
  readonly name: string;
  readonly id: string;
  readonly key: KeyObject;
}

export interface PrivateKey {
  readonly id: string;
  readonly key: KeyObject;
  /** `ed25519:<base64>` of its public half. */
  readonly publicText: string;
}

/** DER in front of the raw bytes: RFC 8410, section 4. */
const spkiPrefix = Buffer.from("302a300506032b6570032100", "hex");

/** `SHA256:<base64>` of a raw public key. */
export function keyId(raw: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(raw).digest("base64").replace(/=+$/, "")}`;
}

/** Reads `ed25519:<base64> <name>`; the name may be absent. Throws `KeyError`. */
export function parsePublicKey(text: string): PublicKey {
  const match = /^ed25519:([A-Za-z0-9+/]{43}=)(?:[ \t]+(\S.*?))?\s*$/.exec(text);
  if (match === null) throw new KeyError("not a public key: expected one line `ed25519:<base64> <name>`");
  const raw = Buffer.from(match[1] ?? "", "base64");
  if (raw.length !== 32 || raw.toString("base64") !== match[1])
    throw new KeyError("not a public key: the base64 is not 32 bytes");
  const key = createPublicKey({ key: Buffer.concat([spkiPrefix, raw]), format: "der", type: "spki" });
  return { name: match[2] ?? "", id: keyId(raw), key };
}

export function formatPublicKey(key: KeyObject, name: string): string {
  if (/[\r\n]/.test(name)) throw new KeyError("a key's name is one line");
  return `ed25519:${rawPublicKey(key).toString("base64")} ${name}\n`;
}

function rawPublicKey(key: KeyObject): Buffer {
  if (key.asymmetricKeyType !== "ed25519")
    throw new KeyError(`an Ed25519 key is needed, this is ${key.asymmetricKeyType}`);
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return publicKey.export({ format: "der", type: "spki" }).subarray(spkiPrefix.length);
}

/** Both files' texts. The caller writes the private one with mode 0600. */
export function newKeyPair(name: string): {
  readonly publicLine: string;
  readonly privatePem: string;
  readonly id: string;
} {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return {
    publicLine: formatPublicKey(publicKey, name),
    privatePem: privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
    id: keyId(rawPublicKey(publicKey)),
  };
}

export function parsePrivateKey(pem: string): PrivateKey {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new KeyError("not a private key: expected PKCS #8 PEM (BEGIN PRIVATE KEY)");
  }
  const raw = rawPublicKey(key);
  return { id: keyId(raw), key, publicText: `ed25519:${raw.toString("base64")}` };
}

function openKey(file: string): number {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new KeyError(`there is no key ${file}`);
    if (code === "ELOOP") throw new KeyError(`the key ${file} is a link; name the file itself`);
    throw new KeyError(`the key ${file} cannot be read: ${code}`);
  }
}

/** Reads a private key file; throws `KeyError` for one that cannot be read, that others can read, and for links. */
export function loadPrivateKey(file: string): PrivateKey {
  const fd = openKey(file);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new KeyError(`${file} is not a file`);
    if ((stat.mode & 0o077) !== 0) throw new KeyError(`${file} can be read by others: chmod 600 ${file}`);
    return parsePrivateKey(readFileSync(fd, "utf8"));
  } finally {
    closeSync(fd);
  }
}
