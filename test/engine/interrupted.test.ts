/** The decision table of an interrupted step: effects × what the author wrote × what reattaching found (60 cells). */
import { expect, test } from "vitest";
import { type Attached, decideInterrupted, type InterruptedStep } from "../../src/engine/interrupted.ts";

type Row = readonly [policy: string, step: Partial<InterruptedStep>, read: string, write: string, destructive: string];

/** What happens when nobody can say how the step ended. */
const lost: readonly Row[] = [
  ["default", { onInterrupted: "ask" }, "ask-a-person", "ask-a-person", "ask-a-person"],
  ["retry", { onInterrupted: "retry" }, "run-again", "run-again", "run-again"],
  ["check", { onInterrupted: "check", hasCheck: true }, "run-again", "ask-the-world", "ask-the-world"],
  ["check without one", { onInterrupted: "check", hasCheck: false }, "run-again", "ask-a-person", "ask-a-person"],
  ["idempotent", { onInterrupted: "retry", idempotent: true }, "run-again", "run-again", "run-again"],
];

const base: InterruptedStep = { effects: "read", onInterrupted: "ask", idempotent: false, hasCheck: false };

for (const [policy, step, ...expected] of lost) {
  for (const [index, effects] of (["read", "write", "destructive"] as const).entries()) {
    const subject = { ...base, ...step, effects };
    test(`${effects}, ${policy}: lost → ${expected[index]}`, () => {
      expect(decideInterrupted(subject, "lost")).toBe(expected[index]);
    });
    test.each([
      ["adopted", "use-result"],
      ["nothing-started", "run-again"],
    ] as const)(`${effects}, ${policy}: %s → %s`, (attached: Attached, decision) => {
      expect(decideInterrupted(subject, attached)).toBe(decision);
    });
  }
}
