/** Somebody else agrees before the run goes on. The engine asks, binds the answer to what was shown, and records it. */
import { askedByEngine, deciderResult } from "./decision.ts";
import { durationField } from "./duration.ts";
import { closed, listOf, text, truth, whole } from "./schema.ts";
import { defineStepType } from "./step-type.ts";

interface ApprovalSpec {
  readonly prompt: string;
  readonly from?: readonly string[];
  readonly min?: number;
  readonly selfApproval?: boolean;
  readonly expires?: string;
}

export const approval = defineStepType<ApprovalSpec, unknown>({
  type: "approval",
  summary: "Waits until enough people of the named groups approve; declining or expiry refuses. Time never approves.",
  docs: "https://csrc.nist.gov/glossary/term/dual_authorization",
  effects: "read",
  timeoutMs: 14_400_000,
  input: closed(
    {
      prompt: text("The question, with everything the approver needs to decide.", { minLength: 1 }),
      from: listOf({ type: "string" }, "Groups of `policy.approvers`, any of which may decide. Default: every group.", {
        minItems: 1,
      }),
      min: whole("How many different people must approve, default 1.", { minimum: 1, maximum: 20 }),
      selfApproval: truth(
        "Whether who started the run may approve: default true on unprotected targets, never on protected ones.",
      ),
      expires: durationField(
        "After this an open question counts as refused, default `4h`, at most `7d`; a shorter `timeout` wins.",
      ),
    },
    ["prompt"],
  ),
  examples: [
    { prompt: "Deploy ${{ inputs.image }} to ${{ target.name }}?", from: ["sre-oncall"], expires: "30m" },
    { prompt: "Drop the old tables?", min: 2, selfApproval: false },
  ],
  result: deciderResult,
  person: "approval",
  action: (spec) => ({
    text: `ask ${(spec.from ?? ["the approvers"]).join(" or ")}: ${spec.prompt}`,
    argv: null,
  }),
  run: askedByEngine,
});
