/** Timers of any length. */

/** Longer ones fire after one millisecond (https://nodejs.org/api/timers.html#settimeoutcallback-delay-args): 24.8 days. */
export const maxTimerMs = 2 ** 31 - 1;

/** Calls `then` once, `ms` milliseconds from now; returns how to cancel that. */
export function after(ms: number, then: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (leftMs: number): void => {
    const nextMs = Math.min(leftMs, maxTimerMs);
    timer = setTimeout(() => (leftMs > nextMs ? arm(leftMs - nextMs) : then()), nextMs);
  };
  arm(ms);
  return () => clearTimeout(timer);
}
