/**
 * The runbook as plain data: what `loadRunbook` makes of the text, with every default filled in, and what `plan/` and
 * `engine/` read. Nothing here knows about files, positions (see `Source`) or time.
 */
import type { JsonObject, JsonSchema } from "../util/json.ts";

/** What a step may do to the world. A plan says it, a probe may run only `read`, a resume may repeat only `read`. */
export type Effects = "read" | "write" | "destructive";

export const runbookKinds = [
  "deploy",
  "rollback",
  "disaster-recovery",
  "restore-drill",
  "backup",
  "smoke-test",
  "health-check",
  "audit",
  "maintenance",
  "drill",
  "checklist",
  "incident",
] as const;
export type RunbookKind = (typeof runbookKinds)[number];

export interface Runbook {
  readonly name: string;
  /** SemVer of the procedure. */
  readonly version: string;
  readonly title: string;
  readonly owner: string;
  readonly kind: RunbookKind;
  /** Markdown. */
  readonly description: string;
  readonly tags: readonly string[];
  readonly links: readonly { readonly title: string; readonly url: string }[];
  readonly severity: string | null;
  readonly inputs: Readonly<Record<string, Input>>;
  /** Target name → extra variables of this runbook for that target. In file order; empty = no target listed. */
  readonly targets: Readonly<Record<string, JsonObject>>;
  readonly secrets: readonly string[];
  /** Those of `secrets` that no provider needs to know (`NAME?`); they are null then. */
  readonly optionalSecrets: readonly string[];
  /** Environment of every command step; values are templates. */
  readonly env: Readonly<Record<string, string>>;
  /** Tool → version range and how its version is read. */
  readonly requires: Readonly<Record<string, Requirement>>;
  /** Template of the lock key; null = the default key (`target/<name>` when there is any write). */
  readonly concurrency: string | null;
  /** Our working time, milliseconds; null = none. */
  readonly budgetMs: number | null;
  readonly objectives: Readonly<Record<string, Objective>>;
  readonly onFailure: "stop" | "rollback" | "ask";
  readonly guards: readonly Step[];
  readonly steps: readonly Step[];
  readonly always: readonly Step[];
  readonly notify: readonly Notification[];
  readonly evidence: Evidence;
  /** How often a successful real run is due, milliseconds; null = not a drill. */
  readonly drillEveryMs: number | null;
}

export interface Input {
  /** JSON Schema of the value (`type`, `enum`, `pattern`, …) without the keys below. */
  readonly schema: JsonSchema;
  readonly type: "string" | "integer" | "number" | "boolean" | "array" | "object";
  readonly required: boolean;
  readonly default: unknown; // undefined = none; an absent optional input is null
  readonly description: string;
  readonly prompt: string | null;
  readonly sensitive: boolean;
}

export interface Requirement {
  /** Range as `semver(…)` of expressions reads it, e.g. `>=0.3`. */
  readonly range: string;
  /** Argument vector that prints the version; default `[tool, --version]`. */
  readonly command: readonly string[];
  /** Regular expression whose first group (or match) is the version. */
  readonly pattern: string | null;
}

export interface Objective {
  readonly targetMs: number;
  /** CEL of type duration; null only for `rto`: start of run → last verified step. */
  readonly measure: string | null;
}

export interface Notification {
  readonly on: readonly ("waiting" | "failed" | "rolled_back" | "rollback_failed" | "succeeded" | "escalated")[];
  readonly type: string;
  readonly with: JsonObject;
}

/** The runbook's own words, else the project file's. */
export interface Evidence {
  readonly report: string | null;
  readonly append: string | null;
  readonly retentionMs: number | null;
  readonly artifactsDir: string | null;
}

export type Phase = "guards" | "steps" | "rollback" | "always";

/** What a step does: exactly one of these. Strings in `argv`, `with` and `script` may hold `${{ }}` holes (script text may not). */
export type Action =
  | { readonly kind: "run"; readonly argv: readonly string[] }
  | { readonly kind: "uses"; readonly type: string; readonly with: JsonObject }
  | { readonly kind: "parallel"; readonly steps: readonly Step[]; readonly max: number | null }
  | { readonly kind: "group"; readonly steps: readonly Step[] }
  | { readonly kind: "runbook"; readonly name: string; readonly with: JsonObject; readonly runbook: Runbook };

export interface Verification {
  /** CEL, boolean. */
  readonly that: string;
  /** Template, shown when not met. */
  readonly message: string | null;
  readonly severity: "error" | "warning";
  /** CEL whose value is shown in the report when not met. */
  readonly show: string | null;
}

export interface Check {
  readonly action: Extract<Action, { kind: "run" | "uses" }>;
  /** CEL over the checking action's `result`: "is it already done?" */
  readonly that: string;
}

export interface RetryPolicy {
  /** Attempts in all, at least 1. */
  readonly attempts: number;
  readonly delayMs: number;
  readonly backoff: number;
  readonly jitter: boolean;
  /** `transient`, `timeout`, `exit:75`; empty = any failure that may be retried at all. */
  readonly on: readonly string[];
}

export interface Until {
  readonly that: string;
  readonly everyMs: number;
  readonly timeoutMs: number;
  readonly backoff: number;
}

export interface ForEach {
  /** Template that is one hole: the list. */
  readonly in: string;
  readonly as: string;
  readonly max: number | null;
  /** A count (`3`) or a share (`5%`) of items that may fail; null = none. */
  readonly maxFailures: string | null;
}

export type OnInterrupted = "retry" | "check" | "ask";

export interface Step {
  readonly id: string;
  /** Template. */
  readonly title: string;
  /** JSON pointer of the step in its document (`/steps/4/parallel/0`), for positions and messages. */
  readonly pointer: string;
  readonly action: Action;
  readonly if: string | null;
  /** Declared, or the type's own; of a group: the strongest of its members. */
  readonly effects: Effects;
  readonly check: Check | null;
  readonly onInterrupted: OnInterrupted;
  readonly idempotent: boolean;
  readonly retry: RetryPolicy;
  /**
   * Limit of one attempt, milliseconds; of a group: of the whole; of a step that asks a person: until the answer.
   * Null = none of a group, and of a person what the step type says.
   */
  readonly timeoutMs: number | null;
  readonly until: Until | null;
  readonly verify: readonly Verification[];
  /** Output name → CEL over `result`. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Globs relative to the step's working directory. */
  readonly artifacts: readonly string[];
  readonly rollback: readonly Step[];
  readonly irreversible: string | null;
  readonly continueOnFailure: boolean;
  readonly forEach: ForEach | null;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | null;
  readonly stdin: string | null;
  readonly override: "reason" | "never";
  /** Objective name → which end of its clock this step marks. */
  readonly objective: Readonly<Record<string, "start" | "end">>;
  readonly note: string | null;
  readonly budgetMs: number | null;
}
