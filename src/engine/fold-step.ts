/** The fold of one step: how a record of the journal changes what is known of the step it names. */
import type { Effects, Phase } from "../language/runbook.ts";
import type { JsonObject } from "../util/json.ts";
import { deviate } from "./deviate.ts";
import type { Failure, JournalRecord, StepStatus } from "./events.ts";
import type { ApprovalRecord, EventOf, RunRecord, StepRecord } from "./run-record.ts";

/** Shared by all steps of which there is nothing to tell yet; never changed, see `added`. */
const none: never[] = [];
const noOutputs: JsonObject = {};

export function newStepRecord(step: {
  path: string;
  id: string;
  title: string;
  phase: Phase;
  stepType: string;
  effects: Effects;
  note?: string | null;
}): StepRecord {
  return {
    path: step.path,
    id: step.id,
    title: step.title,
    phase: step.phase,
    stepType: step.stepType,
    effects: step.effects,
    note: step.note ?? null,
    status: "pending",
    why: null,
    action: null,
    definition: null,
    attempts: none,
    startedAt: null,
    finishedAt: null,
    startedSeq: 0,
    finishedSeq: 0,
    durationMs: null,
    outputs: noOutputs,
    result: null,
    checks: none,
    artifacts: none,
    failure: null,
    commands: none,
    approval: null,
    seqs: none,
    reopened: false,
    tookEffect: false,
    undoVerified: null,
    polls: 0,
    lastSeen: null,
  };
}

/**
 * A resumed run decides again about what failed; what succeeded, was undone or skipped stays so. Until it is reached, a step
 * that failed keeps its end on record: the run may be aborted, or undone, before it comes to that.
 */
export function reopenStep(step: StepRecord): void {
  // Its own end stands; its way back is walked again.
  if (step.status === "undo_failed") step.status = "failed";
  else if (step.phase === "rollback" && step.status === "succeeded") return;
  else if (step.phase === "always") step.status = "pending";
  else if (step.status === "failed" || step.status === "timed_out" || step.status === "cancelled") {
    step.approval = null;
    step.reopened = true;
  }
}

/** Changes `step`, and what the run deviates in, by one record about the step. Keeps of the record only what it says. */
export function applyStepRecord(
  record: RunRecord,
  step: StepRecord,
  entry: Extract<JournalRecord, { step: string }>,
): void {
  if (decides.has(entry.type)) step.reopened = false;
  step.seqs = added(step.seqs, entry.seq);
  switch (entry.type) {
    case "step.skipped":
      step.status = "skipped";
      step.why = entry.why;
      retitle(step, entry.title);
      skipMembers(record, step, "pending");
      break;
    case "step.started":
      // The members that were planned for every item give way to those of each item.
      if (entry.stepType === "forEach")
        for (const { path } of membersOf(record, step, "pending")) record.steps.delete(path);
      step.status = "running";
      retitle(step, entry.title);
      step.effects = entry.effects;
      step.action = entry.action;
      step.definition = entry.definition;
      if (step.startedAt === null) step.startedSeq = entry.seq;
      step.startedAt ??= entry.at;
      step.finishedAt = null;
      step.failure = null;
      step.why = null;
      step.attempts = added(step.attempts, {
        attempt: entry.attempt,
        startedAt: entry.at,
        finishedAt: null,
        status: "running",
        failure: null,
        effectBefore: step.tookEffect,
      });
      if (entry.effects !== "read") step.tookEffect = true;
      break;
    case "command.started":
      step.commands = added(step.commands, {
        seq: entry.seq,
        command: entry.command,
        attempt: entry.attempt,
        argv: entry.argv,
        cwd: entry.cwd,
        env: entry.env,
        effects: entry.effects,
        timeoutMs: entry.timeoutMs,
        startedAt: entry.at,
        end: null,
      });
      break;
    case "command.finished": {
      const command = step.commands.findLast((c) => c.command === entry.command);
      if (command)
        command.end = {
          seq: entry.seq,
          exitCode: entry.exitCode,
          signal: entry.signal,
          cause: entry.cause,
          durationMs: entry.durationMs,
          drained: entry.drained,
          survivors: entry.survivors,
          outputGap: entry.outputGap,
          adopted: entry.adopted,
          output: entry.output,
        };
      if (entry.outputGap !== "none")
        deviate(
          record,
          entry,
          "output-gap",
          step.path,
          "some output may be missing: the process that recorded it was killed",
        );
      if (entry.survivors.length > 0)
        deviate(record, entry, "survivors", step.path, `processes outlived the step: ${entry.survivors.join(", ")}`);
      break;
    }
    case "step.retrying":
      endAttempt(step, entry.at, "failed", entry.failure);
      break;
    case "step.polled":
      step.polls = entry.polls;
      step.checks = entry.checks;
      break;
    case "step.finished":
      step.status = entry.status;
      step.finishedAt = entry.at;
      step.finishedSeq = entry.seq;
      step.durationMs = entry.durationMs;
      step.outputs = entry.outputs;
      step.result = entry.result;
      step.checks = entry.checks;
      step.artifacts = entry.artifacts;
      step.failure = entry.failure;
      step.why = entry.note;
      endAttempt(step, entry.at, entry.status, entry.failure);
      // What an earlier attempt may have changed is still there.
      if (entry.failure?.class === "refused") step.tookEffect = step.attempts.at(-1)?.effectBefore ?? false;
      if ((entry.status === "failed" || entry.status === "timed_out") && entry.note === "continueOnFailure") {
        deviate(
          record,
          entry,
          "continued-on-failure",
          step.path,
          `failed and the run went on: ${entry.failure?.message ?? "a check was not met"}`,
        );
      }
      break;
    case "step.indeterminate":
      step.status = "indeterminate";
      step.why = entry.why;
      endAttempt(step, entry.at, "indeterminate", null);
      deviate(record, entry, "interrupted", step.path, entry.why);
      break;
    case "step.checked":
      step.lastSeen = { that: entry.that, applied: entry.applied, actual: entry.actual, at: entry.at, seq: entry.seq };
      if (entry.applied === false) step.tookEffect = false;
      break;
    case "budget.exceeded":
      deviate(record, entry, "budget-exceeded", step.path, `budget: ${entry.actualMs} ms of ${entry.targetMs} ms`);
      break;
    case "step.undone":
      step.status = entry.ok ? "undone" : "undo_failed";
      step.undoVerified = entry.verified;
      break;
    case "decision.recorded":
      deviate(record, entry, entry.decision, step.path, decisionText(entry.decision), entry.by.name, entry.reason);
      if (entry.decision === "retry") {
        step.status = "pending";
        step.approval = null;
      }
      if (entry.decision === "skip") {
        step.status = "skipped";
        step.why = entry.reason;
        skipMembers(record, step, "open");
      }
      if (entry.decision === "accept") {
        step.status = "succeeded";
        step.why = `accepted by ${entry.by.name}: ${entry.reason}`;
        step.failure = null;
        skipMembers(record, step, "open");
        if (step.finishedAt === null) step.finishedSeq = entry.seq;
        step.finishedAt ??= entry.at;
      }
      break;
    case "override.recorded":
      record.overrides.set(step.path, entry);
      if (step.approval) step.approval.state = "overridden";
      deviate(record, entry, "override", step.path, "overridden", entry.by.name, entry.reason);
      break;
    case "window.warned":
      deviate(record, entry, "window", step.path, entry.why);
      break;
    case "approval.requested":
      step.approval = { request: entry, decisions: [], state: "waiting" };
      step.status = "waiting";
      if (step.startedAt === null) step.startedSeq = entry.seq;
      step.startedAt ??= entry.at;
      break;
    case "approval.decided":
      step.approval?.decisions.push(entry);
      if (step.approval) applyDecision(step.approval, entry.decision);
      break;
  }
}

/** Records after which a step that was reopened stands where they put it. */
const decides: ReadonlySet<string> = new Set([
  "step.skipped",
  "step.started",
  "step.finished",
  "step.indeterminate",
  "step.undone",
  "decision.recorded",
  "approval.requested",
]);

/** `pending`: those not begun; `open`: also those a resumed run has yet to decide about, or nobody knows the end of. */
function membersOf(record: RunRecord, step: StepRecord, which: "pending" | "open"): StepRecord[] {
  // Most steps are leaves: a look at every step for each of them would take for ever.
  if (which === "pending" && !/^(group|parallel|runbook\/.*)$/.test(step.stepType)) return [];
  return [...record.steps.values()].filter(
    ({ path, status, reopened }) =>
      (path.startsWith(`${step.path}.`) || path.startsWith(`${step.path}[`)) &&
      (status === "pending" || (which === "open" && (reopened || status === "indeterminate"))),
  );
}

/** What lies in a step that is passed over is passed over too; how it had failed stays on record. */
function skipMembers(record: RunRecord, step: StepRecord, which: "pending" | "open"): void {
  for (const member of membersOf(record, step, which)) {
    member.status = "skipped";
    member.reopened = false;
    member.why = `${step.path} was ${step.status === "skipped" ? "skipped" : "accepted"}`;
  }
}

/** The plan's own text is kept where both are the same: a long run has it once for each step already. */
function retitle(step: StepRecord, title: string): void {
  if (step.title !== title) step.title = title;
}

/** `list` with `item`. A short one holds no room for more, where `push` makes room for 17 items at the first one. */
function added<T>(list: T[], item: T): T[] {
  if (list.length < 4) return list.concat([item]);
  list.push(item);
  return list;
}

function applyDecision(approval: ApprovalRecord, decision: EventOf<"approval.decided">["decision"]): void {
  if (decision === "refused") return; // a signature or person that did not count; still waiting
  if (decision !== "approved") {
    approval.state = decision;
    return;
  }
  const names = new Set(approval.decisions.filter((d) => d.decision === "approved").map((d) => d.by?.name));
  if (names.size >= approval.request.min) approval.state = "approved";
}

function endAttempt(step: StepRecord, at: string, status: StepStatus, failure: Failure | null): void {
  const last = step.attempts.at(-1);
  if (last && last.finishedAt === null) {
    last.finishedAt = at;
    last.status = status;
    last.failure = failure;
  }
}

function decisionText(decision: "accept" | "retry" | "skip"): string {
  if (decision === "accept") return "counted as done by a person";
  if (decision === "skip") return "skipped by a person";
  return "run again by a person's decision";
}
