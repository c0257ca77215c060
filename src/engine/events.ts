/**
 * The journal's events: the only truth about a run. Status, resume, report, history and metrics are folds of these
 * (`run-record.ts`). Types are dotted past tense; fields are only ever added within a major version of the format.
 * Every event is already masked when it is made; `seq`, `at`, `run` and `hash` are added by the journal.
 */
import type { Effects, Phase } from "../language/runbook.ts";
import type { FailureClass } from "../steps/step-type.ts";
import type { Json, JsonObject } from "../util/json.ts";

export type StepStatus =
  | "pending"
  | "running"
  | "succeeded"
  | "failed"
  | "skipped"
  | "waiting"
  | "cancelled"
  | "timed_out"
  | "indeterminate"
  | "undone"
  | "undo_failed";

export const runResults = [
  "running",
  "succeeded",
  "failed",
  "aborted",
  "refused",
  "waiting",
  "interrupted",
  "rolled_back",
  "rollback_failed",
] as const;
export type RunResult = (typeof runResults)[number];

/** A verification's outcome, with both sides in words. */
export interface CheckOutcome {
  readonly that: string;
  readonly status: "met" | "not_met" | "undecided" | "could_not_run";
  readonly severity: "error" | "warning";
  readonly expected: string | null;
  readonly actual: string | null;
  readonly message: string | null;
  /** Value of `show`, when the check was not met. */
  readonly show: Json;
}

export interface Failure {
  readonly class: FailureClass;
  readonly reason: string;
  readonly message: string;
  readonly facts: JsonObject;
}

export interface Artifact {
  /** As the step wrote it, relative to its working directory. */
  readonly name: string;
  /** Relative to the run directory. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** What one command printed: where the masked bytes are and what they were. Paths are relative to the run directory. */
export interface StreamRecord {
  /** Relative to the run directory; `bytes` and `sha256` are of this file. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Bytes of the stream that are not in the file. */
  readonly droppedBytes: number;
  /** The whole masked stream, where the file does not hold all of it. */
  readonly whole?: { readonly bytes: number; readonly sha256: string };
}

export interface OutputRecord {
  readonly stdout: StreamRecord;
  readonly stderr: StreamRecord;
  /** First and last lines of stdout and stderr for the report, masked. */
  readonly excerpt: { readonly stdout: string; readonly stderr: string };
}

/** Who did something, and how that is known. */
export interface Person {
  readonly name: string;
  /** `login` = the OS account; `signature` = an Ed25519 key listed in `policy.approvers`. */
  readonly method: "login" | "signature" | "approval-file";
  readonly login: string;
  readonly keyId: string | null;
  readonly groups: readonly string[];
}

/** Who answers for a procedure, when it may run, and what is kept of a run and how long. */
export interface KeepingFacts {
  readonly owner: string;
  /** Markdown of the runbook: when it is used and what it does not undo. */
  readonly description: string;
  /** Windows its `window` steps ask for. */
  readonly windows: readonly {
    readonly step: string;
    readonly name: string;
    /** `Mon-Fri 09:00-17:00` */
    readonly hours: string;
    readonly timezone: string;
    readonly mode: "block" | "warn";
  }[];
  /** Milliseconds; null = the default of `prune`. */
  readonly retentionMs: number | null;
  /** How often a success is due, milliseconds; null = not a drill. */
  readonly drillEveryMs: number | null;
  /** The report's layout among the sealed files; null = the packaged one. */
  readonly layout: string | null;
  /** Pattern of the file that got a block, below the project. */
  readonly append: string | null;
  /** Pattern of the folder that got this run's folder, below the project. */
  readonly artifactsDir: string | null;
}

export interface StepFacts {
  /** `confirm.version`, `deploy.rollback.redeploy`, `hosts[3].ping`. */
  readonly step: string;
}

export type JournalEvent =
  | {
      readonly type: "run.started";
      readonly format: "runbook.journal/1.0";
      readonly tool: string;
      readonly runbook: string;
      readonly version: string;
      readonly title: string;
      readonly kind: string;
      readonly digest: string;
      readonly planDigest: string;
      readonly target: string;
      readonly protected: boolean;
      readonly actor: string;
      readonly reason: string | null;
      readonly inputs: readonly {
        readonly name: string;
        readonly value: Json;
        readonly source: string;
        readonly sensitive: boolean;
      }[];
      readonly secrets: readonly string[];
      /** Sealed file (relative to the run directory) → `sha256:…`. */
      readonly files: Readonly<Record<string, string>>;
      /** The runbook's path in the project, and its repository state when there is one. */
      readonly source: { readonly file: string; readonly commit: string | null; readonly dirty: boolean | null };
      readonly environment: JsonObject;
      readonly objectives: readonly { readonly name: string; readonly targetMs: number }[];
      readonly budgetMs: number | null;
      /** Every step in execution order, groups included, so that a report knows what never ran. */
      readonly steps: readonly PlannedStepFacts[];
      /** What the runbook says about its evidence; absent in journals that older versions began. */
      readonly keeping?: KeepingFacts;
    }
  | {
      readonly type: "executor.started";
      readonly pid: number;
      readonly startTime: number;
      readonly bootId: string;
      readonly host: string;
      readonly uptimeMs: number;
      readonly node: string;
      readonly tool: string;
      readonly resumed: boolean;
      /** Id of the key it signs the evidence with; null or absent = it signs nothing. */
      readonly signer?: string | null;
    }
  | { readonly type: "executor.stopped"; readonly why: string }
  | { readonly type: "recovery.truncated"; readonly bytes: number; readonly sha256: string; readonly keptAs: string }
  | { readonly type: "lock.acquired"; readonly key: string }
  | { readonly type: "lock.released"; readonly key: string }
  | ({ readonly type: "step.skipped"; readonly title: string; readonly why: string } & StepFacts)
  | ({
      readonly type: "step.started";
      readonly title: string;
      readonly attempt: number;
      readonly phase: Phase;
      readonly stepType: string;
      readonly effects: Effects;
      readonly action: string;
      readonly definition: string;
    } & StepFacts)
  | ({
      readonly type: "command.started";
      readonly attempt: number;
      readonly command: string;
      readonly argv: readonly string[];
      readonly cwd: string;
      readonly env: readonly string[];
      readonly effects: Effects;
      readonly timeoutMs: number;
    } & StepFacts)
  | ({
      readonly type: "command.finished";
      readonly attempt: number;
      readonly command: string;
      readonly exitCode: number | null;
      readonly signal: string | null;
      readonly cause: string;
      readonly durationMs: number;
      readonly drained: boolean;
      readonly survivors: readonly number[];
      readonly outputGap: string;
      readonly adopted: boolean;
      readonly output: OutputRecord;
    } & StepFacts)
  | ({
      readonly type: "step.retrying";
      readonly attempt: number;
      readonly delayMs: number;
      readonly failure: Failure;
    } & StepFacts)
  | ({ readonly type: "step.polled"; readonly polls: number; readonly checks: readonly CheckOutcome[] } & StepFacts)
  | ({
      readonly type: "step.finished";
      readonly status: StepStatus;
      readonly attempt: number;
      readonly durationMs: number;
      readonly outputs: JsonObject;
      readonly checks: readonly CheckOutcome[];
      readonly artifacts: readonly Artifact[];
      readonly failure: Failure | null;
      /** Result, when small; what expressions of later steps do not need is left out. */
      readonly result: Json;
      /** Why a group, an item or an adopted step ended so; null = plain. */
      readonly note: string | null;
    } & StepFacts)
  /** A group took longer than its budget; it is marked, never ended. */
  | ({ readonly type: "budget.exceeded"; readonly targetMs: number; readonly actualMs: number } & StepFacts)
  | ({
      readonly type: "step.indeterminate";
      readonly attempt: number;
      readonly why: string;
      readonly known: string;
    } & StepFacts)
  | ({
      readonly type: "step.checked";
      readonly that: string;
      readonly applied: boolean | null;
      readonly actual: string | null;
      readonly why: "retry" | "resume" | "probe" | "undo";
    } & StepFacts)
  | ({
      readonly type: "decision.recorded";
      readonly decision: "accept" | "retry" | "skip";
      readonly reason: string;
      readonly by: Person;
    } & StepFacts)
  | ({ readonly type: "override.recorded"; readonly reason: string; readonly by: Person } & StepFacts)
  | ({
      readonly type: "window.warned";
      readonly window: string;
      readonly now: string;
      readonly why: string;
    } & StepFacts)
  | ({
      readonly type: "approval.requested";
      readonly kind: "approval" | "manual" | "checkpoint" | "indeterminate";
      readonly title: string;
      readonly prompt: string;
      readonly from: readonly string[];
      readonly min: number;
      readonly selfApproval: boolean;
      readonly expiresAt: string | null;
      /** Exactly what a person is shown; `shownDigest` is its SHA-256, and approvals bind to it. */
      readonly shown: string;
      readonly shownDigest: string;
      readonly nonce: string;
      /** The actions shown, by step path; a later write must still match what was shown. */
      readonly bound: readonly { readonly step: string; readonly action: string }[];
      readonly evidence: "none" | "note" | "file";
    } & StepFacts)
  | ({
      readonly type: "approval.decided";
      readonly decision: "approved" | "rejected" | "expired" | "refused";
      readonly by: Person | null;
      readonly reason: string | null;
      readonly shownDigest: string;
      readonly signature: string | null;
      readonly attachments: readonly Artifact[];
    } & StepFacts)
  | { readonly type: "signal.received"; readonly signal: string; readonly press: number }
  | {
      readonly type: "abort.requested";
      readonly by: Person;
      readonly reason: string | null;
      readonly rollback: boolean;
      readonly now: boolean;
    }
  /** Where somebody watches: the way back begins after `noticeMs` unless it is stopped. */
  | {
      readonly type: "rollback.announced";
      readonly why: string;
      readonly steps: readonly string[];
      readonly noticeMs: number;
    }
  /** `begin`: at once; else it was stopped, and nothing is undone. */
  | { readonly type: "rollback.answered"; readonly begin: boolean; readonly by: Person }
  | { readonly type: "rollback.started"; readonly why: string; readonly steps: readonly string[] }
  /** A step's way back was walked to its end. `verified` null = nothing could verify it. */
  | ({ readonly type: "step.undone"; readonly ok: boolean; readonly verified: boolean | null } & StepFacts)
  | { readonly type: "rollback.finished"; readonly ok: boolean }
  | { readonly type: "run.waiting"; readonly for: readonly string[] }
  | { readonly type: "run.resumed"; readonly by: Person; readonly waitedMs: number }
  | { readonly type: "clock.anomaly"; readonly wallMs: number; readonly bootMs: number }
  | {
      readonly type: "notification.sent";
      readonly on: string;
      readonly stepType: string;
      readonly ok: boolean;
      readonly detail: string;
    }
  /** Before the verdict every file of the run is searched for its secrets; a find, or a file not read, fails the run. */
  | {
      readonly type: "secrets.scanned";
      readonly files: number;
      readonly bytes: number;
      readonly leaks: readonly { readonly file: string; readonly secret: string }[];
      readonly problem: string | null;
    }
  /** Told to those who asked for it, before the verdict. `runs`: the failed ones before this one. */
  | {
      readonly type: "run.escalated";
      readonly reasons: readonly {
        readonly reason: "third-failure" | "secret-found" | "over-budget";
        readonly message: string;
      }[];
      readonly runs: readonly string[];
    }
  | { readonly type: "verdict.reopened"; readonly why: string; readonly by: Person }
  | {
      readonly type: "run.finished";
      readonly result: RunResult;
      readonly exitCode: number;
      readonly exitName: string;
      readonly durationMs: number;
      readonly workingMs: number;
      readonly waitingMs: number;
      readonly objectives: readonly {
        readonly name: string;
        readonly targetMs: number;
        readonly actualMs: number | null;
        readonly met: boolean | null;
        readonly measured: string;
      }[];
      readonly budget: { readonly targetMs: number; readonly actualMs: number; readonly met: boolean } | null;
      readonly summary: string;
    }
  /** Last record: everything before it is complete. `records` counts itself; `headHash` is the hash before it. */
  | { readonly type: "run.sealed"; readonly records: number; readonly headHash: string };

export interface PlannedStepFacts {
  readonly path: string;
  readonly id: string;
  readonly title: string;
  readonly phase: Phase;
  readonly stepType: string;
  readonly effects: Effects;
  readonly note: string | null;
}

/** An event as it stands in the journal. */
export type JournalRecord = JournalEvent & {
  readonly seq: number;
  readonly at: string;
  readonly run: string;
  readonly hash: string;
};
