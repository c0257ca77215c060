/** `diff` and `percentile`. */
import { equalValues, loadKnown } from "./operators.ts";
import { clip, fail, type Spend } from "./overload.ts";
import { nearestRank } from "./tables.ts";
import * as t from "./types.ts";
import { kindName, kindOf, load, type Value } from "./values.ts";

export function percentile(list: readonly unknown[], p: number | bigint, spend: Spend): Value {
  spend(list.length);
  if (list.length === 0) return fail("percentile(): the list is empty.");
  if (!(Number(p) >= 0 && Number(p) <= 100)) return fail(`percentile(): ${p} is not between 0 and 100.`);
  const numbers = list.map((item) => {
    const value = loadKnown(item);
    const isNumber = typeof value === "bigint" || typeof value === "number";
    return isNumber ? Number(value) : fail(`percentile(): the list holds ${kindName(kindOf(value))}.`);
  });
  return load(nearestRank(numbers, Number(p)));
}

type Row = Readonly<Record<string, unknown>>;

/** By what a row is found in the other list: a text or number, told apart. */
function rowsByKey(list: readonly unknown[], key: string): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const [at, item] of list.entries()) {
    const row = loadKnown(item);
    if (kindOf(row) !== "object") return fail(`diff(): item ${at} is ${kindName(kindOf(row))}, not a map.`);
    if (!Object.hasOwn(row as Row, key)) return fail(`diff(): item ${at} has no key "${key}".`);
    const value = loadKnown((row as Row)[key]);
    const name = `${kindOf(value)}:${String(value)}`;
    if (rows.has(name)) return fail(`diff(): "${clip(String(value))}" appears twice as ${key}.`);
    rows.set(name, row as Row);
  }
  return rows;
}

/** Rows that differ: those of `a` in their order (changed or removed), then those only `b` has. */
export function diff(a: readonly unknown[], b: readonly unknown[], key: string, spend: Spend): Value {
  spend(a.length + b.length);
  const before = rowsByKey(a, key);
  const after = rowsByKey(b, key);
  const out: unknown[] = [];
  for (const [name, row] of before) {
    const other = after.get(name);
    if (other === undefined) out.push({ key: row[key], change: "removed", before: row, after: null });
    else if (!equalValues(row, other, spend)) out.push({ key: row[key], change: "changed", before: row, after: other });
  }
  for (const [name, row] of after) {
    if (!before.has(name)) out.push({ key: row[key], change: "added", before: null, after: row });
  }
  return out;
}

/** Rows of `diff`: `before` and `after` are rows of the lists or null. */
export function diffType([rows]: readonly t.Type[]): t.Type {
  const row = t.toSchema(t.orNull(t.itemType(rows ?? t.dyn)));
  const change = { type: "string", enum: ["added", "removed", "changed"] };
  return {
    kind: "list",
    nullable: false,
    schema: {
      type: "array",
      items: { type: "object", properties: { key: {}, change, before: row, after: row } },
    },
  };
}
