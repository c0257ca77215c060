/** Durations as runbooks write them: `90s`, `1h30m`, `250ms`, `90d`, or ISO 8601 `PT1H30M`. Anything else is refused. */

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const short = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;
const part = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;
const iso = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

/** Milliseconds, or null when the text is not a duration. Units must descend: `1h30m`, never `30m1h`. */
export function parseDurationMs(text: string): number | null {
  if (short.test(text)) {
    let sum = 0;
    let previous = Number.POSITIVE_INFINITY;
    for (const [, amount, unit] of text.matchAll(part)) {
      const size = unitMs[unit ?? ""] ?? 0;
      if (size >= previous) return null;
      previous = size;
      sum += Number(amount) * size;
    }
    return Math.round(sum);
  }
  const found = iso.exec(text);
  if (found === null || text === "P" || text.endsWith("T")) return null;
  const [, days = "0", hours = "0", minutes = "0", seconds = "0"] = found;
  return Math.round(
    Number(days) * 86_400_000 + Number(hours) * 3_600_000 + Number(minutes) * 60_000 + Number(seconds) * 1_000,
  );
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
