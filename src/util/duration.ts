/** Durations as people write them: `90s`, `1h30m`, `250ms`, `90d`, `2w`, or ISO 8601 `PT1H30M`, `P90D`; and back. */

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** An approval request is open for seven days at most, whatever its step says: who answers later answers another situation. */
export const longestApprovalMs = 7 * unitsMs["d"]!;

const iso = /^P(?=.)(?:(\d+)W)?(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

/** Milliseconds, rounded to whole ones; null for text that is no duration or exceeds what a number holds exactly. */
export function parseDurationMs(text: string): number | null {
  if (text.length > 40) return null;
  const parts = iso.exec(text);
  if (parts !== null) {
    const units = ["w", "d", "h", "m", "s"];
    return whole(units.reduce((sum, unit, i) => sum + Number(parts[i + 1] ?? 0) * unitsMs[unit]!, 0));
  }
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+$/.test(text)) return null;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g))
    total += Number(count) * unitsMs[unit!]!;
  return whole(total);
}

function whole(ms: number): number | null {
  const rounded = Math.round(ms);
  return Number.isSafeInteger(rounded) ? rounded : null;
}

/** For people: `0.0s`, `3.1s`, `41.0s`, `4m 41s`, `1h 02m`, `3d 4h`. */
export function formatDuration(ms: number): string {
  const seconds = ms / 1_000;
  if (seconds < 59.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  const pad = (value: number) => String(value).padStart(2, "0");
  if (whole < 3_600) return `${Math.floor(whole / 60)}m ${pad(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)}h ${pad(Math.floor((whole % 3_600) / 60))}m`;
  return `${Math.floor(whole / 86_400)}d ${Math.floor((whole % 86_400) / 3_600)}h`;
}
