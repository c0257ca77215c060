/**
 * `addendum.ndjson`: what people add to a sealed run: findings, corrective actions, fields of a standard, sign-offs. It is
 * append-only and chained like the journal (`util/journal-line.ts`); every record names the sealed head it speaks about.
 * The sealed report is never touched. `docs/evidence-format.md`, section 8.
 */
import type { Person } from "../engine/events.ts";
import { encodeLine, parseLine, zeroHash } from "../util/journal-line.ts";
import { isObject } from "../util/json.ts";
import { signPayload, verifyPayload } from "./dsse.ts";
import type { Signer } from "./evidence.ts";
import { KeyError, type PrivateKey, type PublicKey, parsePublicKey } from "./keys.ts";
import type { SignatureState } from "./verify-evidence.ts";

export const addendumFile = "addendum.ndjson";
const addendumPayloadType = "application/vnd.runbook.addendum+json";

export type AddendumEntry =
  /** What was learned; "none" is a finding too: somebody looked. */
  | { readonly type: "finding.added"; readonly text: string }
  | {
      readonly type: "action.added";
      readonly text: string;
      readonly owner: string | null;
      /** `2026-12-01`. */
      readonly due: string | null;
      readonly ticket: string | null;
    }
  /** A named statement that a standard asks for: `scenario`, `security_impact`. */
  | { readonly type: "field.added"; readonly name: string; readonly text: string }
  | { readonly type: "signoff.added"; readonly role: string };

export type AddendumRecord = AddendumEntry & {
  readonly seq: number;
  readonly at: string;
  readonly run: string;
  /** `sha256:…`: the last record of the sealed journal when this was written. */
  readonly head: string;
  readonly by: Person;
  readonly signer: Signer | null;
  readonly signature: string | null;
  readonly hash: string;
};

export interface Addendum {
  readonly entries: readonly (AddendumRecord & { readonly signatureState: SignatureState })[];
  /** `sha256:…` of its last good record; of nothing: 64 zeros. */
  readonly headHash: string;
  readonly problems: readonly string[];
}

export const noAddendum: Addendum = { entries: [], headHash: `sha256:${zeroHash}`, problems: [] };

/** One more line for an addendum whose last record has `previousHash` (64 zeros for the first). */
export function addendumLine(
  place: {
    readonly seq: number;
    readonly at: string;
    readonly run: string;
    readonly head: string;
    readonly by: Person;
  },
  entry: AddendumEntry,
  previousHash: string,
  key: PrivateKey | null,
): { readonly line: string; readonly hash: string } {
  const { seq, at, run, head, by } = place;
  const signer: Signer | null = key === null ? null : { keyId: key.id, publicKey: key.publicText };
  const fields = { seq, at, run, ...entry, head, by, signer };
  const payload = Buffer.from(previousHash + JSON.stringify(fields).slice(0, -1));
  const signature = key === null ? null : signPayload(addendumPayloadType, payload, key);
  const signed = { ...fields, signature };
  return encodeLine(signed, previousHash);
}

export interface AddendumContext {
  readonly run: string | null;
  /** Hashes (64 hex digits) of the journal's `run.sealed` records. */
  readonly seals: ReadonlySet<string>;
  /** Whose signatures are trusted: the approvers of the sealed config, and a key given by hand. */
  readonly keys: readonly PublicKey[];
}

/** Reads and checks an addendum. Never throws; what is wrong is in `problems`, and reading stops at a broken chain. */
export function readAddendum(bytes: Buffer, context: AddendumContext): Addendum {
  const entries: (AddendumRecord & { signatureState: SignatureState })[] = [];
  const problems: string[] = [];
  let previous = zeroHash;
  let at = 0;
  while (at < bytes.length) {
    const number = entries.length + 1;
    const end = bytes.indexOf(10, at);
    if (end === -1) {
      problems.push(`record ${number} of ${addendumFile} is cut off`);
      break;
    }
    const line = bytes.subarray(at, end);
    const parsed = parseLine<AddendumRecord>(line, previous);
    const wrong = parsed.ok ? objectionTo(parsed.record, number, context) : parsed.reason;
    if (!parsed.ok || wrong !== null) {
      problems.push(`record ${number} of ${addendumFile}: ${wrong}`);
      break;
    }
    const signatureState = signatureOf(parsed.record, line, previous, context.keys);
    if (signatureState === "invalid") problems.push(`record ${number} of ${addendumFile}: its signature is not right`);
    entries.push({ ...parsed.record, signatureState });
    previous = parsed.record.hash;
    at = end + 1;
  }
  return { entries, headHash: `sha256:${previous}`, problems };
}

function objectionTo(record: AddendumRecord, number: number, { run, seals }: AddendumContext): string | null {
  if (record.seq !== number) return `it is numbered ${record.seq}`;
  if (run !== null && record.run !== run) return `it belongs to the run ${record.run}`;
  if (!seals.has(String(record.head).replace(/^sha256:/, ""))) return "it speaks about a head this journal never had";
  if (!isObject(record.by) || typeof record.by.name !== "string") return "it does not say who wrote it";
  const texts: Record<AddendumEntry["type"], readonly string[]> = {
    "finding.added": ["text"],
    "action.added": ["text"],
    "field.added": ["name", "text"],
    "signoff.added": ["role"],
  };
  const fields = texts[record.type];
  if (fields === undefined) return `its type ${record.type} is not known`;
  const missing = fields.find((name) => typeof (record as unknown as Record<string, unknown>)[name] !== "string");
  return missing === undefined ? null : `it lacks ${missing}`;
}

/** The signature covers the previous hash and the line's bytes in front of `,"signature":`. */
function signatureOf(
  { signature, signer }: AddendumRecord,
  line: Buffer,
  previousHash: string,
  keys: readonly PublicKey[],
): SignatureState {
  if (signature === null || signature === undefined) return "absent";
  const end = line.lastIndexOf(',"signature":"');
  if (end === -1 || signer === null) return "invalid";
  const payload = Buffer.concat([Buffer.from(previousHash), line.subarray(0, end)]);
  try {
    const named = parsePublicKey(signer.publicKey);
    if (!verifyPayload(addendumPayloadType, payload, signature, named)) return "invalid";
    return keys.some((key) => key.id === named.id) ? "valid" : "untrusted";
  } catch (error) {
    if (error instanceof KeyError) return "invalid";
    throw error;
  }
}

/** `Write the paging rule; owner: team-db; due: 2026-12-01; ticket: OPS-12` → its parts. Throws a RangeError. */
export function parseAction(text: string): Extract<AddendumEntry, { type: "action.added" }> {
  const found: Record<string, string> = {};
  let rest = text;
  for (;;) {
    const match = /^(.*);\s*(owner|due|ticket)\s*[:=]\s*([^;]*)$/is.exec(rest);
    if (match === null) break;
    found[(match[2] ?? "").toLowerCase()] = (match[3] ?? "").trim();
    rest = match[1] ?? "";
  }
  const due = found["due"] ?? null;
  if (due !== null && !(/^\d{4}-\d\d-\d\d$/.test(due) && Number.isFinite(Date.parse(due)))) {
    throw new RangeError(`due: ${due} is not a date; write it as 2026-12-01`);
  }
  if (rest.trim() === "") throw new RangeError("the action itself is missing");
  return {
    type: "action.added",
    text: rest.trim(),
    owner: found["owner"] || null,
    due,
    ticket: found["ticket"] || null,
  };
}
