/**
 * The fold: journal records → run record. One synchronous pure function (`applyRecord`) is the only place where an event
 * changes a record; `fold-step.ts` is its part for events about one step.
 *
 * Invariants: (1) folding the same records gives the same record; (2) a step's status only moves forward, except by a
 * recorded decision (`retry`) or an undo; (3) deviations are computed here and cannot be left out.
 */
import { withoutItems } from "../plan/scope.ts";
import { deviate } from "./deviate.ts";
import type { JournalRecord } from "./events.ts";
import { applyStepRecord, newStepRecord, reopenStep } from "./fold-step.ts";
import type { EventOf, RunRecord, StepRecord } from "./run-record.ts";

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
    locksTaken: new Set(),
    abort: null,
    undoNotice: null,
    rollback: null,
    waitingSince: null,
    waitingSeq: 0,
    clockAnomalies: [],
    waitedMs: 0,
    result: "running",
    finished: null,
    sealed: null,
    scan: null,
    escalation: null,
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

/** Folds the records of one journal as they come. */
export class RunFold {
  /** Null = no record came yet. */
  record: RunRecord | null;

  constructor(record: RunRecord | null = null) {
    this.record = record;
  }

  /** Throws as `newRunRecord` and `applyRecord`. */
  take(entry: JournalRecord): RunRecord {
    if (this.record === null) this.record = newRunRecord(entry);
    else applyRecord(this.record, entry);
    return this.record;
  }
}

/** Folds whole journals; throws on an empty one. */
export function foldRun(records: Iterable<JournalRecord>): RunRecord {
  const fold = new RunFold();
  for (const entry of records) fold.take(entry);
  if (fold.record === null) throw new Error("the journal is empty");
  return fold.record;
}

/** Changes `record` by one journal record. A later minor version may tell more: what is not known here changes nothing. */
export function applyRecord(record: RunRecord, entry: JournalRecord): void {
  record.headHash = entry.hash;
  record.lastSeq = entry.seq;
  record.lastAt = entry.at;
  if ("step" in entry) {
    applyStepRecord(record, stepOf(record, entry), entry);
    return;
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
      record.locksTaken.add(entry.key);
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
    case "rollback.announced":
      record.undoNotice = { ...entry, begin: null };
      break;
    case "rollback.answered":
      if (record.undoNotice) record.undoNotice.begin = entry.begin;
      if (!entry.begin)
        deviate(
          record,
          entry,
          "rollback-stopped",
          null,
          "a person stopped the way back before it began",
          entry.by.name,
        );
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
    case "run.escalated":
      record.escalation = entry;
      // A budget that is used up is a deviation by itself.
      for (const { reason, message } of entry.reasons)
        if (reason !== "over-budget") deviate(record, entry, "escalated", null, message);
      break;
    case "verdict.reopened":
      record.escalation = null;
      record.scan = null;
      record.finished = null;
      record.sealed = null;
      record.result = "running";
      record.abort = null;
      record.undoNotice = null;
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
  }
}

function stepOf(record: RunRecord, entry: Extract<JournalRecord, { step: string }>): StepRecord {
  let step = record.steps.get(entry.step);
  if (step === undefined) {
    // Items of a forEach and undo steps are not known when the run starts.
    const planned = plannedFor(record, entry.step);
    const told = entry as Partial<EventOf<"step.started">>;
    const asked = entry.type === "approval.requested" ? entry.kind : null;
    // A step with items is of its own type, as one at the top of the runbook is.
    const kind = told.stepType === "forEach" ? planned?.stepType : told.stepType;
    step = newStepRecord({
      path: entry.step,
      id: entry.step.split(/[.]/).at(-1)?.replace(/\[.*$/, "") ?? entry.step,
      title: told.title ?? planned?.title ?? entry.step,
      phase: told.phase ?? planned?.phase ?? (entry.step.includes(".rollback.") ? "rollback" : "steps"),
      stepType: kind ?? asked ?? planned?.stepType ?? told.stepType ?? "group",
      effects: told.effects ?? planned?.effects ?? "read",
      note: planned?.note ?? null,
    });
    record.steps.set(entry.step, step);
  }
  return step;
}

const plans = new WeakMap<RunRecord["started"], ReadonlyMap<string, RunRecord["started"]["steps"][number]>>();

/** What the run's plan says of each item of the step at `path`. */
function plannedFor(record: RunRecord, path: string) {
  let plan = plans.get(record.started);
  if (plan === undefined) {
    plan = new Map(record.started.steps.map((step) => [step.path, step]));
    plans.set(record.started, plan);
  }
  return plan.get(withoutItems(path));
}

function finishRun(record: RunRecord, entry: EventOf<"run.finished"> & { seq: number; at: string }): void {
  record.finished = entry;
  record.result = entry.result;
  record.waitingSince = null;
  for (const step of record.steps.values()) step.reopened = false;
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
