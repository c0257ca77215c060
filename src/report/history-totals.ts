/** How many past runs succeeded, and how long the way back took: per runbook and target, from the journals that are here. */
import type { RunRecord } from "../engine/run-record.ts";
import { isCounted } from "../util/counted-results.ts";

/** `share`: 0 to 1; null when nothing was counted, for then nothing is known. */
export interface Totals {
  readonly runs: number;
  readonly succeeded: number;
  readonly rolledBack: number;
  readonly rollbackFailed: number;
  readonly successRate: number | null;
}

export interface ObjectiveTotals {
  readonly name: string;
  /** Of the newest run that states it. */
  readonly targetMs: number;
  readonly measured: number;
  readonly met: number;
  readonly medianMs: number | null;
  readonly slowestMs: number | null;
}

export interface RunbookTotals extends Totals {
  readonly runbook: string;
  readonly target: string;
  readonly objectives: readonly ObjectiveTotals[];
}

export interface HistoryTotals extends Totals {
  /** Refused, or without a verdict: they tell nothing of the procedure. */
  readonly notCounted: number;
  /** The objective `rto` of runbooks of the kind `rollback`. */
  readonly rollback: ObjectiveTotals & { readonly runs: number };
  /** By name, then target. */
  readonly runbooks: readonly RunbookTotals[];
}

/** What a run counts as now: a journal without a verdict may be interrupted. */
export interface TotalledRun {
  readonly record: RunRecord;
  readonly result: string;
}

/** `runs`: newest first. */
export function historyTotals(runs: readonly TotalledRun[]): HistoryTotals {
  const counted = runs.filter(({ result }) => isCounted(result));
  const pairs = new Map<string, TotalledRun[]>();
  for (const run of counted) {
    const { runbook, target } = run.record.started;
    const key = `${runbook} ${target}`;
    pairs.set(key, [...(pairs.get(key) ?? []), run]);
  }
  const rollbacks = counted.filter(({ record }) => record.started.kind === "rollback");
  return {
    ...totalsOf(counted),
    notCounted: runs.length - counted.length,
    rollback: { runs: rollbacks.length, ...objectiveTotals("rto", rollbacks) },
    runbooks: [...pairs]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, own]) => {
        const [runbook = "", target = ""] = key.split(" ");
        const names = new Set(own.flatMap(({ record }) => record.finished?.objectives.map(({ name }) => name) ?? []));
        return {
          runbook,
          target,
          ...totalsOf(own),
          objectives: [...names].map((name) => objectiveTotals(name, own)),
        };
      }),
  };
}

function totalsOf(runs: readonly TotalledRun[]): Totals {
  const of = (wanted: string) => runs.filter(({ result }) => result === wanted).length;
  const succeeded = of("succeeded");
  return {
    runs: runs.length,
    succeeded,
    rolledBack: of("rolled_back"),
    rollbackFailed: of("rollback_failed"),
    successRate: runs.length === 0 ? null : succeeded / runs.length,
  };
}

function objectiveTotals(name: string, runs: readonly TotalledRun[]): ObjectiveTotals {
  const stated = runs.flatMap(({ record }) => record.finished?.objectives.filter((each) => each.name === name) ?? []);
  const measured = stated.flatMap(({ actualMs }) => (actualMs === null ? [] : [actualMs])).sort((a, b) => a - b);
  return {
    name,
    targetMs: stated[0]?.targetMs ?? 0,
    measured: measured.length,
    met: stated.filter(({ met }) => met === true).length,
    medianMs: median(measured),
    slowestMs: measured.at(-1) ?? null,
  };
}

/** Of sorted numbers; the mean of the two in the middle when there is no middle. */
function median(sorted: readonly number[]): number | null {
  const low = sorted[Math.floor((sorted.length - 1) / 2)];
  const high = sorted[Math.floor(sorted.length / 2)];
  return low === undefined || high === undefined ? null : Math.round((low + high) / 2);
}
