/** The verdict of a run: objectives, budget, times, result and one sentence, all computed from the record. */
import { CelDuration, evaluateExpression } from "../language/cel/index.ts";
import type { Runbook, Step } from "../language/runbook.ts";
import { type Frame, membersOf, scopeOf } from "../plan/scope.ts";
import { anyWriteStarted } from "./context.ts";
import type { JournalEvent, RunResult } from "./events.ts";
import { exitCodes, exitNameOfResult } from "./exit-codes.ts";
import { elapsedMs, type Instant } from "./run-clock.ts";
import type { RunRecord, StepRecord } from "./run-record.ts";
import { toleratedFailures } from "./tolerated.ts";

type Finished = Extract<JournalEvent, { type: "run.finished" }>;

/** How the walk ended, before objectives and budget. */
export interface Ending {
  readonly failedAt: string | null;
  readonly refused: boolean;
  readonly aborted: boolean;
  readonly rollback: "none" | "ok" | "failed";
  /** Set when the run was refused before any step: why. */
  readonly refusal: string | null;
  /** Steps of `always` that failed. */
  readonly cleanupFailed: readonly string[];
}

function resultOf(record: RunRecord, ending: Ending): RunResult {
  if (ending.rollback === "failed") return "rollback_failed";
  if (ending.rollback === "ok") return "rolled_back";
  if (ending.aborted) return "aborted";
  if (ending.refusal !== null) return "refused";
  if (ending.failedAt !== null) return ending.refused && !anyWriteStarted(record) ? "refused" : "failed";
  return ending.cleanupFailed.length > 0 || leakText(record) !== null ? "failed" : "succeeded";
}

/** The closing event. `nowMs`: wall clock, milliseconds since the epoch. */
export function verdictOf(record: RunRecord, root: Frame, ending: Ending, nowMs: number): Finished {
  const result = resultOf(record, ending);
  const durationMs = elapsedMs(record, beginOf(record), { seq: Number.POSITIVE_INFINITY, at: nowMs });
  const waitingMs = Math.min(durationMs, record.waitedMs);
  const workingMs = durationMs - waitingMs;
  const budgetMs = root.runbook.budgetMs;
  const exitName = exitNameOfResult(result);
  return {
    type: "run.finished",
    result,
    exitCode: exitCodes[exitName],
    exitName,
    durationMs,
    workingMs,
    waitingMs,
    objectives: objectivesOf(record, root),
    budget: budgetMs === null ? null : { targetMs: budgetMs, actualMs: workingMs, met: workingMs <= budgetMs },
    summary: summaryOf(record, result, ending),
  };
}

/** Why the evidence cannot be handed on: it holds secrets, or nobody could look. Null = it is clean. */
function leakText(record: RunRecord): string | null {
  const { scan } = record;
  if (scan === null) return null;
  const [first] = scan.leaks;
  if (first !== undefined) {
    const more = scan.leaks.length > 1 ? ` (and ${scan.leaks.length - 1} more)` : "";
    return `${first.file} holds the secret ${first.secret}${more}: change the secret, then remove what printed it`;
  }
  return scan.problem === null ? null : `the evidence could not be searched for secrets: ${scan.problem}`;
}

function summaryOf(record: RunRecord, result: RunResult, ending: Ending): string {
  const leak = leakText(record);
  const summary = endingText(record, result, ending);
  if (leak === null) return summary;
  return ending.failedAt === null && result === "failed" && ending.cleanupFailed.length === 0
    ? leak
    : `${summary}; ${leak}`;
}

function endingText(record: RunRecord, result: RunResult, ending: Ending): string {
  const failed = ending.failedAt === null ? null : record.steps.get(ending.failedAt);
  const why = brief(failed?.failure?.message ?? ending.refusal);
  switch (result) {
    case "succeeded":
      return passedText(record);
    case "refused":
      return why ?? "refused; nothing was changed";
    case "aborted":
      if (record.abort === null) return `a person asked for the way back; there was none to go${unknownState(record)}`;
      return `aborted${record.abort.reason ? `: ${record.abort.reason}` : ""}${unknownState(record)}`;
    case "rolled_back":
      return `${undoneBecause(record, ending)}${why ? ` (${why})` : ""}; what had changed was undone`;
    case "rollback_failed":
      return `state unknown: ${undoneBecause(record, ending)}${why ? ` (${why})` : ""}, and its undo failed`;
    default: {
      if (failed === null || failed === undefined) return `cleanup failed: ${ending.cleanupFailed.join(", ")}`;
      const held = record.undoNotice?.begin === false ? "; a person stopped the way back" : "";
      return `${ending.failedAt} failed${why ? `: ${why}` : ""}${held}${unknownState(record)}`;
    }
  }
}

/** Names at most five of the failures the runbook allows: the rest is in the report. */
function passedText(record: RunRecord): string {
  const paths = toleratedFailures(record).map(({ path }) => path);
  if (paths.length === 0) return "every step succeeded";
  const more = paths.length > 5 ? ` and ${paths.length - 5} more` : "";
  return `succeeded, although the runbook went on after failures of ${paths.slice(0, 5).join(", ")}${more}`;
}

function undoneBecause(record: RunRecord, ending: Ending): string {
  if (ending.failedAt !== null) return `${ending.failedAt} failed`;
  return record.abort === null ? "a person asked for the way back" : "the run was aborted";
}

/** One line of a message that may have many; the whole of it is in the step. */
function brief(message: string | null | undefined): string | null {
  if (message == null) return null;
  const line = message.replace(/\s*\n\s*/g, " / ").trim();
  return line.length <= 240 ? line : `${line.slice(0, 239)}…`;
}

function unknownState(record: RunRecord): string {
  const open = [...record.steps.values()].filter((step) => step.status === "indeterminate").map((step) => step.path);
  return open.length === 0 ? "" : `; state unknown: ${open.join(", ")}`;
}

function objectivesOf(record: RunRecord, root: Frame): Finished["objectives"] {
  return Object.entries(root.runbook.objectives).map(([name, objective]) => {
    const { ms, measured } =
      objective.measure === null ? clockOf(record, root.runbook, name) : measuredBy(objective.measure, root);
    return {
      name,
      targetMs: objective.targetMs,
      actualMs: ms,
      met: ms === null ? null : ms <= objective.targetMs,
      measured,
    };
  });
}

function measuredBy(expression: string, root: Frame): { ms: number | null; measured: string } {
  const value = evaluateExpression(expression, scopeOf({ frame: root, items: [] }));
  const ms = value.kind === "value" && value.value instanceof CelDuration ? Math.round(value.value.durationMs) : null;
  return { ms, measured: expression };
}

/** Marked steps start and end the clock; by default it runs from the start of the run to the last verified step. */
function clockOf(record: RunRecord, runbook: Runbook, name: string): { ms: number | null; measured: string } {
  const marked = (end: "start" | "end") =>
    [...stepsBelow(runbook.steps, "")].find(({ step }) => step.objective[name] === end);
  const first = marked("start");
  const last = marked("end");
  const start = first === undefined ? beginOf(record) : instantOf(record.steps.get(first.path), "started");
  const end = last === undefined ? lastVerified(record) : (record.steps.get(last.path) ?? null);
  const from = first === undefined ? "start of the run" : `start of ${first.path}`;
  const finish = instantOf(end, "finished");
  if (start === null || finish === null) return { ms: null, measured: `${from} to a verified step: there is none` };
  return { ms: elapsedMs(record, start, finish), measured: `${from} to end of ${end?.path}` };
}

function beginOf(record: RunRecord): Instant {
  return { seq: record.started.seq, at: record.started.at };
}

function instantOf(step: StepRecord | null | undefined, which: "started" | "finished"): Instant | null {
  const at = step?.[`${which}At`] ?? null;
  return at === null ? null : { seq: step?.[`${which}Seq`] ?? 0, at };
}

function lastVerified(record: RunRecord): StepRecord | null {
  let last: StepRecord | null = null;
  for (const step of record.steps.values()) {
    const verified = step.status === "succeeded" && step.checks.some((check) => check.status === "met");
    if (!verified || step.finishedAt === null || step.phase === "guards" || step.phase === "always") continue;
    if (last?.finishedAt == null || step.finishedSeq > last.finishedSeq) last = step;
  }
  return last;
}

function* stepsBelow(steps: readonly Step[], parent: string): Generator<{ step: Step; path: string }> {
  for (const step of steps) {
    const path = parent === "" ? step.id : `${parent}.${step.id}`;
    yield { step, path };
    yield* stepsBelow(membersOf(step), path);
  }
}
