/** The totals of `history` as lines: how often each runbook succeeded on each target, and how long the way back took. */
import type { HistoryTotals, ObjectiveTotals, Totals } from "../../report/history-totals.ts";
import { formatDuration } from "../../util/duration.ts";
import { counted, textTable } from "./text-table.ts";

/** `since`: how far the runs go back, such as `30d`; null = all that are here. */
export function totalsText(totals: HistoryTotals, since: string | null): string {
  const over = since === null ? "" : ` of the last ${since}`;
  const rows = totals.runbooks.map((each) => [
    each.runbook,
    each.target,
    shareText(each),
    each.objectives.map(objectiveText).join("; "),
  ]);
  const lines = [`Runs${over}: ${shareText(totals)}`, `Way back${over}: ${wayBackText(totals.rollback)}`];
  if (totals.notCounted > 0)
    lines.push(`Not counted${over}: ${counted(totals.notCounted, "run")} refused or without a verdict`);
  return [...lines, ...(rows.length === 0 ? [] : ["", textTable(rows)])].join("\n");
}

function shareText({ runs, succeeded, successRate, rolledBack, rollbackFailed }: Totals): string {
  if (successRate === null) return "no data";
  const others = [
    ...(rolledBack > 0 ? [`${rolledBack} rolled back`] : []),
    ...(rollbackFailed > 0 ? [`${rollbackFailed} with a failed way back`] : []),
  ];
  const share = `${succeeded} of ${runs} succeeded (${percent(successRate)})`;
  return [share, ...others].join(", ");
}

/** Never 100 % for less than all, nor 0 % for more than none. */
function percent(share: number): string {
  const rounded = Math.round(share * 1_000) / 10;
  const shown = share < 1 && rounded === 100 ? 99.9 : share > 0 && rounded === 0 ? 0.1 : rounded;
  return `${shown} %`;
}

function wayBackText(rollback: HistoryTotals["rollback"]): string {
  if (rollback.runs === 0) return "no data";
  return rollback.measured === 0 ? `${counted(rollback.runs, "run")}, none measured` : objectiveText(rollback);
}

function objectiveText({ name, targetMs, measured, met, medianMs, slowestMs }: ObjectiveTotals): string {
  if (medianMs === null || slowestMs === null) return `${name} not measured`;
  const times = `median ${formatDuration(medianMs)}, slowest ${formatDuration(slowestMs)}`;
  return `${name} ${times} of ${formatDuration(targetMs)}, met ${met} of ${measured}`;
}
