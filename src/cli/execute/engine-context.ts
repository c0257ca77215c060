/** The engine's view of one execution: what it may touch of this machine, and on whose word. */
import { join } from "node:path";
import type { EngineContext } from "../../engine/context.ts";
import { factsOf } from "../../engine/facts.ts";
import { createActionRunner } from "../../host/action-runner.ts";
import { failpoint } from "../../host/failpoints.ts";
import type { FileRunStore } from "../../host/run-store.ts";
import { scanForSecrets } from "../../host/secret-scan.ts";
import { valuesOf } from "../../host/secrets.ts";
import type { SupervisorClient } from "../../host/supervisor/client.ts";
import { inputValues } from "../../plan/build-plan.ts";
import { newFrame } from "../../plan/scope.ts";
import { MASK } from "../../util/mask/masker.ts";
import { CommandError } from "../errors.ts";
import { catalogue } from "../project/catalogue.ts";
import { finishedRuns } from "../project/past-runs.ts";
import type { ExecutorRequest } from "../start/executor-request.ts";
import { checkPlanApproval, type PlanApproval, usedUp, useUp } from "../start/plan-approval.ts";
import { distDir } from "../version.ts";
import type { Provisions } from "./provisions.ts";

export function engineContext(
  request: ExecutorRequest,
  runDir: string,
  provisions: Provisions,
  store: FileRunStore,
  machine: Pick<EngineContext, "clock" | "clockWatch" | "control"> & {
    readonly supervisor: () => Promise<SupervisorClient>;
    readonly onIoError: (error: unknown) => void;
  },
): EngineContext {
  const { stateDir, run } = request;
  const { runbook, config, inputs, target, baseEnv, secrets, masker } = provisions;
  const { record } = store;
  const { started } = record;
  const { clock, clockWatch, control, supervisor, onIoError } = machine;
  const slug = run.slice("rb-".length);
  const actions = createActionRunner({
    runDir,
    runId: run,
    slug,
    actor: started.actor,
    executorNumber: record.executors.length,
    target,
    baseEnv,
    projectDir: config.project,
    windows: config.windows,
    clock,
    helperProgram: join(distDir, "helper.cjs"),
    masker,
    secrets,
    supervisor,
    append: (event) => store.append(event),
    committed: () => store.committed(),
    onIoError,
    failpoint: (name) => void failpoint(name),
    finishedRuns: () => finishedRuns(stateDir, run),
    onProgress: null,
  });
  return {
    store,
    clock,
    clockWatch,
    actions,
    catalogue: catalogue(),
    root: newFrame({
      runbook,
      prefix: "",
      inputs: inputValues(inputs),
      target,
      run: {
        id: run,
        slug,
        actor: started.actor,
        startedAt: new Date(started.at),
        reason: started.reason,
        dry: false,
      },
      facts: factsOf(() => store.record),
    }),
    secrets: valuesOf(secrets, provisions.absent),
    maskedSecrets: Object.fromEntries(runbook.secrets.map((name) => [name, MASK])),
    policy: config.policy,
    actor: request.drive.by,
    protected: config.target.protected,
    control,
    preapproval: preapprovalOf(request, config.policy, record, () => clock.now()),
    mask: (text) => masker.text(text),
    scan: async () => {
      if (secrets.length === 0) return null;
      store.flush();
      return await scanForSecrets(runDir, secrets);
    },
    earlierRuns: () =>
      finishedRuns(stateDir, run).filter((each) => each.runbook === started.runbook && each.target === started.target),
    failpoint: (name) => void failpoint(name as Parameters<typeof failpoint>[0]),
  };
}

/** The approval file of `run --approval`, checked again here and used up when a step asks. */
function preapprovalOf(
  request: ExecutorRequest,
  policy: Parameters<typeof checkPlanApproval>[2],
  record: FileRunStore["record"],
  now: () => Date,
): EngineContext["preapproval"] {
  const text = request.start?.approval ?? null;
  return (groups) => {
    if (text === null) return null;
    let given: PlanApproval;
    try {
      given = checkPlanApproval(text, record.started.planDigest, policy, request.drive.by, now());
    } catch (error) {
      // It counted when the run was started; steps before the question may have taken longer than it was valid.
      if (error instanceof CommandError) return { kind: "refused", why: error.message };
      throw error;
    }
    const { by, nonce } = given;
    if (groups.length > 0 && !by.groups.some((group) => groups.includes(group))) {
      return {
        kind: "refused",
        why: `${by.name} is in ${by.groups.join(", ")}, and ${groups.join(" or ")} must answer`,
      };
    }
    if (!useUp(request.stateDir, nonce)) return { kind: "refused", why: usedUp().message };
    return { kind: "approved", by, signature: text };
  };
}
