/**
 * One journal line, shared by who writes it and who verifies it (`docs/evidence-format.md`).
 *
 *     {"seq":1,"at":"…","run":"rb-7f3k2m","type":"run.started",…,"hash":"<64 hex digits>"}⏎
 *
 * `hash` is always the last member: SHA-256 over the previous record's 64 hex digits (64 zeros before the first) and
 * this line's bytes in front of `,"hash":`. The newline is the frame. Verifying hashes the bytes as they lie in the
 * file; nothing is serialised again.
 */
import { isUtf8 } from "node:buffer";
import { hash as hashOf } from "node:crypto";
import { printableJson } from "./json.ts";

/** What the first record's hash starts from. */
export const zeroHash = "0".repeat(64);

/** A longer line is damage, not a record: no event comes near it. */
const maxLineBytes = 64 * 1024 * 1024;

/** The members every record has. */
export interface JournalEntry {
  readonly seq: number;
  readonly at: string;
  readonly run: string;
  readonly type: string;
  readonly hash: string;
}

/** `,"hash":"` + 64 digits + `"}` */
const tailBytes = 9 + 64 + 2;
const tailPattern = /.,"hash":"[0-9a-f]{64}"\}$/;

/** The line (newline included) and its hash. `fields` come in the order they shall stand in; without a `hash`. */
export function encodeLine(
  fields: { readonly seq: number; readonly at: string; readonly run: string; readonly type: string },
  previousHash: string,
): { line: string; hash: string } {
  const body = printableJson(fields).slice(0, -1);
  const hash = hashOf("sha256", previousHash + body, "hex");
  return { line: `${body},"hash":"${hash}"}\n`, hash };
}

export type ParsedLine<R> =
  | { readonly ok: true; readonly record: R }
  /** `complete`: a whole record in itself, so what is wrong with it is no torn write. */
  | { readonly ok: false; readonly reason: string; readonly complete: boolean };

/** Reads one line (without its newline) and checks its hash. Never throws. */
export function parseLine<R extends JournalEntry = JournalEntry>(line: Buffer, previousHash: string): ParsedLine<R> {
  const text = line.toString();
  const hash = hashOf("sha256", previousHash + text.slice(0, -tailBytes), "hex");
  const isProven = text.length > tailBytes && text.endsWith(`,"hash":"${hash}"}`);
  if (!isProven && !tailPattern.test(text)) return unproven("it does not end with its hash");
  // Valid UTF-8 survives the way through a string byte for byte, so hashing the text hashes the bytes of the file; what is
  // not valid becomes U+FFFD.
  if (text.includes("\ufffd") && !isUtf8(line)) return unproven("it is not UTF-8");
  let record: R;
  try {
    record = JSON.parse(text) as R;
  } catch {
    return unproven("it is not JSON");
  }
  if (!isEntry(record)) return unproven("it lacks seq, at, run or type");
  if (isProven) return { ok: true, record };
  return { ok: false, reason: "its hash does not follow from its bytes and the record before it", complete: true };
}

function unproven(reason: string): ParsedLine<never> {
  return { ok: false, reason, complete: false };
}

/** Whether a whole record stands at the start of a longer line: its newline was damaged, which no cut-off write does. */
function beginsWithRecord(line: Buffer, previousHash: string): boolean {
  for (let at = line.indexOf(',"hash":"'); at >= 0 && at + tailBytes < line.length; ) {
    if (parseLine(line.subarray(0, at + tailBytes), previousHash).ok) return true;
    at = line.indexOf(',"hash":"', at + 1);
  }
  return false;
}

function isEntry(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const entry = value as Partial<JournalEntry>;
  return (
    Number.isSafeInteger(entry.seq) &&
    typeof entry.at === "string" &&
    typeof entry.run === "string" &&
    typeof entry.type === "string"
  );
}

/** What is wrong with a journal, and where. */
export interface JournalDamage {
  /** The number the first bad record should have. */
  readonly seq: number;
  /** Bytes from the start of the file to that record. */
  readonly offset: number;
  readonly reason: string;
}

export interface JournalScan<R> {
  readonly records: R[];
  /** Bytes of an unfinished record at the end of the file: a write that was cut off. Null = none. */
  readonly torn: null | { readonly offset: number; readonly bytes: number };
  /** Damage that no cut-off write explains. `records` are those before it. Null = none. */
  readonly bad: JournalDamage | null;
}

/** A place in a journal: behind a good record, or its begin. */
export interface JournalPlace {
  readonly run: string | null;
  readonly headHash: string;
  readonly lastSeq: number;
  readonly goodBytes: number;
}

const journalBegin: JournalPlace = { run: null, headHash: zeroHash, lastSeq: 0, goodBytes: 0 };

/**
 * Verifies a journal piece by piece. `push` hands on each record that became complete, one by one, so that none outlives
 * its use; after the first bad one none. `end` says how it ended. Bytes are held back only up to the next newline.
 */
export class JournalReader<R extends JournalEntry = JournalEntry> {
  /** Hash and number of the last good record. */
  headHash: string;
  lastSeq: number;
  /** Bytes up to the end of the last good record. */
  goodBytes: number;
  private run: string | null;
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private totalBytes: number;
  private damage: JournalDamage | null = null;
  private corrupt = false;

  constructor(behind: JournalPlace = journalBegin) {
    this.headHash = behind.headHash;
    this.lastSeq = behind.lastSeq;
    this.goodBytes = behind.goodBytes;
    this.totalBytes = behind.goodBytes;
    this.run = behind.run;
  }

  /** Each record is handed on with its line as it lies in the file, without its newline. */
  push(bytes: Uint8Array, take: (record: R, line: Buffer) => void): void {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.totalBytes += chunk.length;
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      let line = chunk.subarray(start, end);
      if (this.pendingBytes > 0) {
        line = this.pendingBytes > maxLineBytes ? Buffer.alloc(0) : Buffer.concat([...this.pending, line]);
        this.pending = [];
        this.pendingBytes = 0;
      }
      start = end + 1;
      const record = this.check(line);
      if (record !== null) take(record, line);
    }
    if (start < chunk.length) {
      this.pendingBytes += chunk.length - start;
      // A copy, because the caller may fill its buffer again.
      if (this.pendingBytes <= maxLineBytes) this.pending.push(Buffer.from(chunk.subarray(start)));
      else this.pending = [];
    }
  }

  end(): Pick<JournalScan<R>, "torn" | "bad"> {
    if (this.pendingBytes > 0 && this.damage === null) this.fail("the file ends inside it", false);
    if (this.damage === null) return { torn: null, bad: null };
    if (this.corrupt) return { torn: null, bad: this.damage };
    return { torn: { offset: this.goodBytes, bytes: this.totalBytes - this.goodBytes }, bad: null };
  }

  private check(line: Buffer): R | null {
    const parsed = parseLine<R>(line, this.headHash);
    if (this.damage !== null) {
      // Any whole record behind a bad one means that the bad one is not just the end of a cut-off write.
      if (parsed.ok || parsed.complete) this.corrupt = true;
      return null;
    }
    if (!parsed.ok) {
      this.fail(parsed.reason, parsed.complete || beginsWithRecord(line, this.headHash));
      return null;
    }
    const record = parsed.record;
    if (record.seq !== this.lastSeq + 1) {
      this.fail(`it is numbered ${record.seq}`, true);
      return null;
    }
    if (record.run !== (this.run ?? record.run)) {
      this.fail("it belongs to another run", true);
      return null;
    }
    this.run = record.run;
    this.headHash = record.hash;
    this.lastSeq = record.seq;
    this.goodBytes += line.length + 1;
    return record;
  }

  private fail(reason: string, corrupt: boolean): void {
    this.damage = { seq: this.lastSeq + 1, offset: this.goodBytes, reason };
    this.corrupt = corrupt;
  }
}

/** Verifies a whole journal in memory. Never throws; a damaged journal gives the records before the damage. */
export function readJournal<R extends JournalEntry = JournalEntry>(
  chunks: Uint8Array | Iterable<Uint8Array>,
): JournalScan<R> {
  const reader = new JournalReader<R>();
  const records: R[] = [];
  for (const chunk of chunks instanceof Uint8Array ? [chunks] : chunks) {
    reader.push(chunk, (record) => records.push(record));
  }
  return { records, ...reader.end() };
}
