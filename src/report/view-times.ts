/** The part of the view about time: what was promised and reached, and when each step ran. */
import type { RunRecord, StepRecord } from "../engine/run-record.ts";
import { clockText, durationText } from "./format.ts";
import { type Bar, mermaidGantt, timelineBars, timelineLimits } from "./timeline.ts";

export interface ObjectiveRow {
  readonly name: string;
  readonly target: string;
  readonly actual: string;
  readonly margin: string;
  readonly met: string;
  readonly measured: string;
  readonly seq: number | null;
}

export interface TimelineView {
  readonly mermaid: string;
  readonly bars: readonly (Omit<Bar, "from" | "to"> & { from: string; to: string; took: string })[];
  readonly leftOut: number;
  /** When an objective would have been missed. */
  readonly limits: readonly {
    readonly name: string;
    readonly at: string;
    readonly fromMs: number;
    readonly seq: number | null;
  }[];
  /** For charts that draw themselves: milliseconds since the first bar's start. */
  readonly spanMs: number;
  readonly offsets: readonly { readonly fromMs: number; readonly tookMs: number }[];
}

export function objectiveRows(record: RunRecord): ObjectiveRow[] {
  const finished = record.finished;
  if (finished === null) {
    return record.started.objectives.map((o) => ({
      name: o.name.toUpperCase(),
      target: durationText(o.targetMs),
      actual: "not measured",
      margin: "",
      met: "no verdict yet",
      measured: "",
      seq: record.started.seq,
    }));
  }
  const rows: ObjectiveRow[] = finished.objectives.map((o) => ({
    name: o.name.toUpperCase(),
    target: durationText(o.targetMs),
    actual: o.actualMs === null ? "not measured" : durationText(o.actualMs),
    margin: o.actualMs === null ? "" : durationText(o.targetMs - o.actualMs),
    met: o.met === null ? "not measured" : o.met ? "met" : "MISSED",
    measured: o.measured,
    seq: finished.seq,
  }));
  const budget = finished.budget;
  if (budget !== null) {
    rows.push({
      name: "Budget",
      target: durationText(budget.targetMs),
      actual: durationText(budget.actualMs),
      margin: durationText(budget.targetMs - budget.actualMs),
      met: budget.met ? "met" : "EXCEEDED",
      measured: "working time, without waiting for people",
      seq: finished.seq,
    });
  }
  return rows;
}

export function timelineView(record: RunRecord, steps: readonly StepRecord[]): TimelineView {
  const { bars, leftOut } = timelineBars(record, steps);
  const day = record.started.at.slice(0, 10);
  const zero = Math.min(...bars.map((bar) => Date.parse(bar.from)));
  const limits = bars.length === 0 ? [] : timelineLimits(record);
  const offsets = bars.map((bar) => ({ fromMs: Date.parse(bar.from) - zero, tookMs: bar.tookMs }));
  return {
    mermaid: mermaidGantt(`${record.started.runbook} ${record.run} (UTC)`, bars, limits),
    limits: limits.map((limit) => ({
      name: limit.name,
      at: clockText(limit.at, day),
      fromMs: Date.parse(limit.at) - zero,
      seq: record.finished?.seq ?? record.started.seq,
    })),
    bars: bars.map((bar) => ({
      ...bar,
      from: clockText(bar.from, day),
      to: bar.ended ? clockText(bar.to, day) : "not ended",
      took: durationText(bar.tookMs),
      status: bar.status.replace("_", " "),
    })),
    leftOut,
    spanMs: Math.max(1, ...offsets.map((o) => o.fromMs + o.tookMs)),
    offsets,
  };
}
