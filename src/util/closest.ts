/**
 * Edit distance with adjacent transpositions (optimal string alignment), ignoring case at half price so that `Http`
 * finds `http` before `htp` does.
 */
export function editDistance(a: string, b: string): number {
  const rows: number[][] = [];
  for (let i = 0; i <= a.length; i++) {
    const row: number[] = [i];
    for (let j = 1; j <= b.length; j++) {
      if (i === 0) {
        row.push(j);
        continue;
      }
      const x = a[i - 1]!;
      const y = b[j - 1]!;
      const substitution = x === y ? 0 : x.toLowerCase() === y.toLowerCase() ? 0.5 : 1;
      let best = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + substitution);
      if (i > 1 && j > 1 && x === b[j - 2] && a[i - 2] === y) best = Math.min(best, rows[i - 2]![j - 2]! + 1);
      row.push(best);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/** Names that differ only in `-`, `_`, `.`, blanks and case are one name to a person. */
function plain(name: string): string {
  return name.replace(/[-_.\s]/g, "").toLowerCase();
}

/**
 * The candidate a person most likely meant, or undefined when none is near: at most a third of the letters differ, or
 * one name begins with the other. Ties go to the earlier candidate.
 */
export function closest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length === 0 || name.length > 100) return undefined;
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) > 8) continue;
    let distance = plain(candidate) === plain(name) ? 0.25 : editDistance(name, candidate);
    const shorter = Math.min(name.length, candidate.length);
    if (shorter >= 3 && (candidate.startsWith(name) || name.startsWith(candidate))) distance = Math.min(distance, 1.5);
    const limit = Math.max(1, Math.floor(Math.max(name.length, candidate.length) / 3));
    const within = distance <= limit || (shorter >= 3 && distance <= 1.5);
    if (within && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `Did you mean "http"?`, or the closed list when it is short enough to read, or undefined. */
export function nearestHint(name: string, candidates: readonly string[], longestList = 24): string | undefined {
  const near = closest(name, candidates);
  if (near !== undefined) return `Did you mean "${near}"?`;
  if (candidates.length === 0 || candidates.length > longestList) return undefined;
  return `Allowed: ${candidates.join(", ")}.`;
}
