/** Reading members of data: own properties only, with messages that name what was missing. */
import { closest } from "../../util/closest.ts";
import { EvaluationError } from "./evaluation-error.ts";
import type { Node } from "./syntax.ts";
import { isPlain, kindName, kindOf, load, type Value } from "./values.ts";

/** ` Did you mean "x"?`, or the names there are, to end a message with. */
export function didYouMean(name: string, names: readonly string[]): string {
  const near = closest(name, names);
  if (near !== undefined) return ` Did you mean "${near}"?`;
  if (names.length === 0) return "";
  return ` There is: ${names.slice(0, 12).join(", ")}${names.length > 12 ? ", …" : ""}.`;
}

/** Own property of a plain object, or undefined. */
export function read(object: Value, key: string, what: string): unknown {
  if (kindOf(object) === "object" && isPlain(object as object)) {
    const map = object as Readonly<Record<string, unknown>>;
    return Object.hasOwn(map, key) ? map[key] : undefined;
  }
  const is = object === null ? `${what} is null` : `${what} is ${kindName(kindOf(object))}`;
  throw new EvaluationError("cel-type", `${is}: there is no "${key}" in it.`);
}

/** The member of a value; a missing one is an error. */
export function member(object: Value, key: string, node: Node): Value {
  const raw = read(object, key, pathText(node) ?? "The value");
  if (raw !== undefined) return load(raw);
  const of = pathText(node);
  const where = of === null ? "" : ` in ${of}`;
  const message = `There is no key "${key}"${where}.${didYouMean(key, Object.keys(object as object))}`;
  throw new EvaluationError("no-such-key", message);
}

/** `steps.a.outputs` as written, for messages; null when it is no plain path. */
export function pathText(node: Node): string | null {
  if (node.kind === "name") return node.name;
  if (node.kind !== "field") return null;
  const object = pathText(node.object);
  return object === null ? null : `${object}.${node.field}`;
}
