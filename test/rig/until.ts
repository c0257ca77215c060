const limitMs = 30_000;
const lookMs = 10;

/** Looks at a condition until it gives something true, and returns that; throws after a hard limit. */
export async function until<T>(what: string, look: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (performance.now() > deadline) throw new Error(`did not happen within ${limitMs} ms: ${what}`);
    await new Promise((next) => setTimeout(next, lookMs));
  }
}
