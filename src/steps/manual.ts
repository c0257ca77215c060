/** A person does it and says so. A runbook may begin as manual steps only and be automated one by one. */
import { askedByEngine, deciderResult } from "./decision.ts";
import { choice, closed, text } from "./schema.ts";
import { defineStepType } from "./step-type.ts";

interface ManualSpec {
  readonly instructions: string;
  readonly confirm: string;
  readonly evidence?: "none" | "note" | "file";
}

export const manual = defineStepType<ManualSpec, unknown>({
  type: "manual",
  summary: "Shows instructions and waits until a person confirms; asks for a note or a file when evidence is wanted.",
  docs: "https://sre.google/sre-book/eliminating-toil/",
  effects: "read",
  timeoutMs: 604_800_000,
  input: closed(
    {
      instructions: text("What to do, in Markdown.", { minLength: 1 }),
      confirm: text("What the person confirms, such as `The order looks right`.", { minLength: 1 }),
      evidence: choice("What has to be handed in, default `none`.", {
        none: "The confirmation is enough (default).",
        note: "A sentence, such as a link or a number.",
        file: "A file, such as a screenshot.",
      }),
    },
    ["instructions", "confirm"],
  ),
  examples: [
    {
      instructions: "Open order 1000001 in the scratch database and compare it with the source.",
      confirm: "The order looks right",
      evidence: "file",
    },
  ],
  result: deciderResult,
  person: "manual",
  stepKeys: ["artifacts"],
  action: (spec) => ({ text: `a person: ${spec.instructions.trim().split("\n")[0] ?? ""}`, argv: null }),
  run: askedByEngine,
});
