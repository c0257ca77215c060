/** The first record of a run: what is run, with what, where, by whom, and every step there is. */
import { environmentFacts, sourceState } from "../../host/environment.ts";
import type { Runbook } from "../../language/runbook.ts";
import { inputValues, planDigestOf } from "../../plan/build-plan.ts";
import { planSteps, unknownFacts } from "../../plan/plan-steps.ts";
import { newFrame } from "../../plan/scope.ts";
import type { JsonObject } from "../../util/json.ts";
import { MASK } from "../../util/mask/masker.ts";
import { catalogue } from "../project/catalogue.ts";
import type { toolStates } from "../project/tool-states.ts";
import type { ExecutorRequest } from "../start/executor-request.ts";
import { toolVersion } from "../version.ts";
import { keepingOf } from "./keeping.ts";
import type { loadSealed } from "./sealed-runbook.ts";
import { toolFacts } from "./tool-facts.ts";

export async function firstEvent(
  request: ExecutorRequest,
  start: NonNullable<ExecutorRequest["start"]>,
  runbook: Runbook,
  config: ReturnType<typeof loadSealed>["config"],
  target: JsonObject,
  sources: ReturnType<typeof loadSealed>["sources"],
  tools: Awaited<ReturnType<typeof toolStates>>,
  subjectConfig: Parameters<typeof planDigestOf>[0]["config"],
) {
  // Git works while the rest is made.
  const state = sourceState(config.project);
  const place = {
    frame: newFrame({
      runbook,
      prefix: "",
      inputs: inputValues(start.inputs),
      target,
      run: { id: request.run, slug: "", actor: "", startedAt: "", reason: start.reason, dry: false },
      facts: unknownFacts,
    }),
    items: [],
  };
  const scope = {
    catalogue: catalogue(),
    maskedSecrets: Object.fromEntries(runbook.secrets.map((name) => [name, MASK])),
  };
  const phases = ["guards", "steps", "always"] as const;
  const steps = phases.flatMap((phase) => planSteps(scope, runbook[phase], "", place, phase));
  const planDigest = planDigestOf({
    runbook,
    file: config.file,
    files: start.files,
    config: subjectConfig,
    targetName: config.target.name,
    target,
    inputs: start.inputs,
    actor: "",
    catalogue: catalogue(),
  });
  const facts = { ...environmentFacts(), ...toolFacts() };
  return {
    type: "run.started" as const,
    format: "runbook.journal/1.0" as const,
    tool: toolVersion,
    runbook: runbook.name,
    version: runbook.version,
    title: runbook.title,
    kind: runbook.kind,
    digest: start.files["runbook.yaml"] ?? "",
    planDigest,
    target: config.target.name,
    protected: config.target.protected,
    actor: request.drive.by.login,
    reason: start.reason,
    inputs: start.inputs.map(({ name, value, source, sensitive }) => ({
      name,
      value: (sensitive && value !== null ? MASK : (value ?? null)) as never,
      source,
      sensitive,
    })),
    secrets: runbook.secrets,
    files: start.files,
    source: { file: config.file, ...(await state) },
    environment: {
      ...facts,
      tools: Object.fromEntries(tools.map((tool) => [tool.name, tool.version ?? tool.found])),
      sandbox: config.target.sandbox,
    },
    objectives: Object.entries(runbook.objectives).map(([name, { targetMs }]) => ({ name, targetMs })),
    budgetMs: runbook.budgetMs,
    steps: steps.map(({ path, id, title, phase, type, effects }) => ({
      path,
      id,
      title,
      phase,
      stepType: type,
      effects,
      note: sources.notes[path] ?? null,
    })),
    keeping: keepingOf(runbook, config.windows),
  };
}
