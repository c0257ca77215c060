/** The part of the view about what was agreed before: when it may run, how long its record is kept, when it is due again. */
import type { RunRecord } from "../engine/run-record.ts";
import { durationText } from "./format.ts";
import { type StatedField, statedIn, statedLabels } from "./stated.ts";

export interface PlannedFacts {
  readonly windows: readonly {
    readonly step: string;
    readonly name: string;
    /** `Mon-Fri 09:00-17:00 America/Los_Angeles` */
    readonly text: string;
    readonly mode: string;
  }[];
  /** All of them as one line; null = none. */
  readonly windowsText: string | null;
  /** In words; null = nothing was said. */
  readonly retention: string | null;
  /** Until then `prune` leaves the run directory alone; null = no end is known. */
  readonly keptUntil: string | null;
  /** What the runbook's description states for auditors. */
  readonly stated: readonly { readonly field: StatedField; readonly label: string; readonly text: string }[];
  /** When the next success of a drill is due, counted from this run's end; null = no drill, or it did not succeed. */
  readonly nextDue: string | null;
}

export function plannedFacts({ started, finished, result }: RunRecord): PlannedFacts {
  const { windows = [], retentionMs = null, drillEveryMs = null } = started.keeping ?? {};
  const stated = statedIn(started.keeping?.description ?? "");
  const after = (ms: number | null) =>
    ms === null || finished === null ? null : new Date(Date.parse(finished.at) + ms).toISOString();
  return {
    windows: windows.map(({ step, name, hours, timezone, mode }) => ({
      step,
      name,
      text: `${hours} ${timezone}`,
      mode,
    })),
    windowsText:
      windows.length === 0
        ? null
        : windows.map(({ name, hours, timezone }) => `${name}: ${hours} ${timezone}`).join("; "),
    stated: Object.entries(statedLabels).flatMap(([name, label]) => {
      const field = name as StatedField;
      const text = stated.get(field);
      return text === undefined ? [] : [{ field, label, text }];
    }),
    retention: retentionMs === null ? null : durationText(retentionMs),
    keptUntil: after(retentionMs),
    nextDue: result === "succeeded" ? after(drillEveryMs) : null,
  };
}
