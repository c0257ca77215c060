import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openEnvelope, preAuthEncoding, signEnvelope, signPayload, verifyPayload } from "../../src/report/dsse.ts";
import {
  formatPublicKey,
  keyId,
  loadPrivateKey,
  newKeyPair,
  parsePrivateKey,
  parsePublicKey,
} from "../../src/report/keys.ts";
import { removeDirectory, temporaryDirectory } from "../rig/run-directory.ts";

const dir = temporaryDirectory();
afterAll(() => removeDirectory(dir));

const pair = newKeyPair("operator@example");
const publicKey = parsePublicKey(pair.publicLine);
const privateKey = parsePrivateKey(pair.privatePem);

describe("keys", () => {
  test("a public key survives its line, with its name and id", () => {
    expect(publicKey.name).toBe("operator@example");
    expect(publicKey.id).toBe(privateKey.id);
    expect(publicKey.id).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
    expect(formatPublicKey(publicKey.key, publicKey.name)).toBe(pair.publicLine);
    expect(parsePublicKey(privateKey.publicText).id).toBe(publicKey.id);
  });

  test("the id is what OpenSSL gives for the raw key", () => {
    // The public key of RFC 8032, section 7.1, test 1, through `xxd -r -p | openssl dgst -sha256 -binary | base64`.
    const raw = Buffer.from("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "hex");
    expect(keyId(raw)).toBe("SHA256:If4x36FUomFia/hUBG/SJxt77UtqvkWqWId+9H+XIbk");
    expect(parsePublicKey(`ed25519:${raw.toString("base64")} rfc`).id).toBe(keyId(raw));
  });

  test.each([
    "",
    "ssh-ed25519 AAAA x",
    "ed25519:AAAA x",
    `ed25519:${"A".repeat(43)}B x`,
    `ed25519:${"A".repeat(44)} x`,
  ])("%j is no public key", (text) => {
    expect(() => parsePublicKey(text)).toThrow(/not a public key/);
  });

  test("a private key file that others can read, a link and other text are refused", () => {
    const file = join(dir, "key.pem");
    writeFileSync(file, pair.privatePem, { mode: 0o600 });
    expect(loadPrivateKey(file).id).toBe(pair.id);
    chmodSync(file, 0o644);
    expect(() => loadPrivateKey(file)).toThrow(/chmod 600/);
    chmodSync(file, 0o600);
    symlinkSync(file, join(dir, "link.pem"));
    expect(() => loadPrivateKey(join(dir, "link.pem"))).toThrow(/is a link/);
    expect(() => loadPrivateKey(join(dir, "none.pem"))).toThrow(/there is no key .*none\.pem/);
    expect(() => parsePrivateKey("hello")).toThrow(/not a private key/);
  });
});

describe("DSSE", () => {
  test("encodes as the protocol's example", () => {
    // https://github.com/secure-systems-lab/dsse/blob/master/protocol.md, test vectors
    expect(preAuthEncoding("http://example.com/HelloWorld", Buffer.from("hello world")).toString()).toBe(
      "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
    );
  });

  test("counts bytes, not characters", () => {
    expect(preAuthEncoding("é", Buffer.from("漢")).toString()).toBe("DSSEv1 2 é 3 漢");
  });

  test("signs type and bytes", () => {
    const payload = Buffer.from('{"a":1}');
    const signature = signPayload("text/a", payload, privateKey);
    expect(verifyPayload("text/a", payload, signature, publicKey)).toBe(true);
    expect(verifyPayload("text/b", payload, signature, publicKey)).toBe(false);
    expect(verifyPayload("text/a", Buffer.from('{"a": 1}'), signature, publicKey)).toBe(false);
    expect(verifyPayload("text/a", payload, signature, parsePublicKey(newKeyPair("x").publicLine))).toBe(false);
    for (const odd of ["", "AAAA", `${signature} `, signature.replace(/=+$/, ""), "\u0000"]) {
      expect(verifyPayload("text/a", payload, odd, publicKey)).toBe(false);
    }
  });

  test("opens for the right key whatever the key id says", () => {
    const envelope = signEnvelope("text/a", Buffer.from("x"), privateKey);
    const renamed = { ...envelope, signatures: envelope.signatures.map((s) => ({ ...s, keyid: "somebody" })) };
    expect(openEnvelope(renamed, "text/a", [publicKey])?.payload.toString()).toBe("x");
    expect(openEnvelope(envelope, "text/b", [publicKey])).toBeNull();
    expect(openEnvelope(envelope, "text/a", [])).toBeNull();
    expect(openEnvelope({ ...envelope, payload: `${envelope.payload}\n` }, "text/a", [publicKey])).toBeNull();
  });
});
