/** A map that knows its names, and asks a function for the value of a name when that is looked at. */
export class LazyMap<Value> implements ReadonlyMap<string, Value> {
  readonly #values: ReadonlyMap<string, () => Value>;

  constructor(values: Iterable<readonly [string, () => Value]>) {
    this.#values = new Map(values);
  }

  get size(): number {
    return this.#values.size;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  get(name: string): Value | undefined {
    return this.#values.get(name)?.();
  }

  keys(): MapIterator<string> {
    return this.#values.keys();
  }

  *values(): MapIterator<Value> {
    for (const value of this.#values.values()) yield value();
  }

  *entries(): MapIterator<[string, Value]> {
    for (const [name, value] of this.#values) yield [name, value()];
  }

  [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.entries();
  }

  forEach(each: (value: Value, name: string, map: ReadonlyMap<string, Value>) => void): void {
    for (const [name, value] of this) each(value, name, this);
  }
}
