/** How a runbook's runs develop: objectives against targets, the slowest steps and their drift, what is ever skipped. */
import type { RunRecord } from "../engine/run-record.ts";
import type { DrillEntry, DrillObjective } from "./drills.ts";
import { isGroup, stepsInOrder } from "./step-order.ts";

export interface TrendDrill {
  readonly run: string;
  readonly version: string;
  readonly target: string;
  readonly result: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly objectives: readonly DrillObjective[];
  readonly deviations: number;
  readonly headHash: string;
  /** `run`: folded from its journal here; `register`: known from `drills.ndjson` only. */
  readonly source: "run" | "register";
}

export interface Trend {
  readonly format: "runbook.trend/1.0";
  readonly runbook: string;
  /** Oldest first. */
  readonly drills: readonly TrendDrill[];
  /** How many succeeded and met every objective. */
  readonly metAll: number;
  readonly objectives: readonly {
    readonly name: string;
    readonly targetMs: number;
    readonly direction: "improving" | "worsening" | "steady" | "unknown";
    readonly points: readonly {
      readonly run: string;
      readonly at: string;
      readonly actualMs: number | null;
      readonly targetMs: number;
      readonly met: boolean | null;
    }[];
  }[];
  /** Of runs whose journal is here, slowest last run first. */
  readonly slowest: readonly {
    readonly step: string;
    readonly runs: number;
    readonly meanMs: number;
    readonly lastMs: number;
    /** The last run against the mean of those before it; null = there was only one. */
    readonly driftMs: number | null;
  }[];
  readonly skipped: readonly {
    readonly step: string;
    readonly times: number;
    readonly runs: number;
    readonly lastRun: string;
  }[];
  readonly lastSuccessAt: string | null;
  /** Whole days; null = never. */
  readonly daysSinceProven: number | null;
}

const dayMs = 86_400_000;
const shownSteps = 10;
/** Less is noise: a tenth of what is allowed. */
const steadyShare = 0.1;

export interface TrendOptions {
  readonly runbook: string;
  /** Finished runs of the runbook with their journals here; refused ones are no runs of the procedure. */
  readonly records: readonly RunRecord[];
  readonly register: readonly DrillEntry[];
  readonly nowMs: number;
  /** Which runs are told of; when the procedure was last proven counts over all. */
  readonly filter?: { readonly fits: (drill: TrendDrill) => boolean; readonly number: number | null };
}

export function trendOf({ runbook, records, register, nowMs, filter }: TrendOptions): Trend {
  const finished = records
    .filter((record) => record.started.runbook === runbook && record.finished !== null && record.result !== "refused")
    .sort((a, b) => compare(a.finished?.at ?? "", b.finished?.at ?? "") || compare(a.run, b.run));
  const here = new Set(finished.map((record) => record.run));
  const all = [
    ...finished.map(fromRecord),
    ...register.filter((entry) => entry.runbook === runbook && !here.has(entry.run)).map(fromEntry),
  ].sort((a, b) => compare(a.finishedAt, b.finishedAt) || compare(a.run, b.run));
  const proven = all.filter((drill) => drill.result === "succeeded").at(-1) ?? null;
  const fitting = all.filter((drill) => filter?.fits(drill) ?? true);
  const drills = fitting.slice(-(filter?.number ?? fitting.length) || undefined);
  const told = new Set(drills.map((drill) => drill.run));
  const own = finished.filter((record) => told.has(record.run));
  return {
    format: "runbook.trend/1.0",
    runbook,
    drills,
    metAll: drills.filter((d) => d.result === "succeeded" && d.objectives.every((o) => o.met === true)).length,
    objectives: objectivesOf(drills),
    slowest: slowestOf(own),
    skipped: skippedOf(own),
    lastSuccessAt: proven?.finishedAt ?? null,
    daysSinceProven: proven === null ? null : Math.max(0, Math.floor((nowMs - Date.parse(proven.finishedAt)) / dayMs)),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function fromRecord(record: RunRecord): TrendDrill {
  const { started, finished } = record;
  return {
    run: record.run,
    version: started.version,
    target: started.target,
    result: record.result,
    startedAt: started.at,
    finishedAt: finished?.at ?? record.lastAt,
    objectives: (finished?.objectives ?? []).map(({ name, targetMs, actualMs, met }) => ({
      name,
      targetMs,
      actualMs,
      met,
    })),
    deviations: record.deviations.length,
    headHash: `sha256:${record.headHash}`,
    source: "run",
  };
}

function fromEntry(entry: DrillEntry): TrendDrill {
  const { run, version, target, result, startedAt, finishedAt, objectives, deviations, headHash } = entry;
  return { run, version, target, result, startedAt, finishedAt, objectives, deviations, headHash, source: "register" };
}

function objectivesOf(drills: readonly TrendDrill[]): Trend["objectives"] {
  const names = [...new Set(drills.flatMap((drill) => drill.objectives.map((objective) => objective.name)))];
  return names.map((name) => {
    const points = drills.flatMap((drill) => {
      const objective = drill.objectives.find((item) => item.name === name);
      if (objective === undefined) return [];
      const { actualMs, targetMs, met } = objective;
      return [{ run: drill.run, at: drill.finishedAt, actualMs, targetMs, met }];
    });
    const targetMs = points.at(-1)?.targetMs ?? 0;
    return { name, targetMs, direction: directionOf(points, targetMs), points };
  });
}

/** The last measurement against the mean of those before it. */
function directionOf(
  points: readonly { readonly actualMs: number | null }[],
  targetMs: number,
): Trend["objectives"][number]["direction"] {
  const measured = points.flatMap((point) => (point.actualMs === null ? [] : [point.actualMs]));
  const last = measured.at(-1);
  if (last === undefined || measured.length < 2) return "unknown";
  const change = last - mean(measured.slice(0, -1));
  if (Math.abs(change) < targetMs * steadyShare) return "steady";
  return change < 0 ? "improving" : "worsening";
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function slowestOf(records: readonly RunRecord[]): Trend["slowest"] {
  const times = new Map<string, number[]>();
  for (const record of records) {
    const steps = stepsInOrder(record);
    for (const step of steps) {
      // A person's time is not the procedure's.
      if (isGroup(step, steps) || step.approval !== null || step.durationMs === null) continue;
      times.set(step.path, [...(times.get(step.path) ?? []), step.durationMs]);
    }
  }
  return [...times]
    .map(([step, all]) => ({
      step,
      runs: all.length,
      meanMs: Math.round(mean(all)),
      lastMs: all.at(-1) ?? 0,
      driftMs: all.length < 2 ? null : Math.round((all.at(-1) ?? 0) - mean(all.slice(0, -1))),
    }))
    .sort((a, b) => b.lastMs - a.lastMs || compare(a.step, b.step))
    .slice(0, shownSteps);
}

function skippedOf(records: readonly RunRecord[]): Trend["skipped"] {
  const skipped = new Map<string, { times: number; lastRun: string }>();
  for (const record of records) {
    for (const step of record.steps.values()) {
      if (step.status !== "skipped") continue;
      skipped.set(step.path, { times: (skipped.get(step.path)?.times ?? 0) + 1, lastRun: record.run });
    }
  }
  return [...skipped]
    .map(([step, { times, lastRun }]) => ({ step, times, runs: records.length, lastRun }))
    .sort((a, b) => b.times - a.times || compare(a.step, b.step));
}
