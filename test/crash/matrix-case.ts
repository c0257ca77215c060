/** One row of the crash matrix: a fault and what must hold after it. */
import type { Workload } from "./workload.ts";

export interface MatrixCase {
  readonly matrix: string;
  readonly name: string;
  /** Gives every guarantee that did not hold, in words; empty = passed. */
  readonly run: (workload: Workload) => Promise<readonly string[]>;
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function shuffled<T>(list: readonly T[], seed: number): T[] {
  const next = randomNumbers(seed);
  const keyed = list.map((value) => ({ value, key: next() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ value }) => value);
}

export function pick<T>(list: readonly T[], index: number): T {
  return list[index % list.length] as T;
}
