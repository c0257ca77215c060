/**
 * Drives one run from where its journal stands to its verdict, or to the point where only a person can go on.
 *
 * Invariants: (1) a step whose end is recorded is never run again; (2) intent is durable before an effect, a result
 * before anyone is told; (3) a write of unknown outcome is repeated only by its check, its promise of idempotence or a
 * person; (4) the way back is never blocked by guards, windows, budgets or expired approvals; (5) a resumed run keeps
 * its verdicts: a failed check turns green only by running again.
 */
import type { Place } from "../plan/scope.ts";
import {
  anyWriteStarted,
  append,
  type EngineContext,
  type Flow,
  finished,
  type Node,
  ok,
  recordOf,
} from "./context.ts";
import { waitingSteps } from "./decision.ts";
import { escalationOf } from "./escalation.ts";
import type { Person } from "./events.ts";
import { runSequence, runStep } from "./loop.ts";
import { type EngineHooks, readMessages } from "./messages.ts";
import { type NotifyOn, notify } from "./notify.ts";
import { elapsedMs } from "./run-clock.ts";
import { isTolerated } from "./tolerated.ts";
import { undoAll, undoable } from "./undo.ts";
import { noticeUndo } from "./undo-notice.ts";
import { type Ending, verdictOf } from "./verdict.ts";

/** What the person who starts or resumes a run wants besides going on. */
export interface DriveRequest {
  readonly resumed: boolean;
  readonly by: Person;
  readonly decisions: readonly {
    readonly decision: "accept" | "retry" | "skip";
    readonly step: string;
    readonly reason: string;
  }[];
  readonly overrides: readonly { readonly step: string; readonly reason: string }[];
  readonly rollback: boolean;
  readonly abort: { readonly reason: string | null; readonly rollback: boolean } | null;
  /** Why nothing may start: a missing tool or secret, a busy lock. */
  readonly refusal: string | null;
  /** How long a way back that follows a failure is announced before it begins, milliseconds; absent = not at all. */
  readonly undoNoticeMs?: number;
}

export type DriveOutcome =
  | { readonly kind: "finished"; readonly exitCode: number }
  | { readonly kind: "waiting" }
  /** After the checkpoint; no verdict. */
  | { readonly kind: "stopped"; readonly signal: "SIGINT" | "SIGTERM" }
  /** A resume that a guard refused: the run stays as it was. */
  | { readonly kind: "refused"; readonly message: string };

/** `answered`: what the walk ended for has been decided meanwhile; it goes on. */
type WalkOutcome = DriveOutcome | { readonly kind: "answered" };

export async function drive(context: EngineContext, request: DriveRequest, hooks: EngineHooks): Promise<DriveOutcome> {
  const { store } = context;
  if (request.resumed) reopen(context);
  record(context, request);
  // What was asked of an executor that was killed is still wanted: no verdict has answered it.
  if (store.record.abort !== null) context.control.stop = { kind: "abort" };
  await readMessages(context, hooks);
  let problem: unknown = null;
  const stopListening = store.onMessage(() => {
    readMessages(context, hooks).catch((error: unknown) => {
      problem ??= error;
      context.control.stop ??= { kind: "signal", signal: "SIGTERM" };
    });
  });
  try {
    for (let walked: DriveRequest = request; ; walked = { ...request, resumed: true }) {
      const outcome = await walk(context, walked);
      if (problem !== null) throw problem;
      if (outcome.kind !== "answered") return outcome;
    }
  } finally {
    stopListening();
  }
}

function reopen(context: EngineContext): void {
  const { record } = context.store;
  if (record.waitingSince !== null) {
    const from = { seq: record.waitingSeq, at: record.waitingSince };
    const to = { seq: Number.POSITIVE_INFINITY, at: context.clock.now().getTime() };
    append(context, { type: "run.resumed", by: context.actor, waitedMs: elapsedMs(record, from, to) });
  }
  if (record.finished !== null) {
    append(context, { type: "verdict.reopened", why: `resumed after ${record.finished.result}`, by: context.actor });
  }
}

function record(context: EngineContext, request: DriveRequest): void {
  for (const { decision, step, reason } of request.decisions) {
    append(context, { type: "decision.recorded", step, decision, reason, by: request.by });
  }
  for (const { step, reason } of request.overrides) {
    append(context, { type: "override.recorded", step, reason, by: request.by });
  }
  if (request.abort !== null) {
    append(context, { type: "abort.requested", by: request.by, ...request.abort, now: false });
  }
}

async function walk(context: EngineContext, request: DriveRequest): Promise<WalkOutcome> {
  context.control.isEnding = false;
  const none: Ending = {
    failedAt: null,
    refused: false,
    aborted: false,
    rollback: "none",
    refusal: null,
    cleanupFailed: [],
  };
  if (request.refusal !== null) {
    if (request.resumed) return { kind: "refused", message: request.refusal };
    return await conclude(context, { ...none, refusal: request.refusal }, false);
  }
  if (request.resumed) await adoptOpen(context);
  const undoing = context.store.record.rollback !== null || request.rollback;
  let flow: Flow = ok;
  let guarded = false;
  if (!undoing && context.control.stop === null) {
    flow = await runGuards(context, request.resumed);
    guarded = flow.kind === "failed";
    if (guarded && request.resumed && flow.kind === "failed") {
      const why = recordOf(context, flow.path)?.failure?.message ?? "a guard does not hold";
      return { kind: "refused", message: `${flow.path}: ${why}` };
    }
  }
  if (!undoing && flow.kind === "ok") flow = await runSteps(context);
  if (flow.kind === "waiting") return await wait(context);
  const stopped = stopOf(context);
  if (flow.kind === "stopped" && stopped !== null && stopped.kind === "signal")
    return { kind: "stopped", signal: stopped.signal };
  let aborted = flow.kind === "stopped" || stopped?.kind === "abort";
  const wantsUndo =
    undoing ||
    (aborted
      ? context.store.record.abort?.rollback === true
      : flow.kind === "failed" && context.root.runbook.onFailure === "rollback");
  if (aborted || undoing) closeOpen(context);
  // From here on nothing but a signal stops the way back and the cleanup.
  context.control.stop = null;
  context.control.cancel = new AbortController();
  let rollback: Ending["rollback"] = "none";
  const failedAt = flow.kind === "failed" ? flow.path : firstFailure(context);
  if (wantsUndo && !guarded && (undoable(context).length > 0 || context.store.record.rollback !== null)) {
    const why = failedAt === null ? "asked for" : `${failedAt} failed`;
    const notice = undoing || aborted ? "begin" : await noticeUndo(context, why, request.undoNoticeMs ?? 0);
    const since = stopOf(context);
    if (notice === "stopped" && since?.kind === "signal") return { kind: "stopped", signal: since.signal };
    if (since?.kind === "abort") {
      aborted = true;
      context.control.stop = null;
      context.control.cancel = new AbortController();
    }
    if (notice === "begin") {
      context.control.isEnding = true;
      const outcome = await undoAll(context, why);
      if (outcome === "waiting") return await stopOrWait(context);
      rollback = outcome;
    }
  }
  // A way back was asked for and there was none to go: the run ends here, and not well.
  aborted ||= undoing && failedAt === null;
  const refused = guarded || (flow.kind === "failed" && flow.refused);
  return await conclude(
    context,
    { ...none, failedAt, refused, aborted: aborted && rollback === "none", rollback },
    !guarded,
  );
}

/** The ends of what a dead executor had started are taken over before anything new is started. */
async function adoptOpen(context: EngineContext): Promise<void> {
  const { signal } = context.control.cancel;
  const open = [...context.store.record.steps.values()].flatMap((step) => {
    const attempt = step.attempts.at(-1)?.attempt;
    const commands = step.commands.filter((command) => command.attempt === attempt);
    const isOpen = step.status === "running" && commands.some((command) => command.end === null);
    return isOpen && attempt !== undefined ? [{ path: step.path, attempt, commands }] : [];
  });
  await Promise.all(
    open.map(({ path, attempt, commands }) => context.actions.adoptCommands({ path, attempt, signal }, commands)),
  );
  context.store.flush();
}

/**
 * What an abort or a way back leaves unfinished has an end too: it was cancelled. A step of unknown outcome keeps that
 * status, and one that failed before the resume its failure.
 */
function closeOpen(context: EngineContext): void {
  for (const step of context.store.record.steps.values()) {
    if (step.status !== "running" || step.phase !== "steps") continue;
    append(context, finished(step.path, step.attempts.at(-1)?.attempt ?? 1, 0, "cancelled"));
  }
}

/** Read afresh: messages change it while steps run. */
function stopOf(context: EngineContext): EngineContext["control"]["stop"] {
  return context.control.stop;
}

/** The first failure that counts: not one that its step, or a group or `forEach` around it, tolerates. */
function firstFailure(context: EngineContext): string | null {
  const { record } = context.store;
  for (const step of record.steps.values()) {
    const bad = step.status === "failed" || step.status === "timed_out" || step.status === "cancelled";
    if (!bad || step.phase !== "steps" || isTolerated(record, step.path)) continue;
    return step.path;
  }
  return null;
}

function mainPlace(context: EngineContext): Place {
  return { frame: context.root, items: [] };
}

/** Guards run again before every resume; once a write took effect, a closed window only warns. */
async function runGuards(context: EngineContext, resumed: boolean): Promise<Flow> {
  const place = mainPlace(context);
  const asking: EngineContext = resumed ? { ...context, askedAgain: new Set() } : context;
  for (const step of context.root.runbook.guards) {
    const node: Node = { step, path: step.id, phase: "guards", place };
    const flow = await runStep(asking, node);
    if (flow.kind === "ok") {
      warnAboutWindow(context, node);
      continue;
    }
    const isWindow = step.action.kind === "uses" && step.action.type === "window";
    if (flow.kind === "failed" && isWindow && anyWriteStarted(context.store.record)) {
      const why = recordOf(context, step.id)?.failure?.message ?? "the window is closed";
      append(context, {
        type: "window.warned",
        step: step.id,
        window: step.id,
        now: context.clock.now().toISOString(),
        why,
      });
      continue;
    }
    return flow;
  }
  return ok;
}

function warnAboutWindow(context: EngineContext, node: Node): void {
  const { action } = node.step;
  const result = recordOf(context, node.path)?.result;
  if (action.kind !== "uses" || action.type !== "window" || typeof result !== "object" || result === null) return;
  if ("open" in result && result["open"] === false) {
    const now = String((result as { now?: unknown }).now ?? "");
    const window = String(action.with["name"]);
    append(context, {
      type: "window.warned",
      step: node.path,
      window,
      now,
      why: `outside the window ${window} (mode: warn), now ${now}`,
    });
  }
}

async function runSteps(context: EngineContext): Promise<Flow> {
  return await runSequence(context, context.root.runbook.steps, "", mainPlace(context), "steps");
}

async function wait(context: EngineContext): Promise<WalkOutcome> {
  if (isAnswered(context)) return { kind: "answered" };
  const waiting = waitingSteps(context.store.record).map((step) => step.path);
  await notify(context, "waiting", textOf(context, `waits for a person at ${waiting.join(", ")}`));
  // People answer fast: while others were told, or while a parallel step still ran.
  if (isAnswered(context)) return { kind: "answered" };
  append(context, { type: "run.waiting", for: waiting });
  append(context, { type: "executor.stopped", why: "waiting for a person" });
  context.store.flush();
  return { kind: "waiting" };
}

/** A step that asked has its decision, and the walk has not seen it yet. */
function isAnswered(context: EngineContext): boolean {
  return [...context.store.record.steps.values()].some(
    (step) => step.status === "waiting" && step.approval !== null && step.approval.state !== "waiting",
  );
}

async function stopOrWait(context: EngineContext): Promise<WalkOutcome> {
  const stopped = stopOf(context);
  if (stopped?.kind === "signal") return { kind: "stopped", signal: stopped.signal };
  return await wait(context);
}

/** `always`, search for secrets, verdict, notifications, seal. */
async function conclude(context: EngineContext, ending: Ending, cleanup: boolean): Promise<WalkOutcome> {
  const failed: string[] = [];
  context.control.isEnding = true;
  if (cleanup && ending.refusal === null) {
    for (const step of context.root.runbook.always) {
      const flow = await runStep(context, { step, path: step.id, phase: "always", place: mainPlace(context) });
      if (flow.kind === "waiting" || flow.kind === "stopped") return await stopOrWait(context);
      if (flow.kind === "failed") failed.push(flow.path);
    }
  }
  const { store, root } = context;
  const full: Ending = { ...ending, cleanupFailed: failed };
  const scan = await context.scan();
  if (scan !== null) append(context, { type: "secrets.scanned", ...scan });
  const draft = verdictOf(store.record, root, full, context.clock.now().getTime());
  const on = notificationFor(draft.result);
  // Refused before anything was tried (a secret missing, a busy lock): there is nothing to tell, and maybe no means to.
  if (ending.refusal === null) {
    await notify(context, on, textOf(context, `${draft.result}: ${draft.summary}`));
    const escalation = escalationOf(store.record, draft, context.earlierRuns);
    if (escalation !== null) {
      append(context, escalation);
      const why = escalation.reasons.map(({ message }) => message).join("; ");
      await notify(
        context,
        "escalated",
        textOf(context, `escalated: ${why}. It ended as ${draft.result}: ${draft.summary}`),
      );
    }
  }
  // Before the seal; the lock itself goes when the seal is durable, and is stale from the verdict on.
  for (const key of store.record.locks) append(context, { type: "lock.released", key });
  append(context, { type: "executor.stopped", why: "finished" });
  const verdict = verdictOf(store.record, root, full, context.clock.now().getTime());
  append(context, verdict);
  append(context, { type: "run.sealed", records: store.record.lastSeq + 1, headHash: store.record.headHash });
  store.flush();
  return { kind: "finished", exitCode: verdict.exitCode };
}

function notificationFor(result: string): NotifyOn {
  return result === "succeeded" || result === "rolled_back" || result === "rollback_failed" ? result : "failed";
}

function textOf(context: EngineContext, what: string): string {
  const { started, run } = context.store.record;
  return `${started.runbook} ${started.version} on ${started.target} (${run}, by ${started.actor}): ${what}`;
}
