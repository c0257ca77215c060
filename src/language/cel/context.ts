/** One evaluation in progress: its names, its work limit, and what becomes of errors. */
import type { Evaluation } from "./cel.ts";
import { EvaluationError } from "./evaluation-error.ts";
import { kindName, kindOf, Undecided, unload, type Value } from "./values.ts";

export interface EvaluateOptions {
  /** Most steps (a step is about one node visited, one item compared or 64 characters read); default 4,000,000. */
  readonly maxSteps?: number;
}

/** 4,000,000 steps take well under a second; 1,000 × 1,000 items with a handful of comparisons need fewer. */
const defaultMaxSteps = 4_000_000;

/** One evaluation: where names are looked up and how much work is left. */
export class Context {
  readonly scope: Readonly<Record<string, unknown>>;
  /** Values of macro variables, by the slot the compiler gave them. */
  readonly slots: Value[] = [];
  readonly spend: (steps: number) => void;
  left: number;
  constructor(scope: Readonly<Record<string, unknown>>, maxSteps = defaultMaxSteps) {
    this.scope = scope;
    this.left = maxSteps;
    this.spend = (steps) => {
      this.left -= steps;
      if (this.left < 0) throw new EvaluationError("cel-limit", `The evaluation needs more than ${maxSteps} steps.`);
    };
  }

  /** `spend(1)`, for the innermost loops. */
  step(): void {
    if (--this.left < 0) this.spend(0);
  }
}

export type Run = (context: Context) => Value;

/** Runs compiled code and turns what is thrown into an `Evaluation`. */
export function runToEnd(run: Run, context: Context): Evaluation {
  try {
    const value = unload(run(context));
    return value instanceof Undecided ? { kind: "unknown", from: value.from } : { kind: "value", value };
  } catch (error) {
    if (error instanceof EvaluationError) {
      const { code, message, range } = error;
      return { kind: "error", code, message, ...(range === undefined ? {} : { range }) };
    }
    // Data nested deeper than the stack, or a text longer than the platform allows.
    if (error instanceof RangeError) return { kind: "error", code: "cel-limit", message: "The data is too large." };
    throw error;
  }
}

export function attempt(run: Run, context: Context): Value | EvaluationError {
  try {
    return run(context);
  } catch (error) {
    if (error instanceof EvaluationError && error.code !== "cel-limit") return error;
    throw error;
  }
}

/** Throws what `attempt` caught; a value that is no boolean is an error. Always true. */
export function ensureBoolean(value: Value | EvaluationError, what: string): true {
  if (value instanceof EvaluationError) throw value;
  return typeof value === "boolean" ? true : notBoolean(value, what);
}

export function notBoolean(value: Value, what: string): never {
  throw new EvaluationError("cel-type", `${what} needs a boolean, not ${kindName(kindOf(value))}.`);
}
