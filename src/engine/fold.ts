/**
 * The fold: journal records → run record. One synchronous pure function (`applyRecord`) is the only place where an event
 * changes a record.
 *
 * Invariants: (1) folding the same records gives the same record; (2) a step's status only moves forward, except by a
 * recorded decision (`retry`) or an undo; (3) deviations are computed here and cannot be left out.
 */
import type { Effects, Phase } from "../language/runbook.ts";
import type { Failure, JournalRecord, StepStatus } from "./events.ts";
import type { ApprovalRecord, Deviation, EventOf, RunRecord, StepRecord } from "./run-record.ts";

/** The record a journal's first event makes. Throws when that is not `run.started`. */
export function newRunRecord(first: JournalRecord): RunRecord {
  if (first.type !== "run.started") throw new Error(`a journal starts with run.started, not ${first.type}`);
  const record: RunRecord = {
    run: first.run,
    started: first,
    executors: [],
    steps: new Map(),
    deviations: [],
    notifications: [],
    signals: [],
    overrides: new Map(),
    locks: new Set(),
    abort: null,
    rollback: null,
    waitingSince: null,
    waitingSeq: 0,
    clockAnomalies: [],
    waitedMs: 0,
    result: "running",
    finished: null,
    sealed: null,
    scan: null,
    headHash: first.hash,
    lastSeq: first.seq,
    lastAt: first.at,
  };
  for (const step of first.steps) {
    record.steps.set(step.path, newStepRecord(step));
  }
  if (first.source.dirty) {
    deviate(
      record,
      first,
      "dirty-source",
      null,
      `the project had uncommitted changes at commit ${first.source.commit}`,
    );
  }
  return record;
}

/** Folds whole journals; throws on an empty one. */
export function foldRun(records: Iterable<JournalRecord>): RunRecord {
  let record: RunRecord | null = null;
  for (const entry of records) {
    if (record === null) record = newRunRecord(entry);
    else applyRecord(record, entry);
  }
  if (record === null) throw new Error("the journal is empty");
  return record;
}

function newStepRecord(step: {
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
    reopened: false,
    tookEffect: false,
    undoVerified: null,
    polls: 0,
    lastSeen: null,
  };
}

function deviate(
  record: RunRecord,
  entry: { seq: number; at: string },
  kind: Deviation["kind"],
  step: string | null,
  what: string,
  by: string | null = null,
  reason: string | null = null,
): void {
  record.deviations.push({ seq: entry.seq, at: entry.at, kind, step, what, by, reason });
}

/** Changes `record` by one journal record. */
export function applyRecord(record: RunRecord, entry: JournalRecord): void {
  record.headHash = entry.hash;
  record.lastSeq = entry.seq;
  record.lastAt = entry.at;
  if ("step" in entry) {
    stepOf(record, entry).seqs.push(entry.seq);
  }
  switch (entry.type) {
    case "run.started":
      throw new Error(`record ${entry.seq}: a second run.started`);
    case "executor.started":
      if (record.executors.length > 0 && record.executors.at(-1)?.bootId !== entry.bootId) {
        deviate(record, entry, "clock", null, "the machine was restarted: times across it are by the wall clock alone");
      }
      record.executors.push({ ...entry, stoppedAt: null });
      // Going on after a person answered is how such a run works; anything else was not planned.
      if (entry.resumed && record.waitingSince === null) {
        deviate(record, entry, "resumed", null, "the run was resumed by a new executor");
      }
      break;
    case "executor.stopped": {
      const last = record.executors.at(-1);
      if (last) last.stoppedAt = entry.at;
      break;
    }
    case "recovery.truncated":
      deviate(
        record,
        entry,
        "journal-repaired",
        null,
        `a torn record of ${entry.bytes} bytes was cut off and kept as ${entry.keptAs}`,
      );
      break;
    case "lock.acquired":
      record.locks.add(entry.key);
      break;
    case "lock.released":
      record.locks.delete(entry.key);
      break;
    case "clock.anomaly":
      record.clockAnomalies.push({ seq: entry.seq, wallMs: entry.wallMs, bootMs: entry.bootMs });
      deviate(
        record,
        entry,
        "clock",
        null,
        `the wall clock moved ${entry.wallMs} ms while ${entry.bootMs} ms passed since boot`,
      );
      break;
    case "run.waiting":
      record.waitingSince = entry.at;
      record.waitingSeq = entry.seq;
      record.result = "waiting";
      break;
    case "run.resumed":
      record.waitedMs += entry.waitedMs;
      record.waitingSince = null;
      record.result = "running";
      break;
    case "signal.received":
      record.signals.push(entry);
      break;
    case "abort.requested":
      record.abort = entry;
      deviate(record, entry, "aborted", null, "the run was aborted", entry.by.name, entry.reason);
      break;
    case "rollback.started":
      record.rollback = { why: entry.why, steps: entry.steps, ok: null };
      break;
    case "rollback.finished":
      if (record.rollback) record.rollback.ok = entry.ok;
      break;
    case "notification.sent":
      record.notifications.push(entry);
      if (!entry.ok)
        deviate(
          record,
          entry,
          "notification-failed",
          null,
          `notification (${entry.on}) by ${entry.stepType} failed: ${entry.detail}`,
        );
      break;
    case "secrets.scanned":
      record.scan = entry;
      for (const leak of entry.leaks)
        deviate(record, entry, "secret-leak", null, `${leak.file} holds the secret ${leak.secret}`);
      if (entry.problem !== null)
        deviate(record, entry, "secret-leak", null, `not everything was searched for secrets: ${entry.problem}`);
      break;
    case "verdict.reopened":
      record.scan = null;
      record.finished = null;
      record.sealed = null;
      record.result = "running";
      record.abort = null;
      // A rollback that failed is what a resume goes on with.
      record.rollback = record.rollback?.ok === false ? { ...record.rollback, ok: null } : null;
      for (const step of record.steps.values()) reopenStep(step);
      break;
    case "run.finished":
      finishRun(record, entry);
      break;
    case "run.sealed":
      record.sealed = entry;
      break;
    default:
      applyStepRecord(record, stepOf(record, entry), entry);
  }
}

/** A resumed run decides again about what failed; what succeeded, was undone or skipped stays so. */
function reopenStep(step: StepRecord): void {
  // Its own end stands; its way back is walked again.
  if (step.status === "undo_failed") step.status = "failed";
  else if (step.phase === "rollback" && step.status === "succeeded") return;
  else reopenOther(step);
}

function reopenOther(step: StepRecord): void {
  if (step.phase === "always" || step.stepType === "group" || step.stepType === "parallel") {
    if (step.status !== "succeeded" || step.phase === "always") step.status = "pending";
  } else if (step.status === "failed" || step.status === "timed_out" || step.status === "cancelled") {
    step.status = step.attempts.length > 0 ? "running" : "pending";
    step.approval = null;
    step.reopened = true;
  }
}

function stepOf(record: RunRecord, entry: Extract<JournalRecord, { step: string }>): StepRecord {
  let step = record.steps.get(entry.step);
  if (step === undefined) {
    // Items of a forEach and undo steps are not known when the run starts.
    const started = entry as Partial<EventOf<"step.started">>;
    step = newStepRecord({
      path: entry.step,
      id: entry.step.split(/[.]/).at(-1)?.replace(/\[.*$/, "") ?? entry.step,
      title: started.title ?? entry.step,
      phase: started.phase ?? "steps",
      stepType: started.stepType ?? "group",
      effects: started.effects ?? "read",
    });
    record.steps.set(entry.step, step);
  }
  return step;
}

function applyStepRecord(record: RunRecord, step: StepRecord, entry: Extract<JournalRecord, { step: string }>): void {
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
      step.reopened = false;
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
      if (entry.status === "failed" && entry.note === "continueOnFailure") {
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

function finishRun(record: RunRecord, entry: EventOf<"run.finished"> & { seq: number; at: string }): void {
  record.finished = entry;
  record.result = entry.result;
  record.waitingSince = null;
  for (const objective of entry.objectives) {
    if (objective.met === false) {
      deviate(
        record,
        entry,
        "objective-missed",
        null,
        `objective ${objective.name}: ${objective.actualMs} ms of ${objective.targetMs} ms`,
      );
    }
  }
  if (entry.budget && !entry.budget.met) {
    deviate(
      record,
      entry,
      "budget-exceeded",
      null,
      `budget: ${entry.budget.actualMs} ms of ${entry.budget.targetMs} ms working time`,
    );
  }
}
