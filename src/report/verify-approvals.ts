/**
 * Approvals against what was asked, and their signatures against the keys of the sealed policy. A signed answer is a
 * DSSE envelope of type `application/vnd.runbook.approval+json` in `approval.decided.signature`.
 */
import type { JournalRecord } from "../engine/events.ts";
import type { EventOf } from "../engine/run-record.ts";
import { isObject } from "../util/json.ts";
import { isEnvelope, openEnvelope } from "./dsse.ts";
import { type PublicKey, parsePublicKey } from "./keys.ts";
import type { Report } from "./verify.ts";

export const approvalPayloadType = "application/vnd.runbook.approval+json";
/** Of `approve --plan`: an approval of a whole plan, before its run began. */
export const planApprovalPayloadType = "application/vnd.runbook.plan-approval+json";

type Asked = EventOf<"approval.requested">;
type Decided = EventOf<"approval.decided">;

/** What an approval of a run is measured by. */
export interface ApprovalRules {
  readonly run: string;
  readonly target: string;
  readonly protected: boolean;
  readonly planDigest: string;
  /** Of the approvers in the sealed policy. */
  readonly keys: readonly PublicKey[];
}

export class ApprovalCheck {
  private readonly asked = new Map<string, Asked>();
  private readonly approved: {
    readonly decided: Decided & { readonly seq: number };
    readonly asked: Asked | undefined;
  }[] = [];

  /** Looks at the records in their order. */
  take(entry: JournalRecord): void {
    if (entry.type === "approval.requested") this.asked.set(entry.step, entry);
    if (entry.type === "approval.decided" && entry.decision === "approved") {
      this.approved.push({ decided: entry, asked: this.asked.get(entry.step) });
    }
  }

  check(rules: ApprovalRules, report: Report): void {
    for (const { decided, asked } of this.approved) {
      const objection = approvalObjection(decided, asked, rules);
      if (objection !== null) report(objection.code, `step ${decided.step}: ${objection.why}`, decided.seq);
    }
  }
}

/** Why an approval that stands in the journal proves nothing; null = it does. */
export function approvalObjection(
  decided: Decided,
  asked: Asked | undefined,
  rules: ApprovalRules,
): { readonly code: "approval-mismatch" | "approval-signature"; readonly why: string } | null {
  if (asked === undefined) return { code: "approval-mismatch", why: "it was approved and never asked" };
  if (decided.shownDigest !== asked.shownDigest) {
    return { code: "approval-mismatch", why: "what was approved is not what was asked" };
  }
  const { by } = decided;
  const who = by === null ? "nobody" : `${by.name} (${by.keyId ?? by.method})`;
  if (rules.protected && by?.method !== "signature" && by?.method !== "approval-file") {
    return {
      code: "approval-signature",
      why: `${rules.target} is protected, and nobody signed the approval of ${who}`,
    };
  }
  const isGood =
    by?.method === "signature"
      ? isSigned(decided, asked, rules)
      : by?.method !== "approval-file" || isPreapproved(decided, rules);
  if (isGood) return null;
  return { code: "approval-signature", why: `no key of the sealed policy signed the approval of ${who}` };
}

function isPreapproved(decided: Decided, { planDigest, keys }: ApprovalRules): boolean {
  return payloadSignedBy(decided, planApprovalPayloadType, keys)?.["planDigest"] === planDigest;
}

function isSigned(decided: Decided, asked: Asked, { run, keys }: ApprovalRules): boolean {
  const payload = payloadSignedBy(decided, approvalPayloadType, keys);
  return (
    payload !== null &&
    payload["run"] === run &&
    payload["step"] === decided.step &&
    payload["decision"] === "approved" &&
    payload["shownDigest"] === asked.shownDigest &&
    payload["nonce"] === asked.nonce
  );
}

/** The payload of a decision's envelope when the key it names has signed it. */
function payloadSignedBy(
  decided: Decided,
  payloadType: string,
  keys: readonly PublicKey[],
): { readonly [key: string]: unknown } | null {
  try {
    const envelope: unknown = JSON.parse(decided.signature ?? "null");
    if (!isEnvelope(envelope)) return null;
    const opened = openEnvelope(envelope, payloadType, keys);
    if (opened === null || opened.key.id !== decided.by?.keyId) return null;
    const payload: unknown = JSON.parse(opened.payload.toString("utf8"));
    return isObject(payload) ? payload : null;
  } catch {
    return null;
  }
}

/** `policy.approvers` of `config.json`: group → names with keys. */
export function policyKeys(config: { readonly [key: string]: unknown } | null): PublicKey[] {
  const policy = config?.["policy"];
  const approvers = isObject(policy) && isObject(policy["approvers"]) ? policy["approvers"] : {};
  return Object.values(approvers)
    .flat()
    .flatMap((approver) => {
      try {
        return [parsePublicKey(isObject(approver) ? String(approver["key"]) : "")];
      } catch {
        return [];
      }
    });
}
