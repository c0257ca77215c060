/**
 * The run record as plain data: what the journal says, folded by `fold.ts`. The engine, `status`, `resume`, the live view
 * and the report all read the same record.
 */
import type { Effects, Phase } from "../language/runbook.ts";
import type { Json, JsonObject } from "../util/json.ts";
import type {
  Artifact,
  CheckOutcome,
  Failure,
  JournalEvent,
  OutputRecord,
  Person,
  RunResult,
  StepStatus,
} from "./events.ts";

export type EventOf<T extends JournalEvent["type"]> = Extract<JournalEvent, { type: T }>;

export interface CommandRecord {
  /** Number of the record that says it began. */
  readonly seq: number;
  readonly command: string;
  readonly attempt: number;
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Names only. */
  readonly env: readonly string[];
  readonly effects: Effects;
  readonly timeoutMs: number;
  readonly startedAt: string;
  /** Null while it runs, or when nobody saw its end. */
  end: null | {
    readonly seq: number;
    readonly exitCode: number | null;
    readonly signal: string | null;
    readonly cause: string;
    readonly durationMs: number;
    readonly drained: boolean;
    readonly survivors: readonly number[];
    readonly outputGap: string;
    readonly adopted: boolean;
    readonly output: OutputRecord;
  };
}

export interface AttemptRecord {
  readonly attempt: number;
  readonly startedAt: string;
  finishedAt: string | null;
  status: StepStatus;
  failure: Failure | null;
  /** Whether an attempt before this one may have changed something. */
  readonly effectBefore: boolean;
}

export interface ApprovalRecord {
  readonly request: EventOf<"approval.requested"> & { readonly at: string; readonly seq: number };
  readonly decisions: (EventOf<"approval.decided"> & { readonly at: string; readonly seq: number })[];
  state: "waiting" | "approved" | "rejected" | "expired" | "refused" | "overridden";
}

export interface StepRecord {
  readonly path: string;
  readonly id: string;
  title: string;
  readonly phase: Phase;
  readonly stepType: string;
  effects: Effects;
  readonly note: string | null;
  status: StepStatus;
  /** Why it was skipped, accepted or cancelled; null = plain. */
  why: string | null;
  action: string | null;
  /** Digest of the resolved definition that ran. */
  definition: string | null;
  attempts: AttemptRecord[];
  startedAt: string | null;
  finishedAt: string | null;
  /** Numbers of the records that say `startedAt` and `finishedAt`; 0 = none. */
  startedSeq: number;
  finishedSeq: number;
  durationMs: number | null;
  outputs: JsonObject;
  result: Json;
  checks: readonly CheckOutcome[];
  artifacts: readonly Artifact[];
  failure: Failure | null;
  commands: CommandRecord[];
  approval: ApprovalRecord | null;
  /** Sequence numbers of the records that say so: the report points at them. */
  seqs: number[];
  /** It ended badly in an earlier execution, the run was resumed, and has not reached it: it is decided again then. */
  reopened: boolean;
  /** A write whose intent was recorded and which was neither refused nor found not applied. */
  tookEffect: boolean;
  /** Whether its undo was verified; null = not undone, or nothing could verify it. */
  undoVerified: boolean | null;
  polls: number;
  /** What its `check` found last; null = it was not asked. */
  lastSeen: null | {
    readonly that: string;
    readonly applied: boolean | null;
    readonly actual: string | null;
    readonly at: string;
    readonly seq: number;
  };
}

/** Something that did not go as written. Computed, never entered by hand. */
export interface Deviation {
  readonly seq: number;
  readonly at: string;
  readonly kind:
    | "override"
    | "skip"
    | "accept"
    | "retry"
    | "interrupted"
    | "resumed"
    | "window"
    | "clock"
    | "journal-repaired"
    | "continued-on-failure"
    | "output-gap"
    | "objective-missed"
    | "budget-exceeded"
    | "aborted"
    | "dirty-source"
    | "notification-failed"
    | "rollback-stopped"
    | "survivors"
    | "secret-leak"
    | "escalated";
  readonly step: string | null;
  readonly what: string;
  readonly by: string | null;
  readonly reason: string | null;
}

/** A run without a verdict, not waiting for a person, on which nobody works any more. */
export function isInterrupted(record: RunRecord, executorAlive: boolean): boolean {
  return record.finished === null && record.result === "running" && !executorAlive;
}

export interface RunRecord {
  readonly run: string;
  readonly started: EventOf<"run.started"> & { readonly at: string; readonly seq: number };
  /** Each time an executor took the run. */
  readonly executors: (EventOf<"executor.started"> & {
    readonly at: string;
    readonly seq: number;
    stoppedAt: string | null;
  })[];
  /** By path, in execution order. */
  readonly steps: Map<string, StepRecord>;
  readonly deviations: Deviation[];
  readonly notifications: (EventOf<"notification.sent"> & { readonly at: string })[];
  /** Of the verdict that stands. */
  escalation: EventOf<"run.escalated"> | null;
  readonly signals: (EventOf<"signal.received"> & { readonly at: string })[];
  readonly overrides: Map<string, { readonly reason: string; readonly by: Person }>;
  /** Keys of `concurrency` that are held now. */
  readonly locks: Set<string>;
  /** Keys that were held at any time, in the order of their first time. */
  readonly locksTaken: Set<string>;
  /** Each time the wall clock was found set: how far it and the time since boot had moved since the look before. */
  readonly clockAnomalies: { readonly seq: number; readonly wallMs: number; readonly bootMs: number }[];
  abort: (EventOf<"abort.requested"> & { readonly at: string }) | null;
  /** `begin`: what a person answered; null = nobody did. */
  undoNotice: null | (EventOf<"rollback.announced"> & { readonly at: string; begin: boolean | null });
  rollback: null | { readonly why: string; readonly steps: readonly string[]; ok: boolean | null };
  /** Since when only a person can advance the run, and the number of the record that says so. */
  waitingSince: string | null;
  waitingSeq: number;
  waitedMs: number;
  result: RunResult;
  finished: (EventOf<"run.finished"> & { readonly at: string; readonly seq: number }) | null;
  sealed: EventOf<"run.sealed"> | null;
  /** The last search for secrets; null = none since the run went on, or it has no secrets. */
  scan: (EventOf<"secrets.scanned"> & { readonly at: string; readonly seq: number }) | null;
  /** Hash and number of the last record folded. */
  headHash: string;
  lastSeq: number;
  lastAt: string;
}
