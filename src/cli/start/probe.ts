/**
 * `plan --probe`: runs the read steps whose values are known, in order, and fills the unknowns that depend on them. The
 * first write is never run; its `check` is asked, because that only reads. What follows a write looks at a world that
 * does not exist yet, so probing ends there. Nothing of it is journalled.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evaluateOutputs, runChecks } from "../../engine/checks.ts";
import { createActionRunner } from "../../host/action-runner.ts";
import { systemClock } from "../../host/clock.ts";
import { childEnvironment } from "../../host/environment.ts";
import { resolveSecrets, valuesOf } from "../../host/secrets.ts";
import { type SupervisorClient, startSupervisor } from "../../host/supervisor/client.ts";
import { removeRuntimeDir, runtimeDirFor } from "../../host/supervisor/runtime-dir.ts";
import { evaluateExpression } from "../../language/cel/index.ts";
import type { Step } from "../../language/runbook.ts";
import { buildPlan, planFrame } from "../../plan/build-plan.ts";
import type { Plan, PlannedCheck } from "../../plan/plan.ts";
import { unknownFacts } from "../../plan/plan-steps.ts";
import { isLeaf, resolveAction } from "../../plan/resolve-action.ts";
import { childPath, membersOf, type Place, type StepFactsSource, scopeOf } from "../../plan/scope.ts";
import type { Json, JsonObject } from "../../util/json.ts";
import { createMasker } from "../../util/mask/masker.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../errors.ts";
import { catalogue } from "../project/catalogue.ts";
import { finishedRuns } from "../project/past-runs.ts";
import { distDir, sandboxCommand } from "../version.ts";
import { lookAround, type Prepared } from "./prepare.ts";
import { secretSources } from "./secret-sources.ts";

interface Probed {
  readonly outputs: JsonObject;
  readonly checks: readonly PlannedCheck[];
}

export async function probe(command: Command, prepared: Prepared): Promise<Plan> {
  const { project } = command;
  const { runbook, target, sandbox, subject } = prepared;
  if (target.sandbox && sandbox?.running !== true) {
    throw new CommandError(
      "refused",
      `the sandbox of ${target.name} is not running, and a plan never starts it`,
      sandboxCommand("start", project.dir, project.stateDir),
    );
  }
  const world = await lookAround(prepared, project, true);
  const found = await resolveSecrets(
    await secretSources({ runbook, target, providers: project.config.secrets, projectDir: project.dir, sandbox }),
  );
  const probed = new Map<string, Probed>();
  const facts: StepFactsSource = {
    get(path, step, name) {
      const known = probed.get(path);
      if (known === undefined) return unknownFacts.get(path, step, name);
      if (name === "outputs") return known.outputs;
      return name === "status" ? "succeeded" : unknownFacts.get(path, step, name);
    },
  };
  const place: Place = { frame: planFrame(subject, facts), items: [] };
  const secrets = valuesOf(found.found, found.absent);
  const runDir = mkdtempSync(join(tmpdir(), "runbook-probe-"));
  let supervisor: Promise<SupervisorClient> | null = null;
  try {
    const actions = createActionRunner({
      helperProgram: join(distDir, "helper.cjs"),
      runDir,
      runId: "probe",
      slug: "probe",
      actor: subject.actor,
      executorNumber: 1,
      target: subject.target,
      baseEnv: childEnvironment(process.env, sandbox?.binDir ?? null),
      projectDir: project.dir,
      windows: project.config.windows,
      clock: systemClock(),
      masker: createMasker(found.found),
      secrets: found.found,
      supervisor: () =>
        (supervisor ??= startSupervisor({
          runDir,
          runtimeDir: runtimeDirFor(runDir),
          runId: "probe",
          distDir,
          secrets: found.found,
        })),
      append: () => {},
      committed: () => Promise.resolve(),
      onIoError: (error) => {
        throw error;
      },
      failpoint: () => {},
      finishedRuns: () => finishedRuns(project.stateDir, ""),
      onProgress: null,
    });
    let wrote = false;
    const visit = async (steps: readonly Step[], parent: string): Promise<void> => {
      for (const step of steps) {
        if (wrote) return;
        const path = childPath(parent, step.id);
        if (step.forEach !== null || !holds(step, place)) continue;
        if (isLeaf(step.action)) await probeLeaf(step, path);
        else if (step.action.kind !== "runbook") await visit(membersOf(step), path);
        wrote ||= step.effects !== "read";
      }
    };
    const probeLeaf = async (step: Step, path: string): Promise<void> => {
      const action = step.effects === "read" ? step.action : step.check?.action;
      if (action === undefined || !isLeaf(action)) return;
      const resolved = resolveAction(step, action, place, catalogue(), secrets);
      if (resolved.type.person !== null || resolved.unknown.length > 0 || resolved.problems.length > 0) return;
      command.say(`probe ${path}: ${resolved.text.text}`);
      const outcome = await actions.run({
        type: resolved.type,
        spec: resolved.spec,
        path,
        attempt: 1,
        effects: "read",
        env: resolved.env,
        cwd: resolved.cwd,
        stdin: resolved.stdin,
        timeoutMs: step.effects === "read" ? (step.timeoutMs ?? resolved.type.timeoutMs) : resolved.type.timeoutMs,
        recorded: false,
        adopt: [],
        signal: new AbortController().signal,
      });
      const result: Json = outcome.kind === "done" ? outcome.result : null;
      if (step.effects !== "read") {
        const that = step.check?.that ?? "";
        const [check] = runChecks([{ that, message: null, severity: "error", show: null }], scopeOf(place, { result }));
        probed.set(path, {
          outputs: {},
          checks: [{ that: `already done: ${that}`, status: check?.status ?? "could_not_run" }],
        });
        return;
      }
      const { values } = evaluateOutputs(step.outputs, scopeOf(place, { result }));
      const checks = runChecks(step.verify, scopeOf(place, { result, outputs: values }));
      probed.set(path, {
        outputs: outcome.kind === "done" ? values : {},
        checks: checks.map(({ that, status }) => ({ that, status })),
      });
    };
    await visit(runbook.guards, "");
    await visit(runbook.steps, "");
  } finally {
    await (supervisor as Promise<SupervisorClient> | null)?.then((client) => client.close());
    removeRuntimeDir(runtimeDirFor(runDir));
    rmSync(runDir, { recursive: true, force: true });
  }
  const secretStates = found.found.map(({ name, provider }) => ({ name, status: "found" as const, provider }));
  const missing = found.missing.map((name) => ({ name, status: "missing" as const, provider: null }));
  const plan = buildPlan(subject, { ...world, secrets: [...secretStates, ...missing], probed: { facts } });
  return {
    ...plan,
    steps: plan.steps.map((step) => {
      const known = probed.get(step.path);
      if (known === undefined) return step;
      return step.effects === "read"
        ? { ...step, probed: true, outputs: known.outputs, checks: known.checks }
        : { ...step, checks: [...step.checks, ...known.checks] };
    }),
  };
}

function holds(step: Step, place: Place): boolean {
  if (step.if === null) return true;
  const value = evaluateExpression(step.if, scopeOf(place));
  return value.kind === "value" && value.value === true;
}
