// Medians of interleaved rounds. A ratio is taken inside one round, where both sides met the same machine.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** `{ median, least, most }` of `pick(sample) / pick(limit of the same round)`; null when either is not there. */
export function ratios(samples, limits, pick) {
  const values = [];
  for (const [round, sample] of samples.entries()) {
    const own = pick(sample);
    const limit = limits[round] === undefined ? null : pick(limits[round]);
    if (own !== null && limit !== null && limit > 0) values.push(own / limit);
  }
  if (values.length === 0) return null;
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}
