/** The first record of a run: what is run, with what, where, by whom, and every step there is. */
import { environmentFacts, sourceState } from "../../host/environment.ts";
import { inputValues, planDigestOf } from "../../plan/build-plan.ts";
import { outlineSteps, unknownFacts } from "../../plan/plan-steps.ts";
import { newFrame } from "../../plan/scope.ts";
import { MASK } from "../../util/mask/masker.ts";
import { catalogue } from "../project/catalogue.ts";
import type { ExecutorRequest } from "../start/executor-request.ts";
import { toolVersion } from "../version.ts";
import { keepingOf } from "./keeping.ts";
import type { Provisions } from "./provisions.ts";
import { toolFacts } from "./tool-facts.ts";

export async function firstEvent(
  request: ExecutorRequest,
  start: NonNullable<ExecutorRequest["start"]>,
  { runbook, config, target, tools, project }: Provisions,
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
  const phases = ["guards", "steps", "always"] as const;
  const steps = phases.flatMap((phase) => outlineSteps(runbook[phase], place, phase));
  const planDigest = planDigestOf({
    runbook,
    file: config.file,
    files: start.files,
    config: project,
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
    steps: steps.map(({ type, ...step }) => ({ ...step, stepType: type })),
    keeping: keepingOf(runbook, config.windows),
  };
}
