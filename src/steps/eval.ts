/** Nothing but its checks: conditions over inputs, the target and earlier steps. */
import { closed, result } from "./schema.ts";
import { defineStepType } from "./step-type.ts";

export const evaluate = defineStepType<Record<string, never>, Record<string, never>>({
  type: "eval",
  summary: "Does nothing by itself: its `verify` and `outputs` are evaluated over what is known already.",
  docs: "https://cel.dev",
  effects: "read",
  timeoutMs: 10_000,
  input: closed({}),
  examples: [{}],
  result: result({}),
  action: () => ({ text: "evaluate the checks", argv: null }),
  run: async () => ({}),
});
