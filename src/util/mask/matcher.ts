/**
 * Finds all patterns in a byte stream in one pass: an Aho-Corasick automaton (Aho and Corasick, CACM 18(6), 1975) with
 * its transitions in one open-addressing hash table, and a filter over four-byte windows that skips what cannot begin a
 * pattern. A full table per state would take 40 MB for 100 secrets; a regular expression with as many alternatives was
 * measured slower than this by an order of magnitude (test/util/mask/masker-speed.test.ts holds the floor).
 *
 * Invariants
 * 1. After `scan` returns, no later match can begin before `buffer.length - heldBytes`.
 * 2. Intervals are ascending, do not touch each other, and are the union of all matches.
 */

import { MIN_PATTERN_BYTES } from "./variants.ts";

const FILTER_BITS = 17;
const FILTER_SHIFT = 32 - FILTER_BITS;
/** Longer ones gain little and fill the filter. */
const MAX_STRIDE = 4;
const HASH_FACTOR = 0x9e3779b1;

/** A half-open range of byte offsets. */
export interface Interval {
  start: number;
  end: number;
}

/** The automaton's place in a stream, to be given back with the next bytes. */
export type MatcherState = number;

export const INITIAL_STATE: MatcherState = 0;

/** An automaton over a fixed set of patterns, each at least {@link MIN_PATTERN_BYTES} long. */
export interface Matcher {
  /** Length of the longest pattern in bytes; 0 without patterns. */
  readonly longest: number;
  /**
   * Reads `bytes` from `from` on and adds each match to `intervals` (which may reach back before `from`). Returns the
   * state after the last byte.
   */
  scan(bytes: Uint8Array, from: number, state: MatcherState, intervals: Interval[]): MatcherState;
  /** How many of the bytes read last may be the beginning of a match. */
  heldBytes(state: MatcherState): number;
  /** Length of the longest prefix of `bytes` that is the end of a pattern and at least `atLeast` bytes long, or 0. */
  suffixLength(bytes: Uint8Array, atLeast: number): number;
}

/** Builds the automaton. Throws a RangeError for a pattern that is too short. */
export function createMatcher(patterns: readonly Uint8Array[]): Matcher {
  let total = 1;
  let longest = 0;
  let shortest = Number.POSITIVE_INFINITY;
  for (const pattern of patterns) {
    if (pattern.length < MIN_PATTERN_BYTES) {
      throw new RangeError(`a pattern needs at least ${MIN_PATTERN_BYTES} bytes, this one has ${pattern.length}`);
    }
    total += pattern.length;
    longest = Math.max(longest, pattern.length);
    shortest = Math.min(shortest, pattern.length);
  }
  if (total >= 2 ** 24) throw new RangeError("the secrets are too large to be masked: over 16 MB of patterns");

  const stride = Math.min(MAX_STRIDE, shortest - MIN_PATTERN_BYTES + 1);
  const parent = new Int32Array(total);
  const byteOf = new Uint8Array(total);
  const depth = new Int32Array(total);
  const matchLength = new Int32Array(total);
  const hasEdges = new Uint8Array(total);
  const filter = new Uint8Array(1 << FILTER_BITS);
  const edges = createEdges(total);
  let states = 1;
  for (const pattern of patterns) {
    let state = 0;
    for (const byte of pattern) {
      let next = edges.get(state, byte);
      if (next === 0) {
        next = states++;
        edges.add(state, byte, next);
        parent[next] = state;
        hasEdges[state] = 1;
        byteOf[next] = byte;
        depth[next] = depth[state]! + 1;
      }
      state = next;
    }
    matchLength[state] = pattern.length;
    for (let offset = 0; offset < stride; offset++) filter[filterSlot(pattern, offset)] = 1;
  }
  const fail = failureLinks(states, longest, { parent, byteOf, depth, matchLength }, edges.get);
  const next = edges.get;

  function scan(bytes: Uint8Array, from: number, start: MatcherState, intervals: Interval[]): MatcherState {
    const end = bytes.length;
    if (states === 1) return 0;
    let at = from;
    let state = start;
    while (at < end) {
      if (state === 0 && end - at >= MIN_PATTERN_BYTES) {
        at = skip(filter, stride, bytes, at, end);
      }
      const byte = bytes[at]!;
      let to = next(state, byte);
      if (to === 0 && state !== 0) {
        do {
          state = fail[state]!;
          to = next(state, byte);
        } while (to === 0 && state !== 0);
        at++;
        const reached = depth[to]!;
        // A beginning shorter than the filter's window is left to the filter, which is faster than the table.
        if (reached < MIN_PATTERN_BYTES && at - reached >= from && end - (at - reached) >= MIN_PATTERN_BYTES) {
          at -= reached;
          at = skip(filter, stride, bytes, at, end);
          to = 0;
        }
      } else {
        at++;
      }
      state = to;
      const length = matchLength[state]!;
      if (length > 0) addInterval(intervals, at - length, at);
    }
    return state;
  }

  return {
    longest,
    scan,
    heldBytes(state) {
      let prefix = state;
      while (prefix !== 0 && hasEdges[prefix] === 0) prefix = fail[prefix]!;
      return depth[prefix]!;
    },
    suffixLength(bytes, atLeast) {
      let best = 0;
      for (const pattern of patterns) {
        for (let length = Math.min(pattern.length - 1, bytes.length); length >= atLeast && length > best; length--) {
          if (Buffer.compare(pattern.subarray(pattern.length - length), bytes.subarray(0, length)) === 0) best = length;
        }
      }
      return best;
    },
  };
}

/**
 * The first offset from `at` on where a pattern may begin. Looks at every `stride`-th window only: the filter knows the
 * windows at the first `stride` offsets of each pattern, so that none can begin between two looks unseen (Wu and Manber,
 * "A fast algorithm for multi-pattern searching", 1994). What is too near the end to be looked at may always begin one.
 */
function skip(filter: Uint8Array, stride: number, bytes: Uint8Array, at: number, end: number): number {
  const last = end - MIN_PATTERN_BYTES;
  let place = at + stride - 1;
  for (; place <= last; place += stride) {
    if (filter[filterSlot(bytes, place)] !== 0) break;
  }
  return place - stride + 1;
}

/** Where the filter keeps the window of four bytes that begins at `at`. */
function filterSlot(bytes: Uint8Array, at: number): number {
  const window = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  return Math.imul(window, HASH_FACTOR) >>> FILTER_SHIFT;
}

function addInterval(intervals: Interval[], start: number, end: number): void {
  let from = start;
  for (let top = intervals.at(-1); top !== undefined && top.end >= from; top = intervals.at(-1)) {
    from = Math.min(from, top.start);
    intervals.pop();
  }
  intervals.push({ start: from, end });
}

interface Edges {
  /** The state reached from `state` by `byte`, or 0. */
  readonly get: (state: number, byte: number) => number;
  readonly add: (state: number, byte: number, to: number) => void;
}

function createEdges(states: number): Edges {
  let bits = 4;
  while (1 << bits < states * 2) bits++;
  const shift = 32 - bits;
  const mask = (1 << bits) - 1;
  const keys = new Uint32Array(1 << bits);
  const targets = new Int32Array(1 << bits);
  const fromRoot = new Int32Array(256);
  return {
    get(state, byte) {
      if (state === 0) return fromRoot[byte]!;
      const key = ((state << 8) | byte) >>> 0;
      let slot = Math.imul(key, HASH_FACTOR) >>> shift;
      for (; targets[slot] !== 0; slot = (slot + 1) & mask) {
        if (keys[slot] === key) return targets[slot]!;
      }
      return 0;
    },
    add(state, byte, to) {
      if (state === 0) {
        fromRoot[byte] = to;
        return;
      }
      const key = ((state << 8) | byte) >>> 0;
      let slot = Math.imul(key, HASH_FACTOR) >>> shift;
      while (targets[slot] !== 0) slot = (slot + 1) & mask;
      keys[slot] = key;
      targets[slot] = to;
    },
  };
}

interface Trie {
  readonly parent: Int32Array;
  readonly byteOf: Uint8Array;
  readonly depth: Int32Array;
  readonly matchLength: Int32Array;
}

/** Links each state to its longest proper suffix that is a state, and hands down the matches that end there. */
function failureLinks(states: number, longest: number, trie: Trie, next: Edges["get"]): Int32Array {
  const { parent, byteOf, depth, matchLength } = trie;
  const fail = new Int32Array(states);
  for (const state of byDepth(states, longest, depth)) {
    if (depth[state]! > 1) {
      let back = fail[parent[state]!]!;
      let to = next(back, byteOf[state]!);
      while (to === 0 && back !== 0) {
        back = fail[back]!;
        to = next(back, byteOf[state]!);
      }
      fail[state] = to;
      if (matchLength[state] === 0) matchLength[state] = matchLength[to]!;
    }
  }
  return fail;
}

/** The states without the root, shallow ones first: a counting sort. */
function byDepth(states: number, longest: number, depth: Int32Array): Int32Array {
  const firstAt = new Int32Array(longest + 2);
  for (let state = 1; state < states; state++) firstAt[depth[state]! + 1]!++;
  for (let level = 1; level < firstAt.length; level++) firstAt[level]! += firstAt[level - 1]!;
  const order = new Int32Array(states - 1);
  for (let state = 1; state < states; state++) order[firstAt[depth[state]!]!++] = state;
  return order;
}
