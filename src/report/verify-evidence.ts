/** `evidence.json` against the journal and the files, and its signature against a key. */
import type { RunRecord } from "../engine/run-record.ts";
import { isObject } from "../util/json.ts";
import { isEnvelope, openEnvelope } from "./dsse.ts";
import { evidenceFile, evidenceStatement, type Signer, statementPayloadType } from "./evidence.ts";
import { KeyError, type PublicKey, parsePublicKey } from "./keys.ts";
import { readRunFile } from "./run-files.ts";
import { sumsFile } from "./sums.ts";
import type { Report, VerifyOptions } from "./verify.ts";
import type { DigestCache } from "./verify-files.ts";

/** `untrusted`: right in itself, but by nobody who was asked for. */
export type SignatureState = "valid" | "absent" | "invalid" | "untrusted";

export interface EvidenceCheck {
  readonly dir: string;
  readonly digests: DigestCache;
  readonly report: Report;
  readonly options: VerifyOptions;
  readonly record: RunRecord | null;
  readonly sealed: boolean;
}

/** `signer`: the key id that the statement names; it is worth what `signature` says. */
export function checkEvidence(check: EvidenceCheck): {
  readonly signature: SignatureState;
  readonly signer: string | null;
} {
  let signer: string | null = null;
  const signature = checkSignature(check, (statement) => {
    signer = signerOf(statement)?.keyId ?? null;
  });
  return { signature, signer };
}

function checkSignature(check: EvidenceCheck, onStatement: (statement: unknown) => void): SignatureState {
  const { dir, digests, report, options, sealed } = check;
  const wanted = wantedKeys(options.key, report);
  const state = (signature: SignatureState): SignatureState => {
    if (options.key !== undefined && signature !== "valid") {
      report(`signature-${signature}`, `evidence.json is not signed by the given key (signature: ${signature})`);
    } else if (signature === "invalid") report("signature-invalid", "the signature of evidence.json is not right");
    return signature;
  };
  if (digests.of(evidenceFile) === null) {
    if (sealed) report("evidence-missing", "evidence.json is missing");
    return state("absent");
  }
  let document: unknown;
  try {
    document = JSON.parse(readRunFile(dir, evidenceFile).toString("utf8"));
  } catch {
    report("evidence-unreadable", "evidence.json is not JSON");
    return state("invalid");
  }
  if (!isEnvelope(document)) {
    checkStatement(check, document);
    return state("absent");
  }
  // Exactly the verified bytes are read; an envelope nobody's key opens is read only to find the key it names.
  const trusted = openEnvelope(document, statementPayloadType, wanted);
  const payload = trusted?.payload ?? Buffer.from(document.payload, "base64");
  let statement: unknown = null;
  try {
    statement = JSON.parse(payload.toString("utf8"));
  } catch {
    report("evidence-unreadable", "the payload of evidence.json is not JSON");
    return state("invalid");
  }
  onStatement(statement);
  checkStatement(check, statement);
  if (trusted !== null) return state("valid");
  const named = namedKey(statement);
  const holds = named !== null && openEnvelope(document, statementPayloadType, [named]) !== null;
  return state(holds ? "untrusted" : "invalid");
}

function wantedKeys(text: string | undefined, report: Report): PublicKey[] {
  try {
    return (text ?? "")
      .split("\n")
      .filter((line) => line.trim() !== "" && !line.startsWith("#"))
      .map(parsePublicKey);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    report("key-unreadable", `the given key cannot be read: ${error.message}`);
    return [];
  }
}

function signerOf(statement: unknown): Signer | null {
  const predicate = isObject(statement) ? statement["predicate"] : null;
  const integrity = isObject(predicate) ? predicate["integrity"] : null;
  const signer = isObject(integrity) ? integrity["signer"] : null;
  if (!isObject(signer) || typeof signer["publicKey"] !== "string" || typeof signer["keyId"] !== "string") return null;
  return { keyId: signer["keyId"], publicKey: signer["publicKey"] };
}

function namedKey(statement: unknown): PublicKey | null {
  try {
    return parsePublicKey(signerOf(statement)?.publicKey ?? "");
  } catch {
    return null;
  }
}

/** Subjects are the files as they are; the predicate is what the journal gives. */
function checkStatement({ digests, report, options, record }: EvidenceCheck, statement: unknown): void {
  const subject = isObject(statement) ? statement["subject"] : null;
  if (!isObject(statement) || !Array.isArray(subject)) {
    report("evidence-unreadable", "evidence.json is no in-toto statement");
    return;
  }
  const named = new Map<string, string>();
  for (const entry of subject) {
    const digest = isObject(entry) && isObject(entry["digest"]) ? entry["digest"]["sha256"] : null;
    const name = isObject(entry) ? entry["name"] : null;
    if (typeof name !== "string" || typeof digest !== "string" || name === evidenceFile || name === sumsFile) {
      report("evidence-unreadable", "a subject of evidence.json has no name or digest");
      continue;
    }
    named.set(name, digest);
    const found = digests.of(name);
    if (found === null) report("file-missing", `${name} is a subject of evidence.json and missing`);
    else if (found.sha256 !== digest) report("file-changed", `${name} is not what evidence.json says`);
  }
  if (!named.has("journal.ndjson")) report("evidence-differs", "evidence.json does not speak of journal.ndjson");
  if (record === null) return;
  if (options.tool === record.started.tool) {
    const expected = evidenceStatement(record, named, signerOf(statement));
    if (JSON.stringify(expected) !== JSON.stringify(statement)) {
      report("evidence-differs", "evidence.json is not what the journal gives");
    }
    return;
  }
  const predicate = isObject(statement["predicate"]) ? statement["predicate"] : {};
  const integrity = isObject(predicate["integrity"]) ? predicate["integrity"] : {};
  const journal = isObject(integrity["journal"]) ? integrity["journal"] : {};
  if (
    predicate["id"] !== record.run ||
    predicate["result"] !== record.result ||
    journal["headHash"] !== record.headHash ||
    journal["records"] !== record.lastSeq
  ) {
    report("evidence-differs", "evidence.json speaks of another run, result or journal");
  }
}
