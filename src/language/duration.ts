/** Lengths of time as people write them: `90s`, `1h30m`, `250ms`, `90d`, `2w`, or ISO 8601 `PT1H30M`, `P90D`. */

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const iso = /^P(?=.)(?:(\d+)W)?(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

/** Milliseconds, rounded to whole ones; null for text that is no duration or exceeds what a number holds exactly. */
export function parseDuration(text: string): number | null {
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
