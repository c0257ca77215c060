/** The `runbook.run/1.0` document: what `run`, `resume`, `status` and `wait` print under `-o json`. */
import { createHash } from "node:crypto";
import type { RunResult } from "../engine/events.ts";
import type { ApprovalRecord, RunRecord, StepRecord } from "../engine/run-record.ts";
import { effectsWithin, stepsInOrder } from "./step-order.ts";

/** What the journal cannot say: whether somebody works on the run now, and where it lies. */
export interface RunDocumentExtras {
  /** Of this command; a finished run's own stands in its journal. */
  readonly exitCode: number;
  readonly exitName: string;
  /** The run directory as the caller shows it. */
  readonly dir: string;
  /** Path of the report, or null while there is none. */
  readonly report: string | null;
  readonly executorAlive: boolean;
  /** The run has no verdict and nobody works on it. */
  readonly interrupted: boolean;
  /** The command that answers a question, for `waitingFor[].next`. */
  readonly nextFor: (step: string, kind: ApprovalRecord["request"]["kind"]) => string;
}

export interface WaitingFor {
  readonly step: string;
  readonly kind: ApprovalRecord["request"]["kind"];
  readonly prompt: string;
  readonly from: readonly string[];
  readonly expiresAt: string | null;
  readonly shownDigest: string;
  readonly next: string;
}

/** Questions nobody has answered yet, in execution order: those a step asks, and steps of unknown outcome. */
function waitingFor(record: RunRecord, nextFor: RunDocumentExtras["nextFor"]): WaitingFor[] {
  if (record.finished !== null) return [];
  return stepsInOrder(record).flatMap((step) => {
    if (step.approval?.state === "waiting") {
      const { kind, prompt, from, expiresAt, shownDigest } = step.approval.request;
      return [{ step: step.path, kind, prompt, from, expiresAt, shownDigest, next: nextFor(step.path, kind) }];
    }
    if (step.status !== "indeterminate") return [];
    const prompt = `Nobody knows whether ${step.path} took effect: ${step.why}.`;
    const shownDigest = `sha256:${createHash("sha256").update(prompt).digest("hex")}`;
    const next = nextFor(step.path, "indeterminate");
    return [{ step: step.path, kind: "indeterminate" as const, prompt, from: [], expiresAt: null, shownDigest, next }];
  });
}

/** A run as plain data; the published schema is `schemas/run.v1.schema.json`. Times RFC 3339, durations milliseconds. */
export interface RunDocument {
  readonly format: "runbook.run/1.0";
  readonly run: string;
  readonly runbook: string;
  readonly version: string;
  /** `sha256:…` of the runbook's bytes. */
  readonly digest: string;
  readonly target: string;
  /** Always false: a plan is no run. */
  readonly dry: false;
  readonly result: RunResult;
  readonly exitCode: number;
  readonly exitName: string;
  readonly actor: string;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly durationMs: number;
  /** Without the time a person was waited for. */
  readonly workingMs: number;
  readonly waitingMs: number;
  readonly objectives: readonly {
    readonly name: string;
    readonly targetMs: number;
    /** Null = not measured; `met` is then never true. */
    readonly actualMs: number | null;
    readonly met: boolean | null;
  }[];
  readonly budget: { readonly targetMs: number; readonly actualMs: number | null; readonly met: boolean | null } | null;
  readonly planDigest: string;
  /** Head of the journal as it is now, `sha256:…`. */
  readonly headHash: string;
  readonly executor: {
    readonly pid: number;
    readonly startedAt: string;
    readonly host: string;
    readonly alive: boolean;
  } | null;
  readonly deviations: RunRecord["deviations"];
  readonly waitingFor: readonly WaitingFor[] | null;
  /** The run directory. */
  readonly dir: string;
  readonly report: string | null;
  /** In the order they ran, those not reached last. */
  readonly steps: readonly StepDocument[];
}

export interface StepDocument {
  readonly path: string;
  readonly id: string;
  readonly title: string;
  readonly phase: StepRecord["phase"];
  readonly type: string;
  /** Of a group: the strongest of its members. */
  readonly effects: StepRecord["effects"];
  readonly status: StepRecord["status"];
  readonly why: string | null;
  /** How many times it was tried. */
  readonly attempts: number;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly durationMs: number | null;
  /** Masked. */
  readonly outputs: StepRecord["outputs"];
  readonly checks: readonly Pick<
    StepRecord["checks"][number],
    "that" | "status" | "severity" | "expected" | "actual" | "message"
  >[];
  readonly artifacts: StepRecord["artifacts"];
  readonly failure: StepRecord["failure"];
}

export function runDocument(record: RunRecord, extras: RunDocumentExtras): RunDocument {
  const { started, finished } = record;
  const executor = record.executors.at(-1) ?? null;
  const waiting = waitingFor(record, extras.nextFor);
  const result: RunResult = extras.interrupted && record.result === "running" ? "interrupted" : record.result;
  const steps = stepsInOrder(record);
  const effects = effectsWithin(steps);
  const elapsedMs = Date.parse(record.lastAt) - Date.parse(started.at);
  return {
    format: "runbook.run/1.0",
    run: record.run,
    runbook: started.runbook,
    version: started.version,
    digest: started.digest,
    target: started.target,
    dry: false,
    result,
    exitCode: finished?.exitCode ?? extras.exitCode,
    exitName: finished?.exitName ?? extras.exitName,
    actor: started.actor,
    startedAt: started.at,
    finishedAt: finished?.at ?? null,
    durationMs: finished?.durationMs ?? elapsedMs,
    workingMs: finished?.workingMs ?? Math.max(0, elapsedMs - waitedMs(record)),
    waitingMs: finished?.waitingMs ?? waitedMs(record),
    objectives:
      finished?.objectives.map(({ name, targetMs, actualMs, met }) => ({ name, targetMs, actualMs, met })) ??
      started.objectives.map(({ name, targetMs }) => ({ name, targetMs, actualMs: null, met: null })),
    budget:
      finished !== null
        ? finished.budget
        : started.budgetMs === null
          ? null
          : { targetMs: started.budgetMs, actualMs: null, met: null },
    planDigest: started.planDigest,
    headHash: `sha256:${record.headHash}`,
    executor: executor && {
      pid: executor.pid,
      startedAt: executor.at,
      host: executor.host,
      alive: extras.executorAlive,
    },
    deviations: record.deviations,
    waitingFor: waiting.length === 0 ? null : waiting,
    dir: extras.dir,
    report: extras.report,
    steps: steps.map((step) => stepDocument(step, effects.get(step.path) ?? step.effects)),
  };
}

/** Up to the last record: a document of an open run is still a function of the journal. */
function waitedMs(record: RunRecord): number {
  const since = record.waitingSince;
  return record.waitedMs + (since === null ? 0 : Date.parse(record.lastAt) - Date.parse(since));
}

function stepDocument(step: StepRecord, effects: StepRecord["effects"]): StepDocument {
  return {
    path: step.path,
    id: step.id,
    title: step.title,
    phase: step.phase,
    type: step.stepType,
    effects,
    status: step.status,
    why: step.why,
    attempts: step.attempts.length,
    startedAt: step.startedAt,
    finishedAt: step.finishedAt,
    durationMs: step.durationMs,
    outputs: step.outputs,
    checks: step.checks.map(({ that, status, severity, expected, actual, message }) => ({
      that,
      status,
      severity,
      expected,
      actual,
      message,
    })),
    artifacts: step.artifacts,
    failure: step.failure,
  };
}
