/**
 * Dead Simple Signing Envelope 1.0.2 with Ed25519 (https://github.com/secure-systems-lab/dsse/blob/master/protocol.md).
 * The signature covers the payload's type and its exact bytes; who verifies uses the bytes it verified and never
 * serialises them again; `keyid` is a hint and proves nothing.
 */
import { sign, verify } from "node:crypto";
import type { PrivateKey, PublicKey } from "./keys.ts";

export interface Envelope {
  readonly payloadType: string;
  /** Base64. */
  readonly payload: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

/** Pre-authentication encoding: `DSSEv1 <length> <type> <length> <payload>`, lengths in bytes. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, "utf8");
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${payload.length} `), payload]);
}

/** The base64 signature of a payload of a type. */
export function signPayload(payloadType: string, payload: Uint8Array, by: PrivateKey): string {
  return sign(null, preAuthEncoding(payloadType, payload), by.key).toString("base64");
}

/** Never throws: a signature that is no base64 of 64 bytes is just not valid. */
export function verifyPayload(payloadType: string, payload: Uint8Array, signature: string, by: PublicKey): boolean {
  const bytes = strictBase64(signature);
  return bytes !== null && bytes.length === 64 && verify(null, preAuthEncoding(payloadType, payload), by.key, bytes);
}

export function signEnvelope(payloadType: string, payload: Uint8Array, by: PrivateKey): Envelope {
  return {
    payloadType,
    payload: Buffer.from(payload).toString("base64"),
    signatures: [{ keyid: by.id, sig: signPayload(payloadType, payload, by) }],
  };
}

/** The verified payload's bytes when one of the signatures is by one of the keys, and by which; otherwise null. */
export function openEnvelope(
  envelope: Envelope,
  payloadType: string,
  keys: readonly PublicKey[],
): { readonly payload: Buffer; readonly key: PublicKey } | null {
  const payload = strictBase64(envelope.payload);
  if (payload === null || envelope.payloadType !== payloadType) return null;
  for (const { sig } of envelope.signatures) {
    const key = keys.find((k) => verifyPayload(payloadType, payload, sig, k));
    if (key !== undefined) return { payload, key };
  }
  return null;
}

/** Standard base64 with padding, written the one way there is; null otherwise. */
function strictBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : null;
}

/** True for an object shaped like an envelope, whatever its signatures are worth. */
export function isEnvelope(value: unknown): value is Envelope {
  const envelope = value as Envelope | null;
  return (
    typeof envelope === "object" &&
    envelope !== null &&
    typeof envelope.payloadType === "string" &&
    typeof envelope.payload === "string" &&
    Array.isArray(envelope.signatures) &&
    envelope.signatures.every((s) => typeof s?.sig === "string" && typeof s.keyid === "string")
  );
}
