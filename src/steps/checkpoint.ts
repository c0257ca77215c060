/** A go / no-go gate for the operator: what changed so far, what comes next, and the way back. */
import { askedByEngine, deciderResult } from "./decision.ts";
import { closed, text } from "./schema.ts";
import { defineStepType } from "./step-type.ts";

export const checkpoint = defineStepType<{ question: string }, unknown>({
  type: "checkpoint",
  summary: "Asks the operator go or no-go, showing what changed so far, what comes next and the way back.",
  docs: "https://sre.google/sre-book/reliable-product-launches/",
  effects: "read",
  timeoutMs: 604_800_000,
  input: closed({ question: text("The question, such as `Go live?`.", { minLength: 1 }) }, ["question"]),
  examples: [{ question: "Go live on ${{ target.name }}?" }],
  result: deciderResult,
  person: "checkpoint",
  action: (spec) => ({ text: `ask the operator: ${spec.question}`, argv: null }),
  run: askedByEngine,
});
