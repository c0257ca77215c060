/** The part of the view about steps: the table, and the details of each. */
import type { CheckOutcome } from "../engine/events.ts";
import type { CommandRecord, RunRecord, StepRecord } from "../engine/run-record.ts";
import type { Effects } from "../language/runbook.ts";
import { isObject, type Json } from "../util/json.ts";
import { clockText, commandText, durationText, excerpt, plural } from "./format.ts";
import { effectsWithin } from "./step-order.ts";
import { checksText, type NamedValue, shortValue, shownLines, shownWidth, statusText } from "./step-text.ts";
import { ends } from "./timeline.ts";
import { type ArtifactRow, artifactRows } from "./view-outcome.ts";

const shownCommands = 20;

export interface StepRow {
  readonly number: number;
  readonly path: string;
  readonly title: string;
  readonly phase: string;
  readonly effects: string;
  readonly status: string;
  readonly startedAt: string;
  readonly took: string;
  readonly tries: string;
  readonly checks: string;
  readonly who: string;
  /** Where the row links to; null = there is nothing more to say. */
  readonly anchor: string | null;
  readonly seqs: readonly number[];
}

export interface StepDetail {
  readonly number: number;
  readonly path: string;
  readonly title: string;
  readonly anchor: string;
  readonly status: string;
  readonly why: string | null;
  readonly note: string | null;
  readonly stepType: string;
  readonly effects: string;
  readonly action: string | null;
  readonly definition: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly took: string | null;
  readonly polls: number;
  /** What its `check` found last, when that is what is known of its state. */
  readonly lastSeen: null | {
    readonly that: string;
    readonly answer: string;
    readonly actual: string | null;
    readonly at: string;
    readonly seq: number;
  };
  readonly failure: null | {
    readonly class: string;
    readonly reason: string;
    readonly message: string;
    readonly facts: readonly NamedValue[];
  };
  readonly attempts: readonly AttemptRow[];
  readonly commands: readonly CommandDetail[];
  readonly commandsLeftOut: number;
  readonly checks: readonly CheckRow[];
  readonly shown: readonly { readonly that: string; readonly value: string }[];
  readonly outputs: readonly NamedValue[];
  /** What else the step found, besides its outputs and what its commands printed. */
  readonly results: readonly NamedValue[];
  readonly artifacts: readonly ArtifactRow[];
  readonly seqs: readonly number[];
}

export interface AttemptRow {
  readonly attempt: number;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly status: string;
  readonly failure: string;
}

export interface CommandDetail {
  readonly command: string;
  readonly text: string;
  readonly attempt: number;
  readonly cwd: string;
  readonly env: readonly string[];
  readonly effects: string;
  readonly startedAt: string;
  /** Exit code, signal and cause in words. */
  readonly ended: string;
  readonly took: string | null;
  readonly streams: readonly {
    readonly name: StreamName;
    readonly file: string;
    readonly bytes: number;
    readonly droppedBytes: number;
    readonly sha256: string;
    readonly excerpt: string;
  }[];
  readonly seqs: readonly number[];
}

export interface CheckRow {
  readonly that: string;
  readonly status: string;
  readonly severity: string;
  readonly expected: string | null;
  readonly actual: string | null;
  readonly message: string | null;
}

/**
 * The heading's anchor as GitHub makes it: `3 deploy.rollback.redeploy` → `3-deployrollbackredeploy`; null = the step has
 * no heading, there is nothing more to say.
 */
export function anchorOf(step: StepRecord, number: number): string | null {
  return step.seqs.length === 0 ? null : `${number}-${step.path.toLowerCase().replace(/[^a-z0-9_-]/g, "")}`;
}

/** What the report says of each step, in two lists that are made anew, item by item, each time they are gone through. */
export function stepLists(
  record: RunRecord,
  steps: readonly StepRecord[],
): { readonly rows: Iterable<StepRow>; readonly details: Iterable<StepDetail> } {
  const effects = effectsWithin(steps);
  const effectsOf = (step: StepRecord) => effects.get(step.path) ?? step.effects;
  const day = record.started.at.slice(0, 10);
  return {
    rows: {
      *[Symbol.iterator]() {
        for (const [index, step] of steps.entries()) yield stepRow(step, index + 1, effectsOf(step), day);
      },
    },
    details: {
      *[Symbol.iterator]() {
        for (const [index, step] of steps.entries()) {
          const anchor = anchorOf(step, index + 1);
          if (anchor !== null) yield stepDetail(step, index + 1, effectsOf(step), anchor);
        }
      },
    },
  };
}

function stepRow(step: StepRecord, number: number, effects: Effects, day: string): StepRow {
  return {
    number,
    path: step.path,
    title: step.title,
    phase: step.phase,
    effects,
    status: statusText(step),
    startedAt: step.startedAt === null ? "" : clockText(step.startedAt, day),
    took: step.durationMs === null ? "" : durationText(step.durationMs),
    tries: step.attempts.length === 0 ? "" : String(step.attempts.length),
    checks: checksText(step.checks),
    who: step.approval === null ? (step.startedAt === null ? "" : "runner") : answeredBy(step),
    anchor: anchorOf(step, number),
    seqs: ends(step.seqs),
  };
}

function answeredBy(step: StepRecord): string {
  const names = (step.approval?.decisions ?? [])
    .filter((d) => d.decision !== "refused")
    .map((d) => d.by?.name ?? "nobody");
  return [...new Set(names)].join(", ") || "nobody yet";
}

function stepDetail(step: StepRecord, number: number, effects: Effects, anchor: string): StepDetail {
  return {
    number,
    path: step.path,
    title: step.title,
    anchor,
    status: statusText(step),
    why: step.why,
    note: step.note,
    stepType: step.stepType,
    effects,
    action: step.action === "" ? null : step.action,
    definition: step.definition === "" ? null : step.definition,
    startedAt: step.startedAt,
    finishedAt: step.finishedAt,
    took: step.durationMs === null ? null : durationText(step.durationMs),
    polls: step.polls,
    lastSeen: step.lastSeen && {
      that: step.lastSeen.that,
      answer: step.lastSeen.applied === null ? "could not tell" : step.lastSeen.applied ? "applied" : "not applied",
      actual: step.lastSeen.actual,
      at: step.lastSeen.at,
      seq: step.lastSeen.seq,
    },
    failure: step.failure && {
      ...step.failure,
      facts: namedValues(step.failure.facts).filter((fact) => fact.value !== "null"),
    },
    attempts:
      step.attempts.length < 2
        ? []
        : step.attempts.map((a) => ({
            attempt: a.attempt,
            startedAt: a.startedAt,
            finishedAt: a.finishedAt ?? "not seen",
            status: a.status.replace("_", " "),
            failure: a.failure?.message ?? "",
          })),
    commands: step.commands.slice(0, shownCommands).map(commandDetail),
    commandsLeftOut: Math.max(0, step.commands.length - shownCommands),
    checks: step.checks.map((c) => ({ ...c, status: checkText(c) })),
    shown: step.checks
      .filter((c) => c.show !== null && c.show !== undefined)
      .map((c) => ({ that: c.that, value: shortValue(c.show, true) })),
    outputs: namedValues(step.outputs),
    results: resultsOf(step),
    artifacts: artifactRows([step]),
    seqs: step.seqs,
  };
}

/** Shown elsewhere: outputs, what commands printed, what was there before a change. */
const shownElsewhere = new Set(["stdout", "stderr", "lines", "exitCode", "signal", "durationMs", "before", "machines"]);

function resultsOf({ result, outputs }: StepRecord): NamedValue[] {
  if (!isObject(result)) return [];
  const names = Object.keys(result).filter(
    (name) => result[name] !== null && !shownElsewhere.has(name) && !(name in outputs),
  );
  return namedValues(result as { readonly [name: string]: Json }, names);
}

function checkText(check: CheckOutcome): string {
  const status = check.status.replaceAll("_", " ");
  return check.severity === "warning" && check.status !== "met" ? `${status} (warning)` : status;
}

function namedValues(values: { readonly [name: string]: Json }, names = Object.keys(values)): NamedValue[] {
  return names.map((name) => ({ name, value: shortValue(values[name] ?? null, false) }));
}

function commandDetail(command: CommandRecord): CommandDetail {
  const end = command.end;
  return {
    command: command.command,
    text: commandText(command.argv),
    attempt: command.attempt,
    cwd: command.cwd,
    env: command.env,
    effects: command.effects,
    startedAt: command.startedAt,
    ended: endText(end),
    took: end === null ? null : durationText(end.durationMs),
    streams:
      end === null ? [] : streamNames.filter((name) => hasText(end, name)).map((name) => streamDetail(end, name)),
    seqs: end === null ? [command.seq] : [command.seq, end.seq],
  };
}

type CommandEnd = NonNullable<CommandRecord["end"]>;
type StreamName = "stdout" | "stderr";
const streamNames: readonly StreamName[] = ["stdout", "stderr"];

function hasText(end: CommandEnd, name: StreamName): boolean {
  const { file, bytes, droppedBytes } = end.output[name];
  return file !== "" && (bytes > 0 || droppedBytes > 0);
}

function streamDetail(end: CommandEnd, name: StreamName): CommandDetail["streams"][number] {
  const { file, bytes, droppedBytes, sha256 } = end.output[name];
  // The journal keeps the first and last lines with one line between them that says what is left out.
  const shown = excerpt(end.output.excerpt[name], shownLines + 1, shownLines, shownWidth);
  return { name, file, bytes, droppedBytes, sha256, excerpt: shown };
}

function endText(end: CommandRecord["end"]): string {
  if (end === null) return "its end was not seen";
  const parts = [end.exitCode === null ? "no exit code" : `exit code ${end.exitCode}`];
  if (end.signal !== null) parts.push(`signal ${end.signal}`);
  if (end.cause !== "" && end.cause !== "exit" && end.cause !== "exited") parts.push(end.cause);
  if (end.adopted) parts.push("taken over by a later executor");
  if (!end.drained) parts.push("its output was not read to the end");
  if (end.survivors.length > 0) parts.push(`${plural(end.survivors.length, "process")} outlived it`);
  return parts.join(", ");
}
