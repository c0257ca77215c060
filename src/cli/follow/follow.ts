/** Follows a run by its journal alone: what is not in the journal has not happened. */
import { type FSWatcher, fdatasyncSync, fstatSync, openSync, readSync, watch } from "node:fs";
import { dirname, join } from "node:path";
import type { JournalRecord } from "../../engine/events.ts";
import { RunFold } from "../../engine/fold.ts";
import { JournalCorrupt } from "../../engine/ports.ts";
import type { RunRecord } from "../../engine/run-record.ts";
import { closeRead, syncDirectory } from "../../host/durable-file.ts";
import { journalName } from "../../host/journal-file.ts";
import { type JournalPlace, JournalReader, parseLine } from "../../util/journal-line.ts";

/** `fs.watch` may miss events; a slow look catches up. */
const pollMs = 250;
/** While news keep coming they are looked at this often: each look with news syncs the file that the executor syncs too. */
const restMs = 50;

/** A run as its journal told it up to a place. */
export interface SeenRun {
  /** Following goes on with it: it changes. */
  readonly record: RunRecord;
  /** Bytes of the journal that it tells of. */
  readonly goodBytes: number;
}

export interface FollowOptions {
  readonly runDir: string;
  /** What was seen before: only what comes behind it is read and told. */
  readonly from?: SeenRun;
  /** Called for each record in order, with its line as it stands in the file, without the newline. */
  readonly onRecord: (record: JournalRecord, run: RunRecord, line: Buffer) => void;
  /** Whether somebody may still write. Asked before each look, so that the last look sees everything. */
  readonly alive: () => boolean;
  /** Stops following although the run goes on. */
  readonly signal?: AbortSignal;
  /** Wakes the follower, for instance when the executor has ended. */
  readonly wake?: Promise<unknown>;
}

/** Returns when nobody writes any more and everything written has been seen; null when there never was a record. */
export async function follow(options: FollowOptions): Promise<SeenRun | null> {
  const tail = new JournalTail(join(options.runDir, journalName), options.from ?? null);
  const fold = new RunFold(options.from?.record ?? null);
  const waker = new Waker(options.runDir, options.signal);
  void options.wake?.then(() => waker.wake());
  try {
    for (;;) {
      const alive = options.alive();
      const hadNews = tail.read((record, line) => options.onRecord(record, fold.take(record), line));
      // What the last look told may be a reason to stay: that the run waits for a person.
      if (options.signal?.aborted || !(alive || (hadNews && options.alive()))) {
        return fold.record === null ? null : { record: fold.record, goodBytes: tail.goodBytes };
      }
      await waker.next(hadNews);
    }
  } finally {
    waker.close();
    tail.close();
  }
}

/**
 * Reads what was appended since the last look. A line without its newline is not there yet, and neither is a bad one
 * with nothing behind it: an executor that begins cuts such a torn end off, so these bytes are read again each time.
 */
class JournalTail {
  private readonly file: string;
  private fd: number | null = null;
  private isNameDurable = false;
  private readonly reader: JournalReader<JournalRecord>;

  constructor(file: string, from: SeenRun | null) {
    this.file = file;
    this.reader = new JournalReader(from === null ? undefined : placeOf(from));
  }

  get goodBytes(): number {
    return this.reader.goodBytes;
  }

  /** Returns whether there was something. */
  read(take: (record: JournalRecord, line: Buffer) => void): boolean {
    if (this.fd === null) {
      try {
        this.fd = openSync(this.file, "r");
      } catch {
        return false;
      }
    }
    const { reader } = this;
    const offset = reader.goodBytes;
    const news = Math.max(0, fstatSync(this.fd).size - offset);
    if (news === 0 && this.isNameDurable) return false;
    const chunk = Buffer.allocUnsafe(news);
    const bytes = readSync(this.fd, chunk, 0, chunk.length, offset);
    if (!this.isDurable(this.fd)) return false;
    const end = chunk.subarray(0, bytes).lastIndexOf(10);
    if (end < 0) return false;
    const last = chunk.subarray(0, end).lastIndexOf(10) + 1;
    reader.push(chunk.subarray(0, last), take);
    if (reader.goodBytes !== offset + last) {
      throw new JournalCorrupt(reader.lastSeq + 1, `${this.file}: record ${reader.lastSeq + 1} is damaged`);
    }
    if (parseLine(chunk.subarray(last, end), reader.headHash).ok) reader.push(chunk.subarray(last, end + 1), take);
    return reader.goodBytes > offset;
  }

  /**
   * Makes what was read durable before anybody is told: the executor may have written it and still be about to sync it. A
   * sync that fails is the executor's to tell; until then the records are not there. What cannot be synced by its nature
   * (a read-only file system) holds nothing that could be lost.
   */
  private isDurable(fd: number): boolean {
    try {
      fdatasyncSync(fd);
      if (!this.isNameDurable) syncDirectory(dirname(this.file));
      this.isNameDurable = true;
      return true;
    } catch (error) {
      const { code } = error as { readonly code?: string };
      return code === "EINVAL" || code === "EROFS" || code === "ENOTSUP";
    }
  }

  close(): void {
    if (this.fd !== null) closeRead(this.fd);
  }
}

function placeOf({ record, goodBytes }: SeenRun): JournalPlace {
  return { run: record.run, headHash: record.headHash, lastSeq: record.lastSeq, goodBytes };
}

/** Says when to look again. The directory is watched only while nothing happens: a busy run would wake this process for each write. */
class Waker {
  private readonly directory: string;
  private watcher: FSWatcher | null = null;
  private woken = false;
  private resolve: (() => void) | null = null;

  constructor(directory: string, signal: AbortSignal | undefined) {
    this.directory = directory;
    signal?.addEventListener("abort", () => this.wake());
  }

  wake(): void {
    this.woken = true;
    this.resolve?.();
  }

  /** `hadNews`: whether the last look found something. */
  async next(hadNews: boolean): Promise<void> {
    if (hadNews) this.close();
    // What came before the watch began is found by one more look.
    else if (this.watcher === null && this.watch()) return;
    if (!this.woken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, hadNews ? restMs : pollMs);
        this.resolve = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.woken = false;
    this.resolve = null;
  }

  private watch(): boolean {
    try {
      this.watcher = watch(this.directory, () => this.wake());
      this.watcher.on("error", () => this.close());
      return true;
    } catch {
      return false; // the slow look is enough
    }
  }

  close(): void {
    this.watcher?.close();
    this.watcher = null;
  }
}
