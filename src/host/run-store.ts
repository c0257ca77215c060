/** The local `RunStore`: a run directory with its journal, inbox and locks. The only door to run state in this mode. */
import type { JournalEvent } from "../engine/events.ts";
import { applyRecord, newRunRecord } from "../engine/fold.ts";
import type { LockOutcome, ReceivedMessage, RunStore } from "../engine/ports.ts";
import type { RunRecord } from "../engine/run-record.ts";
import type { Masker } from "../util/mask/masker.ts";
import { takeMessages, watchInbox } from "./inbox.ts";
import { type FoldedJournal, JournalWriter } from "./journal-file.ts";
import { acquireLock, releaseLock } from "./locks.ts";

export interface StoreOptions {
  readonly stateDir: string;
  readonly runDir: string;
  readonly run: string;
  readonly now: () => Date;
  /** Every event goes through it: the one masking sink of the journal. */
  readonly masker: Masker;
  /** Called when the journal can no longer be written. */
  readonly onPoison: (error: unknown) => void;
}

export class FileRunStore implements RunStore {
  readonly record: RunRecord;
  private readonly options: StoreOptions;
  private readonly writer: JournalWriter;
  /** The sync of this turn, if something was appended in it. */
  private committing: Promise<void> | null = null;
  /** Names of messages that were handed out. */
  private readonly taken = new Set<string>();

  private constructor(options: StoreOptions, writer: JournalWriter, record: RunRecord) {
    this.options = options;
    this.writer = writer;
    this.record = record;
  }

  /** Starts a run's journal with `first`; durable, directory included, when it returns. */
  static create(options: StoreOptions, first: JournalEvent): FileRunStore {
    const writer = JournalWriter.create(options.runDir, options.run, options.now);
    const record = newRunRecord(writer.append(options.masker.json(first)));
    writer.flush();
    writer.syncDirectory();
    return new FileRunStore(options, writer, record);
  }

  /** Goes on with a run whose journal was read since it was claimed. Throws when there is no record in it. */
  static open(options: StoreOptions, journal: FoldedJournal | null): FileRunStore {
    if (journal === null || journal.record === null) throw new Error("the journal is empty");
    const { writer, repair } = JournalWriter.open(options.runDir, options.run, options.now, journal);
    const store = new FileRunStore(options, writer, journal.record);
    if (repair !== null) {
      store.append(repair);
      store.flush();
    }
    return store;
  }

  append(event: JournalEvent): void {
    applyRecord(this.record, this.writer.append(this.options.masker.json(event)));
    this.committing ??= this.commitAfterTurn();
  }

  /**
   * Resolves when everything appended is durable, rejects with what `flush` throws. Group commit: what several steps record
   * in one turn, their intents included, shares one sync.
   */
  committed(): Promise<void> {
    return this.committing ?? Promise.resolve();
  }

  private commitAfterTurn(): Promise<void> {
    const commit = new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        this.committing = null;
        try {
          this.writer.flush();
          resolve();
        } catch (error) {
          this.options.onPoison(error);
          reject(error);
        }
      });
    });
    commit.catch(() => {}); // where nobody waits for it, `onPoison` was told
    return commit;
  }

  flush(): void {
    this.writer.flush();
  }

  takeMessages(): Promise<readonly ReceivedMessage[]> {
    return Promise.resolve(takeMessages(this.options.runDir, this.taken));
  }

  onMessage(listener: () => void): () => void {
    return watchInbox(this.options.runDir, listener);
  }

  acquireLock(key: string): Promise<LockOutcome> {
    return acquireLock(this.options.stateDir, key, this.options.run, this.options.now());
  }

  releaseLock(key: string): Promise<void> {
    return releaseLock(this.options.stateDir, key, this.options.run);
  }
}
