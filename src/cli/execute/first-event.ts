/** The first record of a run: what is run, with what, where, by whom, and every step there is. */
import { environmentFacts, sourceState } from "../../host/environment.ts";
import type { Step } from "../../language/runbook.ts";
import { inputValues, planDigestOf } from "../../plan/build-plan.ts";
import { planSteps, unknownFacts } from "../../plan/plan-steps.ts";
import { allSteps, childPath, membersOf, newFrame } from "../../plan/scope.ts";
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
  const scope = {
    catalogue: catalogue(),
    maskedSecrets: Object.fromEntries(runbook.secrets.map((name) => [name, MASK])),
  };
  const phases = ["guards", "steps", "always"] as const;
  const steps = phases.flatMap((phase) => planSteps(scope, runbook[phase], "", place, phase));
  const notes = notesOf(allSteps(runbook), "");
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
    steps: steps.map(({ path, id, title, phase, type, effects }) => ({
      path,
      id,
      title,
      phase,
      stepType: type,
      effects,
      note: notes.get(path) ?? null,
    })),
    keeping: keepingOf(runbook, config.windows),
  };
}

/** Path → note of every step that has one. */
function notesOf(steps: readonly Step[], parent: string, notes = new Map<string, string>()): Map<string, string> {
  for (const step of steps) {
    const path = childPath(parent, step.id);
    if (step.note !== null) notes.set(path, step.note);
    notesOf(membersOf(step), path, notes);
  }
  return notes;
}
