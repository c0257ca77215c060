/** The plan as plain data: what would happen, decided without touching anything. Printed as `runbook.plan/1.0`. */
import type { Effects, Phase } from "../language/runbook.ts";
import type { JsonObject } from "../util/json.ts";

export interface Plan {
  readonly format: "runbook.plan/1.0";
  /** `sha256:…` of the runbook's bytes. */
  readonly digest: string;
  /** `sha256:…` over sealed files, inputs, target, environment names and step definitions with unresolved holes. */
  readonly planDigest: string;
  readonly runbook: string;
  readonly version: string;
  readonly title: string;
  readonly file: string;
  readonly target: string;
  readonly protected: boolean;
  readonly inputs: readonly PlannedInput[];
  readonly decision: "ready" | "blocked";
  readonly blocked: readonly Blocker[];
  readonly warnings: readonly string[];
  readonly writes: number;
  readonly destructive: number;
  readonly approvals: number;
  /** Lock key taken before the guards, null = none; may be text with an unknown. */
  readonly lock: string | null;
  readonly worstCaseMs: number;
  readonly tools: readonly {
    readonly name: string;
    readonly range: string | null;
    readonly found: string | null;
    readonly version: string | null;
  }[];
  readonly secrets: readonly {
    readonly name: string;
    readonly status: "found" | "missing" | "not-checked";
    readonly provider: string | null;
  }[];
  readonly steps: readonly PlannedStep[];
  readonly probed: boolean;
}

export interface PlannedInput {
  readonly name: string;
  /** Masked when sensitive; absent when not known yet. */
  readonly value: unknown;
  readonly source: "flag" | "file" | "environment" | "target" | "default" | "prompt" | "none";
}

/** What stops a run from starting now, and what to do about it. */
export interface Blocker {
  /** Kebab-case: `window-closed`, `tool-missing`, `secret-missing`, `target-not-listed`, `approval-missing`. */
  readonly code: string;
  readonly message: string;
  readonly next: string | null;
}

export interface PlannedStep {
  readonly path: string;
  readonly id: string;
  readonly title: string;
  readonly phase: Phase;
  readonly type: string;
  readonly effects: Effects;
  /** The command or request as text. */
  readonly action: string;
  readonly argv: readonly string[] | null;
  readonly condition: { readonly expr: string; readonly status: "met" | "not_met" | "undecided" } | null;
  readonly unknown: readonly { readonly expr: string; readonly from: string }[];
  readonly undo: readonly PlannedStep[];
  readonly checks: readonly PlannedCheck[];
  readonly timeoutMs: number | null;
  readonly probed: boolean;
  /** With `probed`: the outputs read. */
  readonly outputs: JsonObject | null;
}

export interface PlannedCheck {
  readonly that: string;
  readonly status: "met" | "not_met" | "undecided" | "could_not_run";
}
