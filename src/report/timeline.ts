/** The timeline as data: one bar per step that began and per question to a person; and its Mermaid chart. */
import type { RunRecord, StepRecord } from "../engine/run-record.ts";
import { between, durationText } from "./format.ts";
import { mermaidLabel } from "./inert.ts";
import { isGroup } from "./step-order.ts";
import { isFailed } from "./verdict.ts";

export type TimelineSection = "Guards" | "Work" | "People" | "Rollback" | "Cleanup";

export interface Bar {
  readonly number: number;
  readonly section: TimelineSection;
  readonly path: string;
  readonly from: string;
  /** The last thing known when it has not ended. */
  readonly to: string;
  readonly ended: boolean;
  readonly tookMs: number;
  readonly state: "done" | "crit" | "active";
  readonly status: string;
  readonly seqs: readonly number[];
}

const sections: readonly TimelineSection[] = ["Guards", "Work", "People", "Rollback", "Cleanup"];

/** Mermaid refuses charts of more than 50,000 characters, and nobody reads that many bars. */
export const maxBars = 100;

/** Bars of the first `maxBars` steps that have one, and how many more have one. */
export function timelineBars(
  record: RunRecord,
  steps: readonly StepRecord[],
): { readonly bars: readonly Bar[]; readonly leftOut: number } {
  const bars: Bar[] = [];
  let leftOut = 0;
  for (const [index, step] of steps.entries()) {
    const asked = step.approval?.request.at ?? null;
    // Guards are asked again before every resume; between two answers they did not run.
    const again = step.phase === "guards" ? step.attempts.at(-1)?.startedAt : undefined;
    const from = asked ?? again ?? step.startedAt;
    if (from === null || isGroup(step, steps)) continue;
    if (bars.length === maxBars) {
      leftOut++;
      continue;
    }
    const answered = step.approval?.decisions.at(-1)?.at ?? null;
    const end = step.finishedAt ?? answered;
    const to = end ?? record.lastAt;
    bars.push({
      number: index + 1,
      section: sectionOf(step),
      path: step.path,
      from,
      to,
      ended: end !== null,
      tookMs: Math.max(0, between(from, to) ?? 0),
      state: isFailed(step) || step.status === "indeterminate" ? "crit" : step.approval ? "active" : "done",
      status: step.status,
      seqs: ends(step.seqs),
    });
  }
  return { bars, leftOut };
}

function sectionOf(step: StepRecord): TimelineSection {
  if (step.approval !== null) return "People";
  if (step.phase === "guards") return "Guards";
  if (step.phase === "rollback") return "Rollback";
  return step.phase === "always" ? "Cleanup" : "Work";
}

/** First and last number: where a step's time comes from. */
export function ends(seqs: readonly number[]): number[] {
  const first = seqs[0];
  const last = seqs.at(-1);
  if (first === undefined || last === undefined) return [];
  return first === last ? [first] : [first, last];
}

/** When a recovery objective or the budget would have been used up. */
export interface Limit {
  readonly name: string;
  readonly at: string;
}

/**
 * The limits of the run: each objective whose clock began, its start plus what is allowed; the budget counts from the
 * start of the run, waiting left out, so it is no moment and stands in the table of objectives only.
 */
export function timelineLimits(record: RunRecord): Limit[] {
  const objectives: readonly { readonly name: string; readonly targetMs: number; readonly measured?: string }[] =
    record.finished?.objectives ?? record.started.objectives;
  return objectives.flatMap((objective) => {
    const measured = objective.measured ?? "";
    const first = /^start of (\S+) to /.exec(measured)?.[1];
    const step = first === undefined ? undefined : record.steps.get(first);
    const from = Date.parse(step?.startedAt ?? record.started.at);
    // An objective with an expression of its own has no place on the clock.
    if (measured !== "" && !/^start of (?:the run|\S+) to /.test(measured)) return [];
    const at = from + objective.targetMs;
    return Number.isFinite(at)
      ? [{ name: `${objective.name.toUpperCase()} target`, at: new Date(at).toISOString() }]
      : [];
  });
}

/** A Mermaid `gantt`. Labels begin with a number, so that none reads as a keyword. */
export function mermaidGantt(title: string, bars: readonly Bar[], limits: readonly Limit[] = []): string {
  const lines = [
    "gantt",
    `    title ${mermaidLabel(title) || "run"}`,
    "    dateFormat YYYY-MM-DDTHH:mm:ss.SSSZ",
    `    axisFormat ${axisFormat(bars)}`,
    "    todayMarker off",
  ];
  for (const section of sections) {
    const inSection = bars.filter((bar) => bar.section === section);
    if (inSection.length === 0) continue;
    lines.push(`    section ${section}`);
    for (const bar of inSection) {
      const seconds = Math.max(1, Math.round(bar.tookMs / 1000));
      const label = mermaidLabel(`${bar.number} ${bar.path} ${durationText(bar.tookMs)}`);
      lines.push(`    ${label} :${bar.state}, s${bar.number}, ${isoOrEpoch(bar.from)}, ${seconds}s`);
    }
  }
  if (limits.length > 0) lines.push("    section Limits");
  for (const [index, limit] of limits.entries()) {
    lines.push(`    ${mermaidLabel(limit.name)} :milestone, limit${index + 1}, ${isoOrEpoch(limit.at)}, 0s`);
  }
  return lines.join("\n");
}

function axisFormat(bars: readonly Bar[]): string {
  const from = bars[0]?.from;
  const to = bars.at(-1)?.to;
  return from && to && (between(from, to) ?? 0) < 600_000 ? "%H:%M:%S" : "%H:%M";
}

/** Only a real time gets into the chart: the journal is checked, but this text is read by another program. */
function isoOrEpoch(at: string): string {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(at) ? at : "1970-01-01T00:00:00.000Z";
}
