/**
 * Signatures of answers: Ed25519 in a DSSE envelope over exactly what was decided about. A signature proves a name listed
 * in `policy.approvers`, for one run, one step, one shown text, one decision, once (the nonce is the request's).
 */
import type { Answer, AnswerContext } from "../../engine/decision.ts";
import type { Person } from "../../engine/events.ts";
import { JournalCorrupt } from "../../engine/ports.ts";
import type { ApprovalRecord, RunRecord } from "../../engine/run-record.ts";
import type { Policy } from "../../language/config.ts";
import { isEnvelope, openEnvelope, signEnvelope } from "../../report/dsse.ts";
import { type PrivateKey, type PublicKey, parsePublicKey } from "../../report/keys.ts";
import { approvalObjection, approvalPayloadType } from "../../report/verify-approvals.ts";

interface Payload {
  readonly format: "runbook.approval/1.0";
  readonly run: string;
  readonly step: string;
  readonly decision: Answer["decision"];
  readonly planDigest: string;
  readonly shownDigest: string;
  readonly nonce: string;
  readonly notAfter: string | null;
  readonly reason: string | null;
}

function payloadOf(
  record: RunRecord,
  answer: Pick<Answer, "step" | "decision" | "reason">,
  approval: ApprovalRecord,
): Payload {
  return {
    format: "runbook.approval/1.0",
    run: record.run,
    step: answer.step,
    decision: answer.decision,
    planDigest: record.started.planDigest,
    shownDigest: approval.request.shownDigest,
    nonce: approval.request.nonce,
    notAfter: approval.request.expiresAt,
    reason: answer.reason,
  };
}

/** The envelope as one line of text, for `InboxMessage.signature`. */
export function signAnswer(
  record: RunRecord,
  answer: Pick<Answer, "step" | "decision" | "reason">,
  approval: ApprovalRecord,
  key: PrivateKey,
): string {
  const payload = Buffer.from(JSON.stringify(payloadOf(record, answer, approval)));
  return JSON.stringify(signEnvelope(approvalPayloadType, payload, key));
}

/** Finds the listed approver whose key made an answer's signature; null when none did, or it is for something else. */
export function signerOf(policy: Policy, record: RunRecord): AnswerContext["signer"] {
  const listed = listedKeys(policy);
  return (answer, approval): Person | null => {
    const envelope = parseEnvelope(answer.signature);
    if (envelope === null) return null;
    const opened = openEnvelope(
      envelope,
      approvalPayloadType,
      listed.map((item) => item.key),
    );
    if (opened === null) return null;
    const expected = JSON.stringify(payloadOf(record, answer, approval));
    if (opened.payload.toString("utf8") !== expected) return null;
    const by = listed.filter((item) => item.key.id === opened.key.id);
    const [first] = by;
    if (first === undefined) return null;
    return {
      name: first.name,
      method: "signature",
      login: answer.by.login,
      keyId: opened.key.id,
      groups: by.map((item) => item.group),
    };
  };
}

/**
 * Throws for an approval on record that proves nothing: whoever can write a journal can give it a record with the right
 * hash, but not the signature of a listed key.
 */
export function refuseForged(record: RunRecord, policy: Policy): void {
  const { target, planDigest, protected: isProtected } = record.started;
  const keys = listedKeys(policy).map((item) => item.key);
  const rules = { run: record.run, target, planDigest, protected: isProtected, keys };
  for (const { path, approval } of record.steps.values()) {
    for (const decided of approval?.decisions ?? []) {
      if (decided.decision !== "approved") continue;
      const objection = approvalObjection(decided, approval?.request, rules);
      if (objection !== null) throw new JournalCorrupt(decided.seq, `record ${decided.seq}, ${path}: ${objection.why}`);
    }
  }
}

function parseEnvelope(text: string | null) {
  try {
    const value: unknown = JSON.parse(text ?? "null");
    return isEnvelope(value) ? value : null;
  } catch {
    return null;
  }
}

/** Keys whose text is in the sealed policy; an approver without a readable key cannot sign. */
export function listedKeys(policy: Policy): { name: string; group: string; key: PublicKey }[] {
  return Object.entries(policy.approvers).flatMap(([group, approvers]) =>
    approvers.flatMap((approver) => {
      try {
        return [{ name: approver.name, group, key: parsePublicKey(approver.key) }];
      } catch {
        return [];
      }
    }),
  );
}
