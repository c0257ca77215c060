/** Ed25519 keys that are the same in every run of the tests, made from a name. Worth nothing anywhere else. */
import { createHash, createPrivateKey } from "node:crypto";
import { type PrivateKey, parsePrivateKey } from "../../src/report/keys.ts";

/** PKCS #8 in front of the 32 bytes of the key: RFC 8410, section 7. */
const prefix = Buffer.from("302e020100300506032b657004220420", "hex");

export function testKey(name: string): PrivateKey {
  const seed = createHash("sha256").update(`runbook test key ${name}`).digest();
  const key = createPrivateKey({ key: Buffer.concat([prefix, seed]), format: "der", type: "pkcs8" });
  return parsePrivateKey(key.export({ format: "pem", type: "pkcs8" }).toString());
}
