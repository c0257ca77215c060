/**
 * Approvals against what was asked, and their signatures against the keys of the sealed policy. A signed answer is a
 * DSSE envelope of type `application/vnd.runbook.approval+json` in `approval.decided.signature`.
 */
import type { JournalRecord } from "../engine/events.ts";
import { isObject } from "../util/json.ts";
import { isEnvelope, openEnvelope } from "./dsse.ts";
import { type PublicKey, parsePublicKey } from "./keys.ts";
import type { Report } from "./verify.ts";

export const approvalPayloadType = "application/vnd.runbook.approval+json";

type Asked = Extract<JournalRecord, { type: "approval.requested" }>;
type Decided = Extract<JournalRecord, { type: "approval.decided" }>;

export class ApprovalCheck {
  private readonly asked = new Map<string, Asked>();
  private readonly approved: { readonly decided: Decided; readonly asked: Asked | undefined }[] = [];

  /** Looks at the records in their order. */
  take(entry: JournalRecord): void {
    if (entry.type === "approval.requested") this.asked.set(entry.step, entry);
    if (entry.type === "approval.decided" && entry.decision === "approved") {
      this.approved.push({ decided: entry, asked: this.asked.get(entry.step) });
    }
  }

  check(config: { readonly [key: string]: unknown } | null, report: Report): void {
    for (const { decided, asked } of this.approved) {
      const at = `step ${decided.step}`;
      if (asked === undefined) report("approval-mismatch", `${at}: it was approved and never asked`, decided.seq);
      else if (decided.shownDigest !== asked.shownDigest) {
        report("approval-mismatch", `${at}: what was approved is not what was asked`, decided.seq);
      } else if (decided.by?.method === "signature" && !isSigned(decided, asked, policyKeys(config))) {
        const who = `${decided.by.name} (${decided.by.keyId})`;
        report("approval-signature", `${at}: no key of the sealed policy signed the approval of ${who}`, decided.seq);
      }
    }
  }
}

function isSigned(decided: Decided, asked: Asked, keys: readonly PublicKey[]): boolean {
  try {
    const envelope: unknown = JSON.parse(decided.signature ?? "null");
    if (!isEnvelope(envelope)) return false;
    const opened = openEnvelope(envelope, approvalPayloadType, keys);
    if (opened === null || opened.key.id !== decided.by?.keyId) return false;
    const payload: unknown = JSON.parse(opened.payload.toString("utf8"));
    return (
      isObject(payload) &&
      payload["run"] === decided.run &&
      payload["step"] === decided.step &&
      payload["decision"] === "approved" &&
      payload["shownDigest"] === asked.shownDigest &&
      payload["nonce"] === asked.nonce
    );
  } catch {
    return false;
  }
}

/** `policy.approvers` of `config.json`: group → names with keys. */
function policyKeys(config: { readonly [key: string]: unknown } | null): PublicKey[] {
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
