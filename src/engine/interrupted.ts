/**
 * What happens to a step that was running when its executor stopped, or that ended badly and is resumed. One table, no
 * side effects (docs/resume.md). `attached` says what reattaching found, and comes first: a recorded result is
 * adopted and nothing runs again.
 */
import type { Effects, OnInterrupted } from "../language/runbook.ts";

export interface InterruptedStep {
  readonly effects: Effects;
  readonly onInterrupted: OnInterrupted;
  readonly idempotent: boolean;
  readonly hasCheck: boolean;
}

/** `nothing-started`: the attempt began but no command or request of it had been started. */
export type Attached = "adopted" | "nothing-started" | "lost";

export type InterruptedDecision = "use-result" | "run-again" | "ask-the-world" | "ask-a-person";

export function decideInterrupted(step: InterruptedStep, attached: Attached): InterruptedDecision {
  if (attached === "adopted") return "use-result";
  if (attached === "nothing-started") return "run-again";
  return decideRepeat(step);
}

/** May an action whose effect is unknown, or that failed after its start, run again? */
export function decideRepeat(step: InterruptedStep): InterruptedDecision {
  if (step.effects === "read") return step.onInterrupted === "ask" ? "ask-a-person" : "run-again";
  if (step.onInterrupted === "check" && step.hasCheck) return "ask-the-world";
  if (step.onInterrupted === "retry" || step.idempotent) return "run-again";
  if (step.hasCheck && step.onInterrupted !== "ask") return "ask-the-world";
  return "ask-a-person";
}
