/** What others leave for a run while it is driven: answers, overrides, aborts, key presses. */
import { append, type EngineContext } from "./context.ts";
import { type Answer, type AnswerContext, objectionTo } from "./decision.ts";
import type { Artifact } from "./events.ts";
import { type InboxMessage, JournalError } from "./ports.ts";
import type { RunRecord } from "./run-record.ts";

export interface EngineHooks {
  /** Judges answers, see `decision.ts`. */
  readonly signer: AnswerContext["signer"];
}

/** Takes what others left: answers, aborts, key presses. Each is recorded once, also one that does not count. */
export async function readMessages(context: EngineContext, hooks: EngineHooks): Promise<void> {
  for (const { message, remove } of await context.store.takeMessages()) {
    if (!isRecorded(context.store.record, message)) handleMessage(context, message, hooks);
    context.store.flush();
    remove();
    context.control.wake?.();
  }
}

/** An executor was killed after it had recorded the message and before it could remove it. */
function isRecorded(record: RunRecord, message: InboxMessage): boolean {
  switch (message.kind) {
    case "decision": {
      const { decision, by, signature, shownDigest } = message;
      const known = record.steps.get(message.step)?.approval?.decisions ?? [];
      return known.some(
        (each) =>
          each.decision === decision &&
          each.shownDigest === shownDigest &&
          (signature === null ? each.by?.name === by.name : each.signature === signature),
      );
    }
    case "override":
      return record.overrides.get(message.step)?.by.name === message.by.name;
    case "abort":
      return record.abort?.by.name === message.by.name && record.abort.now === message.now;
    case "rollback":
      return record.undoNotice?.begin === message.begin;
    case "signal":
      return false;
  }
}

function handleMessage(context: EngineContext, message: InboxMessage, hooks: EngineHooks): void {
  switch (message.kind) {
    case "decision":
      handleAnswer(context, message, hooks);
      break;
    case "override":
      append(context, { type: "override.recorded", step: message.step, reason: message.reason, by: message.by });
      break;
    case "abort":
      append(context, {
        type: "abort.requested",
        by: message.by,
        reason: message.reason,
        rollback: message.rollback,
        now: message.now,
      });
      abort(context, message.now);
      break;
    case "rollback": {
      const { undoNotice, rollback } = context.store.record;
      if (undoNotice?.begin !== null || rollback !== null) break;
      append(context, { type: "rollback.answered", begin: message.begin, by: message.by });
      break;
    }
    case "signal":
      append(context, { type: "signal.received", signal: message.signal, press: message.press });
      context.control.stop ??= { kind: "signal", signal: message.signal };
      if (message.press >= 2) context.control.cancel.abort();
      break;
  }
}

/** The way back and the cleanup are what an abort leads to; `now` ends the step that runs, and they go on after it. */
function abort({ control }: EngineContext, now: boolean): void {
  const running = control.cancel;
  if (control.isEnding) {
    if (now) control.cancel = new AbortController();
  } else control.stop = { kind: "abort" };
  if (now) running.abort();
}

/** Records an answer, also one that does not count; attached files are part of the evidence of one that does. */
function handleAnswer(context: EngineContext, answer: Answer, hooks: EngineHooks): void {
  const { record } = context.store;
  const judge = { record, policy: context.policy, now: context.clock.now(), signer: hooks.signer };
  const approval = record.steps.get(answer.step)?.approval ?? null;
  const signer = approval === null || answer.signature === null ? null : hooks.signer(answer, approval);
  let why = objectionTo(answer, judge)?.why ?? null;
  let attachments: readonly Artifact[] = [];
  if (why === null) {
    try {
      attachments = answer.attachments.map(({ name, file }) => context.actions.keepFile(answer.step, name, file));
    } catch (error) {
      if (error instanceof JournalError) throw error;
      why = `an attached file could not be kept: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  append(context, {
    type: "approval.decided",
    step: answer.step,
    decision: why === null ? answer.decision : "refused",
    by: signer ?? answer.by,
    reason: why ?? answer.reason,
    shownDigest: answer.shownDigest,
    signature: answer.signature,
    attachments,
  });
}
