/** Seals what was prepared and starts the executor of a new run. */
import type { Step } from "../../language/runbook.ts";
import { planDigestOf } from "../../plan/build-plan.ts";
import { membersOf } from "../../plan/scope.ts";
import { packRunbook } from "./executor-request.ts";
import { callExecutor, createRun, type Executor, type WaitingExecutor } from "./launch.ts";
import type { StepReason } from "./overrides.ts";
import type { Prepared } from "./prepare.ts";
import { starter } from "./starter.ts";

export interface RunTerms {
  /** Why it is run; without one the input `reason` counts. */
  readonly reason: string | undefined;
  /** Text of an approval file for this plan. */
  readonly approval: string | null;
  readonly overrides: readonly StepReason[];
  readonly onDisconnect: "continue" | "stop";
  /** As `DriveRequest.undoNoticeMs`; absent = none. */
  readonly undoNoticeMs?: number;
}

export function startRun(
  stateDir: string,
  { subject, files }: Prepared,
  terms: RunTerms,
  waiting: WaitingExecutor = callExecutor(),
): { run: string; executor: Executor } {
  const { run, digests } = createRun(stateDir, files);
  const reasonInput = subject.inputs.find((input) => input.name === "reason" && !input.sensitive)?.value;
  const executor = waiting.begin({
    stateDir,
    run,
    runbook: packRunbook(subject.runbook),
    start: {
      inputs: subject.inputs,
      files: digests,
      reason: terms.reason ?? (typeof reasonInput === "string" ? reasonInput : null),
      beginsWithCommand: beginsWithCommand(subject.runbook.steps),
      planDigest: planDigestOf(subject),
      approval: terms.approval,
    },
    sensitive: Object.fromEntries(
      subject.inputs.filter((input) => input.sensitive).map((input) => [input.name, input.value]),
    ),
    drive: {
      resumed: false,
      by: starter(),
      decisions: [],
      overrides: terms.overrides,
      rollback: false,
      abort: null,
      refusal: null,
      undoNoticeMs: terms.undoNoticeMs ?? 0,
    },
    onDisconnect: terms.onDisconnect,
  });
  return { run, executor };
}

function beginsWithCommand([first]: readonly Step[]): boolean {
  if (first === undefined) return false;
  return first.action.kind === "run" || beginsWithCommand(membersOf(first));
}
