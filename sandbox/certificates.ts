/**
 * Certificates for the sandbox's own HTTPS, made here so that no other program is needed: X.509 v3 (RFC 5280) over P-256
 * with ECDSA and SHA-256, in DER (X.690).
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

export interface KeyAndCertificate {
  /** PKCS #8, PEM. */
  readonly key: string;
  /** PEM. */
  readonly cert: string;
}

export interface CertificateRequest {
  readonly name: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Null = signs itself. */
  readonly issuer: (KeyAndCertificate & { readonly name: string }) | null;
  /** Of a server: the names and addresses it is for. Absent = an authority. */
  readonly dnsNames?: readonly string[];
  readonly addresses?: readonly string[];
}

export function makeCertificate(request: CertificateRequest): KeyAndCertificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const isAuthority = request.dnsNames === undefined;
  const signer = request.issuer === null ? privateKey : createPrivateKey(request.issuer.key);
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(serialNumber()),
    ecdsaWithSha256,
    distinguishedName(request.issuer?.name ?? request.name),
    sequence(time(request.notBefore), time(request.notAfter)),
    distinguishedName(request.name),
    publicKey.export({ type: "spki", format: "der" }),
    der(
      0xa3,
      sequence(
        extension("551d13", sequence(...(isAuthority ? [der(0x01, Buffer.from([0xff]))] : [])), true),
        // keyCertSign and cRLSign, or digitalSignature.
        extension("551d0f", der(0x03, Buffer.from(isAuthority ? [1, 0x06] : [7, 0x80])), true),
        extension("551d0e", der(0x04, keyId(publicKey))),
        extension("551d23", sequence(der(0x80, keyId(createPublicKey(signer))))),
        ...(isAuthority ? [] : [extension("551d11", sequence(...altNames(request)))]),
      ),
    ),
  );
  const signature = sign("sha256", body, signer);
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: pem(sequence(body, ecdsaWithSha256, bits(signature))),
  };
}

function altNames({ dnsNames = [], addresses = [] }: CertificateRequest): Buffer[] {
  return [
    ...dnsNames.map((name) => der(0x82, Buffer.from(name, "latin1"))),
    ...addresses.map((address) => der(0x87, Buffer.from(address.split(".").map(Number)))),
  ];
}

function keyId(publicKey: KeyObject): Buffer {
  // RFC 5280, 4.2.1.2 leaves the method open; the last bytes of the point tell keys apart as well as a hash of it.
  return publicKey.export({ type: "spki", format: "der" }).subarray(-20);
}

/** Positive, as RFC 5280 asks. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

const ecdsaWithSha256 = sequence(objectId("2a8648ce3d040302"));

function distinguishedName(commonName: string): Buffer {
  return sequence(der(0x31, sequence(objectId("550403"), der(0x0c, Buffer.from(commonName, "utf8")))));
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(objectId(id), ...(critical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value));
}

/** UTCTime until 2049, GeneralizedTime afterwards (RFC 5280, 4.1.2.5). */
function time(date: Date): Buffer {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replace(/[-:T]/g, "");
  const isShort = date.getUTCFullYear() < 2050;
  return der(isShort ? 0x17 : 0x18, Buffer.from(isShort ? digits.slice(2) : digits, "latin1"));
}

function objectId(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, "hex"));
}

function integer(bytes: Buffer): Buffer {
  return der(0x02, bytes);
}

function bits(bytes: Buffer): Buffer {
  return der(0x03, Buffer.concat([Buffer.from([0]), bytes]));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, ...parts);
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const long = content.length < 0x80 ? [] : [...Buffer.from(content.length.toString(16).padStart(4, "0"), "hex")];
  const length = long.length === 0 ? [content.length] : [0x80 | long.length, ...long];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
