/**
 * A document as plain data with the positions kept beside it. Data is null-prototype objects, arrays and scalars; every
 * value and key is found again by its JSON pointer (RFC 6901).
 */
import type { Location, Range } from "./diagnostic.ts";
import { mapScalar, type ScalarStyle } from "./scalar-map.ts";

export interface Position {
  /** The value as shown to people: text of a block scalar without its header, a collection without its last newline. */
  readonly range: Range;
  /** The scalar token, header and quotes included. */
  readonly token: Range;
  readonly style: ScalarStyle | "map" | "list" | "empty";
  /** The key, null for list items and the document itself. */
  readonly key: Range | null;
  /** Stands inside `{ }` or `[ ]`. */
  readonly inFlow: boolean;
}

export class Source {
  /** As the user named it. */
  readonly file: string;
  readonly text: string;
  /** Undefined when the text is not well-formed. */
  readonly data: unknown;
  readonly #positions: ReadonlyMap<string, Position>;
  readonly #maps = new Map<string, readonly number[] | null>();

  constructor(file: string, text: string, data: unknown, positions: ReadonlyMap<string, Position>) {
    this.file = file;
    this.text = text;
    this.data = data;
    this.#positions = positions;
  }

  has(pointer: string): boolean {
    return this.#positions.has(pointer);
  }

  positionOf(pointer: string): Position | undefined {
    return this.#positions.get(pointer);
  }

  /** Range of the value; of the nearest ancestor that exists when there is none. */
  rangeOf(pointer: string): Range {
    const found = this.#positions.get(pointer);
    if (found !== undefined && found.style !== "empty") return found.range;
    if (found?.key) return found.key;
    return pointer === "" ? (found?.range ?? { start: 0, end: 0 }) : this.#heading(parentOf(pointer));
  }

  /** Range of the key of a member; of a list item, its first key or the item itself. */
  keyRangeOf(pointer: string): Range {
    return this.#positions.get(pointer)?.key ?? this.#heading(pointer);
  }

  at(pointer: string): Location {
    return { file: this.file, range: this.rangeOf(pointer) };
  }

  keyAt(pointer: string): Location {
    return { file: this.file, range: this.keyRangeOf(pointer) };
  }

  /** File offset of a UTF-16 offset in the decoded text of a scalar; the scalar's start when it cannot be known. */
  offsetIn(pointer: string, offset: number): number {
    const position = this.#positions.get(pointer);
    if (position === undefined || position.style === "map" || position.style === "list" || position.style === "empty") {
      return this.rangeOf(pointer).start;
    }
    let map = this.#maps.get(pointer);
    if (map === undefined) {
      const value = valueAt(this.data, pointer);
      const text = typeof value === "string" ? value : this.text.slice(position.token.start, position.token.end);
      map = mapScalar(this.text, position.token.start, position.token.end, position.style, text);
      this.#maps.set(pointer, map);
    }
    return map?.[Math.max(0, Math.min(offset, map.length - 1))] ?? position.range.start;
  }

  /** File range of a range in the decoded text; the whole scalar when it cannot be known. */
  rangeIn(pointer: string, range: Range): Range {
    const position = this.#positions.get(pointer);
    const start = this.offsetIn(pointer, range.start);
    if (this.#maps.get(pointer) == null) return position?.range ?? this.rangeOf(pointer);
    // The end is one past the last unit, so that a range that ends before a fold does not reach into the next line.
    const last = this.offsetIn(pointer, Math.max(range.start, range.end - 1));
    const after = this.offsetIn(pointer, range.end);
    const end = range.end > range.start ? Math.min(after, last + this.#unitLength(last, after)) : start;
    return { start, end: Math.max(end, start) };
  }

  #unitLength(last: number, after: number): number {
    return /[\r\n]/.test(this.text.slice(last, after)) ? 1 : after - last;
  }

  /** What to underline for a whole collection: its first key, else its first character's line. */
  #heading(pointer: string): Range {
    const found = this.#positions.get(pointer);
    if (found === undefined) return pointer === "" ? { start: 0, end: 0 } : this.#heading(parentOf(pointer));
    if (found.key !== null) return found.key;
    const value = valueAt(this.data, pointer);
    if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      const first = Object.keys(value)[0];
      const key = first === undefined ? undefined : this.#positions.get(`${pointer}/${escapePointer(first)}`)?.key;
      if (key) return key;
    }
    return found.range;
  }
}

export function escapePointer(key: string): string {
  return /[~/]/.test(key) ? key.replaceAll("~", "~0").replaceAll("/", "~1") : key;
}

function unescapePointer(segment: string): string {
  return segment.includes("~") ? segment.replaceAll("~1", "/").replaceAll("~0", "~") : segment;
}

export function parentOf(pointer: string): string {
  return pointer.slice(0, Math.max(0, pointer.lastIndexOf("/")));
}

export function lastKeyOf(pointer: string): string {
  return unescapePointer(pointer.slice(pointer.lastIndexOf("/") + 1));
}

/** The value a pointer names in plain data, own members only; undefined when there is none. */
export function valueAt(data: unknown, pointer: string): unknown {
  if (pointer === "") return data;
  let value: unknown = data;
  for (const segment of pointer.slice(1).split("/")) {
    if (value === null || typeof value !== "object") return undefined;
    const key = unescapePointer(segment);
    if (!Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}
