import type { Range } from "../diagnostic.ts";

/** What went wrong while evaluating. Codes: see `Evaluation` in cel.ts. */
export class EvaluationError extends Error {
  readonly code: string;
  range: Range | undefined;
  constructor(code: string, message: string, range?: Range) {
    super(message);
    this.code = code;
    this.range = range;
  }
}
