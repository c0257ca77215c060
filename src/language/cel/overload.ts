/** What a function of the language is: overloads by kinds of arguments, for the checker and the evaluator alike. */
import { EvaluationError } from "./evaluation-error.ts";
import { parseDuration, parseTimestamp } from "./time.ts";
import type { Type } from "./types.ts";
import { type CelDuration, kindOf, type Value, type ValueKind } from "./values.ts";

/** Charges work against the limit of one evaluation. */
export type Spend = (steps: number) => void;

export interface Overload {
  /** Of a method: the receiver first. `number` takes whole and other numbers. */
  readonly params: readonly (ValueKind | "number" | "any")[];
  readonly result: Type | ((args: readonly Type[]) => Type);
  /** To be called inside `orUndecided`. */
  readonly call: (args: readonly Value[], spend: Spend) => Value;
}

export interface CelFunction {
  /** Called as `name(x)`, as `x.name()`, or both. */
  readonly form: "function" | "method" | "both";
  readonly overloads: readonly Overload[];
}

type Params = Overload["params"];
type Arg<P> = P extends "string"
  ? string
  : P extends "integer"
    ? bigint
    : P extends "double"
      ? number
      : P extends "number"
        ? bigint | number
        : P extends "boolean"
          ? boolean
          : P extends "list"
            ? readonly unknown[]
            : P extends "timestamp"
              ? Date
              : P extends "duration"
                ? CelDuration
                : P extends "object"
                  ? Readonly<Record<string, unknown>>
                  : Value;

/** An overload whose `call` gets its arguments in the types its parameters name. */
export function overload<const P extends Params>(
  params: P,
  result: Overload["result"],
  call: (args: { [I in keyof P]: Arg<P[I]> }, spend: Spend) => Value,
): Overload {
  return { params, result, call: call as unknown as Overload["call"] };
}

/** Throws: a value of the right kind that cannot be used. */
export function fail(message: string): never {
  throw new EvaluationError("bad-value", message);
}

export function clip(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** The overload that takes these values, with texts of times read where only a time is taken; undefined = none. */
export function selectOverload(
  fn: CelFunction,
  args: readonly Value[],
): { readonly overload: Overload; readonly args: readonly Value[] } | undefined {
  const exact = fn.overloads.find((candidate) => takes(candidate, args));
  if (exact !== undefined) return { overload: exact, args };
  for (const candidate of fn.overloads) {
    const read = args.map((value, at) => readTime(value, candidate.params[at]));
    if (takes(candidate, read)) return { overload: candidate, args: read };
  }
  return undefined;
}

function takes({ params }: Overload, args: readonly Value[]): boolean {
  if (params.length !== args.length) return false;
  return args.every((value, at) => {
    const param = params[at]!;
    if (param === "any") return true;
    const kind = kindOf(value);
    return kind === param || (param === "number" && (kind === "integer" || kind === "double"));
  });
}

/** Times come out of JSON as texts; see `asTimes` in operators.ts. */
function readTime(value: Value, param: string | undefined): Value {
  if (typeof value !== "string") return value;
  if (param === "timestamp") return parseTimestamp(value) ?? value;
  return param === "duration" ? (parseDuration(value) ?? value) : value;
}
