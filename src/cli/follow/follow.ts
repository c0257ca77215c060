/** Follows a run by its journal alone: what is not in the journal has not happened. */
import { type FSWatcher, fdatasyncSync, fstatSync, openSync, readSync, watch } from "node:fs";
import { dirname, join } from "node:path";
import type { JournalRecord } from "../../engine/events.ts";
import { applyRecord, newRunRecord } from "../../engine/fold.ts";
import { JournalCorrupt } from "../../engine/ports.ts";
import type { RunRecord } from "../../engine/run-record.ts";
import { closeRead, syncDirectory } from "../../host/durable-file.ts";
import { journalName } from "../../host/journal-file.ts";
import { JournalReader, parseLine } from "../../util/journal-line.ts";

/** `fs.watch` may miss events; a slow look catches up. */
const pollMs = 250;
/** While news keep coming they are looked at this often: each look with news syncs the file that the executor syncs too. */
const restMs = 50;

export interface Followed {
  /** Null when there never was a record. */
  readonly record: RunRecord | null;
}

export interface FollowOptions {
  readonly runDir: string;
  /** Called for each record in order, with its line as it stands in the file. */
  readonly onRecord: (record: JournalRecord, run: RunRecord, line: string) => void;
  /** Whether somebody may still write. Asked before each look, so that the last look sees everything. */
  readonly alive: () => boolean;
  /** Stops following although the run goes on. */
  readonly signal?: AbortSignal;
  /** Wakes the follower, for instance when the executor has ended. */
  readonly wake?: Promise<unknown>;
}

/** Returns when nobody writes any more and everything written has been seen. */
export async function follow(options: FollowOptions): Promise<Followed> {
  const tail = new JournalTail(join(options.runDir, journalName));
  let run: RunRecord | null = null;
  const look = (): boolean => {
    const entries = tail.read();
    for (const { record, line } of entries) {
      if (run === null) run = newRunRecord(record);
      else applyRecord(run, record);
      options.onRecord(record, run, line);
    }
    return entries.length > 0;
  };
  const waker = new Waker(options.runDir, options.signal);
  void options.wake?.then(() => waker.wake());
  try {
    for (;;) {
      const alive = options.alive();
      const hadNews = look();
      // What the last look told may be a reason to stay: that the run waits for a person.
      if (options.signal?.aborted || !(alive || (hadNews && options.alive()))) return { record: run };
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
  private offset = 0;
  private isNameDurable = false;
  private readonly reader = new JournalReader<JournalRecord>();

  constructor(file: string) {
    this.file = file;
  }

  read(): { record: JournalRecord; line: string }[] {
    if (this.fd === null) {
      try {
        this.fd = openSync(this.file, "r");
      } catch {
        return [];
      }
    }
    const size = fstatSync(this.fd).size;
    if (size <= this.offset) return [];
    const chunk = Buffer.allocUnsafe(size - this.offset);
    const bytes = readSync(this.fd, chunk, 0, chunk.length, this.offset);
    if (!this.isDurable(this.fd)) return [];
    const text = chunk.subarray(0, bytes);
    const entries: { record: JournalRecord; line: string }[] = [];
    let start = 0;
    for (let end = text.indexOf(10); end >= 0; end = text.indexOf(10, start)) {
      const bytesOfLine = text.subarray(start, end + 1);
      const isLast = text.indexOf(10, end + 1) < 0;
      if (isLast && !parseLine(text.subarray(start, end), this.reader.headHash).ok) break;
      const [record] = this.reader.push(bytesOfLine);
      if (record === undefined) {
        throw new JournalCorrupt(this.reader.lastSeq + 1, `${this.file}: record ${this.reader.lastSeq + 1} is damaged`);
      }
      entries.push({ record, line: bytesOfLine.toString("utf8") });
      start = end + 1;
    }
    this.offset += start;
    return entries;
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
