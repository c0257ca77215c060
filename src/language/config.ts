/** `runbook.config.yaml` as plain data: what stays the same for all runbooks of a project. */
import type { JsonObject } from "../util/json.ts";

export interface Config {
  readonly targets: Readonly<Record<string, Target>>;
  readonly windows: Readonly<Record<string, Window>>;
  readonly policy: Policy;
  /** Asked in this order; the first that knows the name wins. */
  readonly secrets: readonly SecretProvider[];
  /** Used where a runbook says nothing. */
  readonly evidence: EvidenceDefaults;
  /** State directory relative to the project root, or null for the default `.runbook`. */
  readonly state: string | null;
  readonly plugins: readonly string[];
}

export interface EvidenceDefaults {
  /** Milliseconds. */
  readonly retentionMs: number | null;
  readonly append: string | null;
  readonly artifactsDir: string | null;
}

export interface Target {
  readonly name: string;
  readonly protected: boolean;
  /** The loopback platform; it supplies `url`, `fly`, `services`, `hosts`, `vault` and dummy secrets. */
  readonly sandbox: boolean;
  /** The variables expressions see as `target.*` besides `name` and `protected`. */
  readonly variables: JsonObject;
}

/** A maintenance window: half-open `[from, to)` on the listed days in an IANA zone. */
export interface Window {
  /** ISO weekday numbers, Monday = 1. */
  readonly days: readonly number[];
  /** Minutes since midnight. `to` ≤ `from` = past midnight into the next day. */
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly timezone: string;
  /** `YYYY-MM-DD` in the zone: closed all day. */
  readonly holidays: readonly string[];
  readonly mode: "block" | "warn";
}

export interface Policy {
  readonly maxRetries: number;
  /** Commands a runbook may start; null = any. */
  readonly tools: readonly string[] | null;
  /** Target name → whether a write without a way back is an error or a warning there; default error. */
  readonly reversibility: Readonly<Record<string, "error" | "warn">>;
  /** Kinds that need no approval on a protected target. */
  readonly noApproval: readonly string[];
  readonly approvers: Readonly<Record<string, readonly Approver[]>>;
}

export interface Approver {
  readonly name: string;
  /** Path of the public key, relative to the config file, or the key text itself (`ed25519:…`). */
  readonly key: string;
}

export type SecretProvider = { readonly targets: readonly string[] | null } & (
  | { readonly type: "env"; readonly prefix: string }
  | { readonly type: "file"; readonly dir: string }
  | { readonly type: "vault"; readonly address: string; readonly mount: string; readonly path: string }
  | { readonly type: "command"; readonly command: readonly string[]; readonly timeoutMs: number }
);
