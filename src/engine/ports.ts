/** What the engine needs from the world, as interfaces; `host/` has the only implementations that touch it. */
import type { Effects } from "../language/runbook.ts";
import type { StepType } from "../steps/step-type.ts";
import type { Json, JsonObject } from "../util/json.ts";
import type { Artifact, Failure, JournalEvent, JournalRecord, Person } from "./events.ts";
import type { CommandRecord, RunRecord } from "./run-record.ts";

/**
 * The one door to run state. Locally these are files (`host/run-store.ts`); the engine may not know.
 * Every method that makes something durable throws `JournalError` when it cannot; after that nothing may be started.
 */
export interface RunStore {
  readonly record: RunRecord;
  /** Queues an event; durable at the next `flush` (or at the end of this turn of the event loop). */
  append(event: JournalEvent): void;
  /** Returns when everything appended so far is durable. Synchronous: what comes after it comes after it. */
  flush(): void;
  /** Decisions, aborts and signals that others left for this run, oldest first; each store hands each out once. */
  takeMessages(): Promise<readonly ReceivedMessage[]>;
  /** Calls back when messages may have arrived; returns how to stop. */
  onMessage(listener: () => void): () => void;
  acquireLock(key: string): Promise<LockOutcome>;
  releaseLock(key: string): Promise<void>;
}

export type LockOutcome =
  | { readonly kind: "acquired" }
  | { readonly kind: "busy"; readonly run: string; readonly step: string | null; readonly sinceMs: number };

export interface ReceivedMessage {
  readonly message: InboxMessage;
  /**
   * Removes it for good. To be called when what it led to is durable: until then the message is all there is of an answer
   * whose giver was told that it is kept. A message may therefore come again after a crash.
   */
  remove(): void;
}

/** What another process asks of the executor. Validated where it is written and again where it is read. */
export type InboxMessage =
  | {
      readonly kind: "decision";
      readonly step: string;
      readonly decision: "approved" | "rejected";
      readonly by: Person;
      readonly reason: string | null;
      readonly shownDigest: string;
      readonly signature: string | null;
      readonly attachments: readonly { readonly name: string; readonly file: string }[];
    }
  | { readonly kind: "override"; readonly step: string; readonly reason: string; readonly by: Person }
  | {
      readonly kind: "abort";
      readonly by: Person;
      readonly reason: string | null;
      readonly rollback: boolean;
      readonly now: boolean;
    }
  /** About a way back that was announced: at once, or not at all. */
  | { readonly kind: "rollback"; readonly begin: boolean; readonly by: Person }
  | { readonly kind: "signal"; readonly signal: "SIGINT" | "SIGTERM"; readonly press: number };

/** The journal could not be made durable: disk full, I/O error, short write. Exit 9. */
export class JournalError extends Error {
  readonly code: string;
  readonly file: string;
  constructor(code: string, file: string, message: string) {
    super(message);
    this.name = "JournalError";
    this.code = code;
    this.file = file;
  }
}

/** The journal is damaged beyond its torn tail. Exit 8. */
export class JournalCorrupt extends Error {
  readonly seq: number;
  constructor(seq: number, message: string) {
    super(message);
    this.name = "JournalCorrupt";
    this.seq = seq;
  }
}

/** What a search of the run's files for secrets found. Names only, never values. */
export interface SecretScan {
  readonly files: number;
  readonly bytes: number;
  /** One for each secret in each file, by path. */
  readonly leaks: readonly { readonly file: string; readonly secret: string }[];
  /** Why not everything could be looked at; null = it was. */
  readonly problem: string | null;
}

export interface EngineClock {
  /** Wall clock. */
  now(): Date;
  /** Monotonic, milliseconds; stands still while the machine is suspended. */
  monotonicMs(): number;
  /** Milliseconds since boot, suspend included. */
  bootMs(): number;
  /** Resolves after `ms`, or at once when `signal` aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** One execution of one action: an attempt of a step, one poll of `until`, or a `check`. */
export interface ActionRequest {
  // biome-ignore lint/suspicious/noExplicitAny: the schema of the type guards the border.
  readonly type: StepType<any, any>;
  /** `with`, holes filled, secrets in it. */
  readonly spec: JsonObject;
  readonly path: string;
  readonly attempt: number;
  readonly effects: Effects;
  /** Declared environment, secrets in it; the runner adds the allow-list. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | null;
  readonly stdin: string | null;
  readonly timeoutMs: number;
  /** False for polls and checks: commands leave no record of their own. */
  readonly recorded: boolean;
  /** Commands of the interrupted attempt, in order: their results are adopted instead of running them again. */
  readonly adopt: readonly CommandRecord[];
  readonly signal: AbortSignal;
}

export type ActionOutcome =
  | { readonly kind: "done"; readonly result: Json; readonly durationMs: number }
  | { readonly kind: "failed"; readonly failure: Failure; readonly result: Json; readonly durationMs: number }
  | { readonly kind: "cancelled"; readonly failure: Failure; readonly result: Json; readonly durationMs: number }
  /** Nobody can say how it ended. */
  | { readonly kind: "lost"; readonly why: string };

export interface ActionRunner {
  run(request: ActionRequest): Promise<ActionOutcome>;
  /**
   * Takes over the ends of an interrupted attempt's commands and records them; waits for those that still run. What
   * nobody can tell any more stays open.
   */
  adoptCommands(
    step: Pick<ActionRequest, "path" | "attempt" | "signal">,
    commands: readonly CommandRecord[],
  ): Promise<void>;
  /** Copies the files that match into the evidence; throws `StepFailure` when a pattern matches nothing. */
  keepArtifacts(path: string, cwd: string | null, patterns: readonly string[]): Promise<readonly Artifact[]>;
  /** Copies a file that a person attached to an answer into the evidence; throws when it cannot be read. */
  keepFile(path: string, name: string, file: string): Artifact;
  /** State of a window of the config now; undefined = no such window. */
  windowOpen(
    name: string,
  ): Promise<{ readonly open: boolean; readonly mode: "block" | "warn"; readonly now: string } | undefined>;
}

export type { JournalRecord };
