/** The fold of one step: how a record of the journal changes what is known of the step it names. */
import type { Effects, Phase } from "../language/runbook.ts";
import { deviate } from "./deviate.ts";
import type { Failure, JournalRecord, StepStatus } from "./events.ts";
import type { ApprovalRecord, EventOf, RunRecord, StepRecord } from "./run-record.ts";

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
    attempts: [],
    startedAt: null,
    finishedAt: null,
    startedSeq: 0,
    finishedSeq: 0,
    durationMs: null,
    outputs: {},
    result: null,
    checks: [],
    artifacts: [],
    failure: null,
    commands: [],
    approval: null,
    seqs: [],
    reopened: null,
    tookEffect: false,
    undoVerified: null,
    polls: 0,
    lastSeen: null,
  };
}

/** A resumed run decides again about what failed; what succeeded, was undone or skipped stays so. */
export function reopenStep(step: StepRecord): void {
  // Its own end stands; its way back is walked again.
  if (step.status === "undo_failed") step.status = "failed";
  else if (step.phase === "rollback" && step.status === "succeeded") return;
  else reopenOther(step);
}

function reopenOther(step: StepRecord): void {
  if (step.phase === "always" || step.stepType === "group" || step.stepType === "parallel") {
    if (step.status !== "succeeded" || step.phase === "always") {
      step.reopened = step.status;
      step.status = "pending";
    }
  } else if (step.status === "failed" || step.status === "timed_out" || step.status === "cancelled") {
    step.reopened = step.status;
    step.status = step.attempts.length > 0 ? "running" : "pending";
    step.approval = null;
  }
}

/** How a step stands when nothing more is run: what a resume opened again and did not touch keeps the end it had. */
export function standingStatus(step: StepRecord): StepStatus {
  const untouched = step.status === "running" || step.status === "pending";
  return untouched ? (step.reopened ?? step.status) : step.status;
}

/** Changes `step`, and what the run deviates in, by one record about the step. */
export function applyStepRecord(
  record: RunRecord,
  step: StepRecord,
  entry: Extract<JournalRecord, { step: string }>,
): void {
  switch (entry.type) {
    case "step.skipped":
      step.status = "skipped";
      step.why = entry.why;
      step.title = entry.title;
      break;
    case "step.started":
      step.status = "running";
      step.title = entry.title;
      step.effects = entry.effects;
      step.action = entry.action;
      step.definition = entry.definition;
      if (step.startedAt === null) step.startedSeq = entry.seq;
      step.startedAt ??= entry.at;
      step.finishedAt = null;
      step.failure = null;
      step.why = null;
      step.reopened = null;
      step.attempts.push({
        attempt: entry.attempt,
        startedAt: entry.at,
        finishedAt: null,
        status: "running",
        failure: null,
      });
      if (entry.effects !== "read") step.tookEffect = true;
      break;
    case "command.started":
      step.commands.push({ ...entry, startedAt: entry.at, end: null });
      break;
    case "command.finished": {
      const command = step.commands.find((c) => c.command === entry.command);
      if (command) command.end = entry;
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
      if (entry.failure?.class === "refused") step.tookEffect = false;
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
      }
      if (entry.decision === "accept") {
        step.status = "succeeded";
        step.why = `accepted by ${entry.by.name}: ${entry.reason}`;
        step.failure = null;
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
