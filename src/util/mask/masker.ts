/** The one place that takes secrets out of text, bytes, streams and plain data. */

import { createMatcher, INITIAL_STATE, type Interval, type Matcher } from "./matcher.ts";
import { shapeRefusalOf } from "./refusal.ts";
import { variantsOf } from "./variants.ts";

/** What stands in place of a secret, however long it was. */
export const MASK = "***";

const maskBytes = Buffer.from(MASK, "latin1");

/** A secret as a provider resolved it. */
export interface Secret {
  readonly name: string;
  readonly value: string;
}

/** Masks a stream; the result does not depend on how the stream was cut into chunks. */
export interface MaskStream {
  /** Returns what can be said now: everything but a tail that may be the beginning of a secret. May alias `chunk`. */
  push(chunk: Buffer): Buffer;
  /** Returns the tail. The stream can be used again afterwards, as new. */
  end(): Buffer;
}

/** Masks the secrets it was made with, in every form that `variantsOf` lists. Bytes outside of them stay as they are. */
export interface Masker {
  text(text: string): string;
  bytes(bytes: Buffer): Buffer;
  /**
   * `afterGap`: the bytes before the first chunk are lost, so what looks like the last part of a secret (four bytes or
   * more) is masked at the very beginning too.
   */
  stream(options?: { readonly afterGap?: boolean }): MaskStream;
  /**
   * Masks all strings and keys of plain data (what JSON can say, and `undefined`), and numbers and booleans whose text
   * holds a secret. Keys that become equal are told apart by `#2`, `#3`. Returns the very value when nothing was masked.
   * Throws a TypeError for anything else (a Map, a function), because that could be printed unmasked later.
   */
  json<T>(value: T): T;
}

/**
 * Builds a masker. Throws a RangeError naming the secret, never its value, when one is too short to be masked; ask
 * `refusalOf` first to refuse common words as well. An empty list gives a masker that changes nothing.
 */
export function createMasker(secrets: readonly Secret[]): Masker {
  const patterns = new Map<string, Buffer>();
  for (const { name, value } of secrets) {
    const refusal = shapeRefusalOf(name, value);
    if (refusal !== null) throw new RangeError(refusal);
    for (const pattern of variantsOf(value)) patterns.set(pattern.toString("latin1"), pattern);
  }
  const matcher = createMatcher([...patterns.values()]);

  function bytes(input: Buffer): Buffer {
    const intervals: Interval[] = [];
    matcher.scan(input, 0, INITIAL_STATE, intervals);
    if (intervals.length === 0) return input;
    const out = createOutput(input.length);
    let from = 0;
    for (const { start, end } of intervals) {
      out.copy(input, from, start);
      out.mask();
      from = end;
    }
    out.copy(input, from, input.length);
    return out.result();
  }

  function text(input: string): string {
    if (matcher.longest === 0 || input === "") return input;
    const before = Buffer.from(input, "utf8");
    const after = bytes(before);
    return after === before ? input : after.toString("utf8");
  }

  return {
    text,
    bytes,
    stream: (options) => createStream(matcher, options?.afterGap === true),
    json: (value) => (matcher.longest === 0 ? value : (maskData(value, text) as typeof value)),
  };
}

function createStream(matcher: Matcher, afterGap: boolean): MaskStream {
  let state = INITIAL_STATE;
  let held: Buffer = Buffer.alloc(0);
  /** Matches not yet written, as offsets into `held`. */
  let pending: Interval[] = [];
  let endsInMask = false;
  /** Collects the beginning after a gap until the longest pattern's end could be seen; null when that is done. */
  let opening: Buffer[] | null = afterGap && matcher.longest > 0 ? [] : null;

  function advance(chunk: Buffer, isLast: boolean): Buffer {
    const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    state = matcher.scan(bytes, held.length, state, pending);
    const safe = isLast ? bytes.length : bytes.length - matcher.heldBytes(state);
    const before = held.length;
    held = Buffer.from(bytes.subarray(safe)); // a copy: the caller may use the chunk's memory again
    if (pending.length === 0) {
      if (safe > 0) endsInMask = false;
      return before === 0 && safe === chunk.length ? chunk : bytes.subarray(0, safe);
    }
    const out = createOutput(bytes.length);
    const kept: Interval[] = [];
    let from = 0;
    for (const { start, end } of pending) {
      if (start >= safe && !isLast) {
        kept.push({ start: start - safe, end: end - safe });
        continue;
      }
      out.copy(bytes, from, start);
      if (start > from || !endsInMask) out.mask();
      endsInMask = true;
      from = end;
      if (end > safe) kept.push({ start: 0, end: end - safe });
    }
    if (from < safe) {
      out.copy(bytes, from, safe);
      endsInMask = false;
    }
    pending = kept;
    return out.result();
  }

  function open(chunk: Buffer, isLast: boolean): Buffer | null {
    if (opening === null) return chunk;
    opening.push(Buffer.from(chunk));
    const bytes = Buffer.concat(opening);
    if (!isLast && bytes.length < matcher.longest) {
      opening = [bytes];
      return null;
    }
    opening = null;
    const cut = matcher.suffixLength(bytes, 4);
    if (cut === 0) return bytes;
    pending.push({ start: 0, end: 0 });
    return bytes.subarray(cut);
  }

  return {
    push(chunk) {
      if (matcher.longest === 0) return chunk;
      const bytes = open(chunk, false);
      return bytes === null ? Buffer.alloc(0) : advance(bytes, false);
    },
    end() {
      const rest = open(Buffer.alloc(0), true) ?? Buffer.alloc(0);
      const out = advance(rest, true);
      state = INITIAL_STATE;
      held = Buffer.alloc(0);
      pending = [];
      endsInMask = false;
      return out;
    },
  };
}

/** Below this size a loop copies faster than a call into the runtime. */
const SHORT_COPY_BYTES = 64;

/** Collects masked bytes: never more than came in, and one mask that an earlier chunk's secret may leave over. */
function createOutput(inputBytes: number) {
  const out = Buffer.allocUnsafe(inputBytes + maskBytes.length);
  let size = 0;
  return {
    copy(source: Buffer, from: number, to: number): void {
      if (to - from > SHORT_COPY_BYTES) {
        size += source.copy(out, size, from, to);
        return;
      }
      let place = size;
      for (let at = from; at < to; at++) out[place++] = source[at]!;
      size = place;
    },
    mask(): void {
      for (let at = 0; at < maskBytes.length; at++) out[size + at] = maskBytes[at]!;
      size += maskBytes.length;
    },
    result: (): Buffer => out.subarray(0, size),
  };
}

function maskData(value: unknown, text: (input: string) => string): unknown {
  switch (typeof value) {
    case "string":
      return text(value);
    case "number":
    case "boolean":
    case "bigint": {
      const masked = text(String(value));
      return masked === String(value) ? value : masked;
    }
    case "undefined":
      return value;
    case "object":
      break;
    default:
      throw new TypeError(`cannot mask a ${typeof value}: only plain data can be masked`);
  }
  if (value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => maskData(item, text));
    return items.every((item, at) => item === value[at]) ? value : items;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) {
    throw new TypeError(
      `cannot mask a ${prototype?.constructor?.name ?? "class instance"}: only plain data can be masked`,
    );
  }
  return maskEntries(value, prototype, text);
}

function maskEntries(value: object, prototype: object | null, text: (input: string) => string): object {
  const result = Object.create(prototype) as object;
  let isChanged = false;
  for (const [key, item] of Object.entries(value)) {
    const maskedKey = text(key);
    const masked = maskData(item, text);
    isChanged ||= maskedKey !== key || masked !== item;
    let name = maskedKey;
    for (let count = 2; Object.hasOwn(result, name); count++) name = `${maskedKey}#${count}`;
    // defineProperty, because assigning to a key named __proto__ would set the prototype
    Object.defineProperty(result, name, { value: masked, enumerable: true, writable: true, configurable: true });
  }
  return isChanged ? result : value;
}
