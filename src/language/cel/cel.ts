/**
 * The expression language behind one module: Common Expression Language (https://cel.dev), checked before anything
 * runs and evaluated on plain data. Nothing outside this folder knows the library.
 */

import type { JsonSchema } from "../../util/json.ts";
import type { Range } from "../diagnostic.ts";

/** A problem in an expression; `range` is relative to the expression's own text. */
export interface CelProblem {
  /** Diagnostic code: `cel-syntax`, `unknown-reference`, `cel-type`, `maybe-null`, `vacuous-all`, `cel-limit`, … */
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly range: Range;
  readonly hint?: string;
}

/** Where an expression stands decides what it may do. */
export interface CheckOptions {
  /** Variable name → JSON Schema of its value; `type: [x, "null"]` = may be null; `{}` = anything. */
  readonly variables: Readonly<Record<string, JsonSchema>>;
  /** Required type of the whole: a JSON Schema type, `duration`, `timestamp` or `any`. */
  readonly expects: "boolean" | "string" | "integer" | "number" | "array" | "object" | "duration" | "timestamp" | "any";
  /** In `verify` and `until`: `all()` without a size test is `vacuous-all`. */
  readonly verification?: boolean;
  /** The value as a whole may be null (a hole that is the whole value, an `if` of comparisons). */
  readonly nullAllowed?: boolean;
  /** Where the value goes, when it is a hole of a longer text or an item of a list: null fits into neither. */
  readonly place?: "text" | "item";
  /** Expressions that are known to hold here (the step's `if`), for null tests. */
  readonly assuming?: readonly string[];
  /** The other conditions of the same `verify`: their size tests count for `vacuous-all`. */
  readonly beside?: readonly string[];
}

export interface CheckResult {
  readonly problems: readonly CelProblem[];
  /** Schema of the value found; feeds the steps that read it. `{}` = dynamic. */
  readonly type: JsonSchema;
}

/** A name path an expression reads: `steps.pre_state.outputs.image` → ["steps","pre_state","outputs","image"]. */
export interface Reference {
  readonly path: readonly string[];
  /** Of the whole path. */
  readonly range: Range;
  /** Of each part of `path`. */
  readonly ranges: readonly Range[];
}

/**
 * What evaluating gave. Error codes: `cel-syntax`, `cel-limit`, `cel-type`, `unknown-reference`, `unknown-function`,
 * `no-such-key`, `index-out-of-range`, `empty-selection`, `division-by-zero`, `overflow`, `bad-value`.
 */
export type Evaluation =
  | { readonly kind: "value"; readonly value: unknown }
  /** Not decided: reads values that a step (or input) will only provide in a run. */
  | { readonly kind: "unknown"; readonly from: readonly string[] }
  | { readonly kind: "error"; readonly code: string; readonly message: string; readonly range?: Range };

/** Put anywhere into a scope: reading it makes the evaluation `unknown`, naming who will provide it. */
export class UnknownValue {
  /** `pre_state`, `inputs.release`. */
  readonly from: string;
  constructor(from: string) {
    this.from = from;
  }
}

/** Expected and actual of a condition, for people: both sides of a comparison, the first failing items of `all`, … */
export interface Explanation {
  readonly expected: string;
  readonly actual: string;
}
