/** Which results of runs tell how a procedure goes. */

/** Results that say nothing of the procedure: nothing was begun, or nothing is decided. */
const uncounted: ReadonlySet<string> = new Set(["refused", "waiting", "running", "interrupted"]);

/** Whether a run with this result counts when a share of successes is computed. */
export function isCounted(result: string): boolean {
  return !uncounted.has(result);
}
