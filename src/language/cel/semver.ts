/** Versions (https://semver.org) in expressions, and the ranges of `requires`. */

/** A version that compares by SemVer 2.0.0 precedence. Build metadata counts for nothing. */
export interface Semver {
  readonly semver: readonly [number, number, number];
  /** Dot-separated identifiers after `-`; empty = a release. */
  readonly prerelease: readonly string[];
  /** As written. */
  readonly text: string;
}

const made = new WeakSet<object>();

export function isSemver(value: unknown): value is Semver {
  return typeof value === "object" && value !== null && made.has(value);
}

const strict =
  /^v?(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/;
const lenient = /^v?(\d{1,15})(?:\.(\d{1,15}))?(?:\.(\d{1,15}))?(?:\.\d+)*(?:-?([A-Za-z][0-9A-Za-z.-]*))?(?:\+.*)?$/;

/** `1.2.3`, `v1.2.3-rc.1+build`; null when it is no SemVer. */
export function parseSemver(text: string): Semver | null {
  const match = strict.exec(text);
  if (match === null) return null;
  return make([Number(match[1]), Number(match[2]), Number(match[3])], match[4]?.split(".") ?? [], text);
}

/** What tools print: also `16.4`, `15`, `17beta1`, `0.3.45.1`. */
function parseToolVersion(text: string): Semver | null {
  const exact = parseSemver(text);
  if (exact !== null) return exact;
  const match = lenient.exec(text);
  if (match === null) return null;
  const numbers = [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)] as const;
  return make(numbers, match[4]?.split(".") ?? [], text);
}

function make(semver: readonly [number, number, number], prerelease: readonly string[], text: string): Semver {
  const version = Object.freeze({ semver, prerelease, text });
  made.add(version);
  return version;
}

/** Negative, zero or positive, as SemVer 2.0.0 §11 orders them. */
export function compareSemver(a: Semver, b: Semver): number {
  for (const place of [0, 1, 2] as const) {
    if (a.semver[place] !== b.semver[place]) return a.semver[place] - b.semver[place];
  }
  if (a.prerelease.length === 0 || b.prerelease.length === 0) return b.prerelease.length - a.prerelease.length;
  for (const [place, left] of a.prerelease.entries()) {
    const right = b.prerelease[place];
    if (right === undefined) return 1;
    if (left !== right) return comparePrerelease(left, right);
  }
  return a.prerelease.length - b.prerelease.length;
}

function comparePrerelease(left: string, right: string): number {
  const [leftIsNumber, rightIsNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)];
  if (leftIsNumber && rightIsNumber) return Number(left) - Number(right);
  if (leftIsNumber !== rightIsNumber) return leftIsNumber ? -1 : 1;
  return left < right ? -1 : 1;
}

type Bound = (version: Semver) => boolean;
const comparator = /^(>=|<=|>|<|=|\^|~)?\s*v?(\d{1,15})(?:\.(\d{1,15}))?(?:\.(\d{1,15}))?(?:-([0-9A-Za-z.-]+))?$/;

/** Why a text is not a range, or null when it is one. */
export function rangeProblem(range: string): string | null {
  return parseRange(range) === null
    ? `"${range}" is not a version range. Write >=0.3, >=15 <17, ^1.2, ~1.2 or an exact version.`
    : null;
}

/**
 * Whether a version, as a tool prints it, lies in a range: comparators that must all hold, separated by blanks. A bare
 * `15` or `15.2` means any version that begins so; `^1.2` stays below 2.0, `^0.3` below 0.4, `~1.2` below 1.3. A
 * pre-release lies below its release, also below an incomplete bound: 17.0.0-rc.1 is in `<17.0.1` and not in `<17`.
 * False when either text cannot be read.
 */
export function satisfiesRange(version: string, range: string): boolean {
  const parsed = parseToolVersion(version.trim());
  const bounds = parseRange(range);
  if (parsed === null || bounds === null) return false;
  return bounds.every((holds) => holds(parsed));
}

function parseRange(range: string): readonly Bound[] | null {
  const words = range
    .trim()
    .replace(/(>=|<=|>|<|=|\^|~)\s+/g, "$1")
    .split(/\s+/);
  const bounds = words.map(parseBound);
  return bounds.includes(null) ? null : (bounds as Bound[]);
}

function parseBound(word: string): Bound | null {
  const match = comparator.exec(word);
  if (match === null) return null;
  const [, operator = "=", major, minor, patch, prerelease] = match;
  const numbers = [Number(major), Number(minor ?? 0), Number(patch ?? 0)] as const;
  const given = patch !== undefined ? 3 : minor !== undefined ? 2 : 1;
  const low = make(numbers, prerelease?.split(".") ?? [], word);
  // The first version after everything that begins with the numbers given; "0" sorts before every other pre-release.
  const after = (place: number): Semver =>
    make(numbers.map((n, i) => (i < place ? n : i === place ? n + 1 : 0)) as [number, number, number], ["0"], word);
  const from = (version: Semver): boolean => compareSemver(version, low) >= 0;
  const below = (limit: Semver) => (version: Semver) => compareSemver(version, limit) < 0;
  const partialLow = given < 3 ? make(numbers, ["0"], word) : low;
  switch (operator) {
    case ">=":
      return from;
    case "<":
      return below(partialLow);
    case ">":
      return given < 3 ? (v) => compareSemver(v, after(given - 1)) >= 0 : (v) => compareSemver(v, low) > 0;
    case "<=":
      return given < 3 ? below(after(given - 1)) : (v) => compareSemver(v, low) <= 0;
    case "^": {
      const first = numbers.findIndex((n) => n > 0);
      const limit = below(after(first === -1 ? given - 1 : Math.min(first, given - 1)));
      return (v) => from(v) && limit(v);
    }
    case "~": {
      const limit = below(after(Math.min(1, given - 1)));
      return (v) => from(v) && limit(v);
    }
    default: {
      if (given === 3) return (v) => compareSemver(v, low) === 0;
      const limit = below(after(given - 1));
      return (v) => from(v) && limit(v);
    }
  }
}
