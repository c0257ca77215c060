/** The loops behind `all`, `exists`, `exists_one`, `filter` and `map`. */
import { attempt, type Context, ensureBoolean, notBoolean, type Run } from "./context.ts";
import { EvaluationError } from "./evaluation-error.ts";
import { isPlain, kindName, kindOf, Undecided, type Value } from "./values.ts";

/** The items a macro goes over: a list's items or a map's keys. */
export function itemsOf(value: Value): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (kindOf(value) === "object" && isPlain(value as object)) return Object.keys(value as object);
  throw new EvaluationError("cel-type", `This needs a list or a map, not ${kindName(kindOf(value))}.`);
}

/** Puts the next item where the body reads it. */
export type Each = (context: Context, item: unknown) => void;

/** `exists` (decides on true) and `all` (decides on false): the deciding item wins over errors and unknowns. */
export function quantify(items: readonly unknown[], context: Context, decides: boolean, each: Each, body: Run): Value {
  let undecided: Undecided | undefined;
  let failure: EvaluationError | undefined;
  for (const item of items) {
    each(context, item);
    const value = attempt(body, context);
    if (value === decides) return decides;
    if (value === !decides) continue;
    if (value instanceof Undecided) undecided = undecided === undefined ? value : undecided.with(value);
    else if (value instanceof EvaluationError) failure ??= value;
    else notBoolean(value, decides ? "exists()" : "all()");
  }
  if (undecided !== undefined) return undecided;
  if (failure !== undefined) throw failure;
  return !decides;
}

/** Items for which the body holds; an unknown or an error in any of them counts for all. */
export function select(
  items: readonly unknown[],
  context: Context,
  each: Each,
  body: Run,
): readonly unknown[] | Undecided {
  const out: unknown[] = [];
  for (const item of items) {
    each(context, item);
    const value = body(context);
    if (value instanceof Undecided) return value;
    if (ensureBoolean(value, "filter()") && value === true) out.push(item);
  }
  return out;
}
