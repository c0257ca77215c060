/**
 * The journal file: append-only NDJSON, hash-chained, one writer. Owns framing, durability and repair; what the records
 * mean is the engine's fold.
 *
 * Invariants: (1) a write is one `write` call whose count is compared; (2) after any error the file is poisoned and
 * never written again by this process; (3) a torn tail is cut off only after its bytes are kept beside the journal.
 */
import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import type { JournalEvent, JournalRecord } from "../engine/events.ts";
import { RunFold } from "../engine/fold.ts";
import { JournalCorrupt, JournalError } from "../engine/ports.ts";
import type { RunRecord } from "../engine/run-record.ts";
import { encodeLine, JournalReader, zeroHash } from "../util/journal-line.ts";
import { asJournalError, closeRead, replaceFile, syncData, syncDirectory, writeAll } from "./durable-file.ts";
import { type Failpoint, failpoint } from "./failpoints.ts";

export const journalName = "journal.ndjson";
const chunkBytes = 1024 * 1024;
/** Most first records are in the first piece. */
const firstBytes = 64 * 1024;

/** Where the good records of a journal end. */
export interface JournalEnd {
  /** Bytes of the records. */
  readonly goodBytes: number;
  /** Bytes behind them: a write that was cut off. */
  readonly torn: number;
  /** Number and hash of the last record; 0 and zeros = there is none. */
  readonly seq: number;
  readonly hash: string;
}

/**
 * Reads and verifies a journal and hands on its records one by one: no more of it is in memory than a chunk. Throws
 * `JournalCorrupt` for damage that is more than a torn tail, at its end: records handed on before are then worth nothing.
 */
export function readRecords(file: string, take: (record: JournalRecord) => void): JournalEnd {
  const reader = new JournalReader<JournalRecord>();
  for (const chunk of chunksOf(file, chunkBytes)) reader.push(chunk, take);
  const { torn, bad } = reader.end();
  if (bad !== null) throw new JournalCorrupt(bad.seq, `${file}: record ${bad.seq} is damaged: ${bad.reason}`);
  return { goodBytes: reader.goodBytes, torn: torn?.bytes ?? 0, seq: reader.lastSeq, hash: reader.headHash };
}

/** How a run began, read without the rest of its journal; null when that cannot be read. */
export function firstRecord(runDir: string): Extract<JournalRecord, { type: "run.started" }> | null {
  const reader = new JournalReader<JournalRecord>();
  let first: JournalRecord | undefined;
  try {
    for (const chunk of chunksOf(join(runDir, journalName), firstBytes)) {
      reader.push(chunk, (record) => {
        first ??= record;
      });
      if (chunk.includes(10)) break;
    }
  } catch {
    return null;
  }
  return first?.type === "run.started" ? first : null;
}

/** The file piece by piece, all in one buffer. */
function* chunksOf(file: string, bytesAtOnce: number): Generator<Buffer> {
  let fd: number;
  try {
    // Non-blocking: one run that is none (a FIFO in its place) must not stop every command that looks at all of them.
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw asJournalError(error, file, "open");
  }
  try {
    if (!fstatSync(fd).isFile()) throw new JournalCorrupt(1, `${file} is not a file`);
    const buffer = Buffer.allocUnsafe(bytesAtOnce);
    for (let bytes = readSync(fd, buffer); bytes > 0; bytes = readSync(fd, buffer)) yield buffer.subarray(0, bytes);
  } finally {
    closeRead(fd);
  }
}

export interface FoldedJournal extends JournalEnd {
  /** Null = the journal is empty. */
  readonly record: RunRecord | null;
}

/** Reads, verifies and folds the journal of a run directory in one pass. Throws as `readRecords`. */
export function foldJournal(runDir: string): FoldedJournal {
  const fold = new RunFold();
  const end = readRecords(join(runDir, journalName), (record) => fold.take(record));
  return { ...end, record: fold.record };
}

export class JournalWriter {
  readonly file: string;
  private readonly fd: number;
  private readonly run: string;
  private readonly now: () => Date;
  private hash: string;
  private seq: number;
  private pending: string[] = [];
  /** What is among the queued records: names of the failpoints that a flush of them passes. */
  private readonly pendingKinds = new Set<"result" | "intent">();
  private poison: JournalError | null = null;

  private constructor(file: string, fd: number, run: string, now: () => Date, seq: number, hash: string) {
    this.file = file;
    this.fd = fd;
    this.run = run;
    this.now = now;
    this.seq = seq;
    this.hash = hash;
  }

  /** Creates the journal of a new run, 0600; its directory must exist. Nothing is in it until the first `flush`. */
  static create(directory: string, run: string, now: () => Date): JournalWriter {
    const file = join(directory, journalName);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND | constants.O_NOFOLLOW;
    try {
      return new JournalWriter(file, openSync(file, flags, 0o600), run, now, 0, zeroHash);
    } catch (error) {
      throw asJournalError(error, file, "create");
    }
  }

  /** Opens the journal of a run that goes on behind `end`, repairing a torn tail first. */
  static open(
    directory: string,
    run: string,
    now: () => Date,
    end: JournalEnd,
  ): { writer: JournalWriter; repair: JournalEvent | null } {
    const file = join(directory, journalName);
    const repair = end.torn === 0 ? null : cutTornTail(file, end.goodBytes, end.torn);
    let fd: number;
    try {
      fd = openSync(file, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW);
    } catch (error) {
      throw asJournalError(error, file, "open");
    }
    return { writer: new JournalWriter(file, fd, run, now, end.seq, end.hash), repair };
  }

  /** Makes the record of an event and queues it. Returns it at once: hash and number are final. */
  append(event: JournalEvent): JournalRecord {
    if (this.poison !== null) throw this.poison;
    const fields = { seq: this.seq + 1, at: this.now().toISOString(), run: this.run, ...event };
    const { line, hash } = encodeLine(fields, this.hash);
    this.seq = fields.seq;
    this.hash = hash;
    this.pending.push(line);
    this.pendingKinds.add(event.type === "step.started" || event.type === "command.started" ? "intent" : "result");
    return Object.assign(fields, { hash }) as JournalRecord;
  }

  get isClean(): boolean {
    return this.pending.length === 0;
  }

  /** Writes and syncs what is queued; when it returns, all of it is durable. */
  flush(): void {
    if (this.poison !== null) throw this.poison;
    if (this.pending.length === 0) return;
    const bytes = Buffer.from(this.pending.join(""));
    const at = (point: string): number | null => {
      let torn: number | null = null;
      for (const kind of this.pendingKinds) torn ??= failpoint(`${kind}.${point}` as Failpoint);
      return torn;
    };
    try {
      at("before_write");
      const torn = at("torn");
      if (torn !== null) {
        writeSync(this.fd, bytes.subarray(0, torn));
        fsyncSync(this.fd);
        process.kill(process.pid, "SIGKILL");
      }
      writeAll(this.fd, bytes, this.file);
      at("before_sync");
      syncData(this.fd, this.file);
      // Synced as it may be, a file without a name is gone when this process is.
      if (fstatSync(this.fd).nlink === 0)
        throw new JournalError("ENOENT", this.file, `${this.file} was removed while the run was written to it`);
      this.pending = [];
      at("after_sync");
      this.pendingKinds.clear();
    } catch (error) {
      this.poison = asJournalError(error, this.file, "write");
      throw this.poison;
    }
  }

  /** The directory entry of a new journal becomes durable. */
  syncDirectory(): void {
    failpoint("journal.create.before_dirsync");
    syncDirectory(dirname(this.file));
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** Keeps the damaged bytes as `journal.broken-<n>`, then cuts them off. */
function cutTornTail(file: string, goodBytes: number, torn: number): JournalEvent {
  const fd = openSync(file, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const bytes = Buffer.alloc(torn);
    readSync(fd, bytes, 0, torn, goodBytes);
    const keptAs = keepBroken(dirname(file), bytes);
    ftruncateSync(fd, goodBytes);
    fsyncSync(fd);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    return { type: "recovery.truncated", bytes: torn, sha256, keptAs };
  } catch (error) {
    throw asJournalError(error, file, "repair");
  } finally {
    closeSync(fd);
  }
}

function keepBroken(directory: string, bytes: Buffer): string {
  for (let n = 1; ; n++) {
    const name = `journal.broken-${n}`;
    try {
      closeSync(openSync(join(directory, name), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") continue;
      throw error;
    }
    replaceFile(join(directory, name), bytes);
    return name;
  }
}
