/** The certificate a server shows. */
import { type CertificateFacts, readCertificate } from "./probes.ts";
import { closed, decimal, listOf, notBoth, result, row, text, truth, whole } from "./schema.ts";
import { defineStepType, StepFailure } from "./step-type.ts";

interface TlsSpec {
  readonly host: string;
  readonly port?: number;
  readonly serverName?: string;
  readonly ca?: string;
  readonly caText?: string;
  readonly allowUntrusted?: boolean;
}

const certificateProperties = {
  subject: text("Subject, `CN=shop.example`."),
  issuer: text("Issuer."),
  altNames: listOf({ type: "string" }, "Names and addresses it is for."),
  validFrom: text("RFC 3339."),
  validTo: text("RFC 3339."),
  fingerprint256: text("SHA-256 of the certificate, in hexadecimal pairs."),
};

interface CertificateRow extends Omit<CertificateFacts, "validFrom" | "validTo"> {
  readonly validFrom: string;
  readonly validTo: string;
}

interface TlsResult extends CertificateRow {
  readonly protocol: string;
  readonly cipher: string;
  readonly trusted: boolean;
  readonly problem: string;
  readonly daysLeft: number;
  readonly chain: readonly CertificateRow[];
}

export const tls = defineStepType<TlsSpec, TlsResult>({
  type: "tls",
  summary:
    "Shakes hands by TLS 1.2 or newer and reads the certificate. Fails when its chain, name or dates do not hold.",
  docs: "https://www.rfc-editor.org/rfc/rfc8446",
  effects: "read",
  timeoutMs: 15_000,
  input: closed(
    {
      host: text("Name or address.", { minLength: 1 }),
      port: whole("Port, default 443.", { minimum: 1, maximum: 65_535 }),
      serverName: text("Name the certificate must be for, and sent as SNI. Default: `host`."),
      ca: text("PEM file with the only authorities to trust, relative to the runbook file. Default: the usual ones."),
      caText: text("The same as PEM text instead of a file."),
      allowUntrusted: truth("Do not fail when chain, name or dates do not hold; `verify` decides. Default false."),
    },
    ["host"],
    notBoth("ca", "caText"),
  ),
  examples: [
    { host: "shop.example" },
    {
      host: "10.0.0.7",
      port: 8443,
      serverName: "internal.shop.example",
      ca: "keys/internal-ca.pem",
      allowUntrusted: true,
    },
    { host: "10.0.0.8", caText: "${{ steps.ca.outputs.pem }}" },
  ],
  result: result({
    protocol: text("`TLSv1.3` or `TLSv1.2`."),
    cipher: text("Cipher suite."),
    trusted: truth("Whether chain, name and dates hold."),
    problem: text("Why it is not trusted, such as `CERT_HAS_EXPIRED`; empty when it is."),
    daysLeft: decimal("Days until it expires, negative afterwards."),
    ...certificateProperties,
    chain: listOf(row(certificateProperties), "Issuers above it."),
  }),
  fileFields: ["ca"],
  action: (spec) => ({ text: `read the certificate of ${spec.host}:${spec.port ?? 443}`, argv: null }),
  async run(spec, host) {
    const port = spec.port ?? 443;
    const serverName = spec.serverName ?? spec.host;
    const ca = spec.ca === undefined ? (spec.caText ?? null) : host.files.readSealed(spec.ca);
    const seen = await readCertificate({ host: spec.host, port, serverName, ca }, host.signal);
    const left = seen.certificate.validTo.getTime() - host.clock.now().getTime();
    const found: TlsResult = {
      protocol: seen.protocol,
      cipher: seen.cipher,
      trusted: seen.problem === null,
      problem: seen.problem ?? "",
      daysLeft: Math.floor((left / 86_400_000) * 10) / 10,
      ...rowOf(seen.certificate),
      chain: seen.chain.map(rowOf),
    };
    if (found.trusted || spec.allowUntrusted === true) return found;
    throw new StepFailure(
      "failed",
      "certificate-untrusted",
      `The certificate of ${spec.host}:${port} (${found.subject}, until ${found.validTo}) is not trusted for ${serverName}: ${found.problem}.`,
      { facts: { host: spec.host, port, problem: found.problem, validTo: found.validTo }, result: found },
    );
  },
});

function rowOf(facts: CertificateFacts): CertificateRow {
  return { ...facts, validFrom: facts.validFrom.toISOString(), validTo: facts.validTo.toISOString() };
}
