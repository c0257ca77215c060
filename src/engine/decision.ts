/** Does this person's answer count? Asked by `approve` before it leaves the answer, and by the executor when it reads it. */
import type { Policy } from "../language/config.ts";
import type { Person } from "./events.ts";
import type { InboxMessage } from "./ports.ts";
import { isExpired } from "./run-clock.ts";
import type { ApprovalRecord, RunRecord, StepRecord } from "./run-record.ts";

export type Answer = Extract<InboxMessage, { kind: "decision" }>;
/** Null = it counts; else why not, and the command that would. */
export type Objection = { readonly why: string; readonly next: string } | null;

export interface AnswerContext {
  readonly record: RunRecord;
  readonly policy: Policy;
  readonly now: Date;
  /** Who signed the answer, when its signature is valid for exactly this run, step, text and decision. */
  readonly signer: (answer: Answer, approval: ApprovalRecord) => Person | null;
}

/** The steps that wait for a person, in the order they were asked. */
export function waitingSteps(record: RunRecord): StepRecord[] {
  if (record.finished !== null) return [];
  return [...record.steps.values()].filter(
    (step) => step.status === "indeterminate" || (step.status === "waiting" && step.approval?.state === "waiting"),
  );
}

/** Judges an answer to an approval, a manual step or a checkpoint. */
export function objectionTo(answer: Answer, context: AnswerContext): Objection {
  const { record } = context;
  const step = record.steps.get(answer.step);
  const approval = step?.approval ?? null;
  if (step === undefined || approval === null || approval.state !== "waiting") {
    return { why: `${answer.step} does not wait for an answer`, next: `runbook status ${record.run}` };
  }
  const { request } = approval;
  if (answer.shownDigest !== request.shownDigest) {
    return {
      why: "the answer was given to another text than the one this run shows now",
      next: `runbook status ${record.run}`,
    };
  }
  if (isExpired(record, request, context.now)) {
    return { why: `the request expired at ${request.expiresAt}`, next: `runbook resume ${record.run}` };
  }
  if (request.evidence === "file" && answer.decision === "approved" && answer.attachments.length === 0) {
    return {
      why: "this step asks for a file as evidence",
      next: `runbook approve ${record.run} --step ${answer.step} --attach FILE`,
    };
  }
  if (request.evidence === "note" && answer.decision === "approved" && !answer.reason) {
    return {
      why: "this step asks for a note as evidence",
      next: `runbook approve ${record.run} --step ${answer.step} --reason "…"`,
    };
  }
  return identityObjection(answer, approval, context);
}

function identityObjection(answer: Answer, approval: ApprovalRecord, context: AnswerContext): Objection {
  const { record, policy } = context;
  const { request } = approval;
  const starter = record.started.actor;
  const somebodyElse = `runbook status ${record.run}`;
  if (answer.decision === "rejected") return null; // anyone may stop it
  if (!record.started.protected) {
    if (!request.selfApproval && answer.by.login === starter) {
      return { why: `${starter} started this run and may not approve it (selfApproval: false)`, next: somebodyElse };
    }
    return null;
  }
  const sign = `runbook approve ${record.run} --step ${answer.step} --sign KEY`;
  if (answer.signature === null) {
    return { why: `${record.started.target} is protected: an approval needs a signature by a listed key`, next: sign };
  }
  const signer = context.signer(answer, approval);
  if (signer === null) {
    const listed = Object.values(policy.approvers)
      .flat()
      .map((approver) => approver.name);
    return {
      why: `the signature is not one of a listed approver (${listed.join(", ") || "none is listed in policy.approvers"})`,
      next: sign,
    };
  }
  if (request.from.length > 0 && !signer.groups.some((group) => request.from.includes(group))) {
    return {
      why: `${signer.name} is in ${signer.groups.join(", ")}, and ${request.from.join(" or ")} must answer`,
      next: somebodyElse,
    };
  }
  if (signer.name === starter) return { why: `${starter} started this run and may not approve it`, next: somebodyElse };
  return null;
}
