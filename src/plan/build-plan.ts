/** Runbook + inputs + target → plan. Pure: what it needs to know of the world comes in as `PlanWorld`. */
import { createHash } from "node:crypto";
import { evaluateExpression, UnknownValue } from "../language/cel/index.ts";
import type { Config } from "../language/config.ts";
import type { Runbook, Step } from "../language/runbook.ts";
import { resolveTemplate } from "../language/template.ts";
import type { Catalogue } from "../steps/step-type.ts";
import type { JsonObject } from "../util/json.ts";
import { MASK } from "../util/mask/masker.ts";
import type { Blocker, Plan, PlannedInput, PlannedStep } from "./plan.ts";
import { planSteps, unknownFacts } from "./plan-steps.ts";
import { allSteps, childPath, type Frame, membersOf, newFrame, type StepFactsSource } from "./scope.ts";
import { type WindowGuard, windowGuards } from "./window-guards.ts";

/** What a plan needs of the project file. */
export type SubjectConfig = Pick<Config, "targets" | "windows" | "policy">;

export interface PlanSubject {
  readonly runbook: Runbook;
  /** As the user knows it, relative. */
  readonly file: string;
  /** File (relative to the run directory) → `sha256:…`; `runbook.yaml` is the runbook itself. */
  readonly files: Readonly<Record<string, string>>;
  readonly config: SubjectConfig;
  readonly targetName: string;
  /** Resolved, see `target.ts`. */
  readonly target: JsonObject;
  readonly inputs: readonly ResolvedInput[];
  readonly actor: string;
  readonly catalogue: Catalogue;
}

export interface ResolvedInput extends PlannedInput {
  readonly sensitive: boolean;
  /** Required and not given: under `plan --all` an unknown, else a usage error before this. */
  readonly isUnknown: boolean;
}

export interface PlanWorld {
  readonly tools: Plan["tools"];
  readonly secrets: Plan["secrets"];
  /** Window name → whether it is open now, in words. */
  readonly windows: Readonly<Record<string, { readonly open: boolean; readonly text: string }>>;
  /** Facts of probed steps; absent without `--probe`. */
  readonly probed?: { readonly facts: StepFactsSource };
}

export function planFrame(subject: PlanSubject, facts: StepFactsSource): Frame {
  const unknownRun = (name: string) => new UnknownValue(`run.${name}`);
  return newFrame({
    runbook: subject.runbook,
    prefix: "",
    inputs: inputValues(subject.inputs),
    target: subject.target,
    run: {
      id: unknownRun("id"),
      slug: unknownRun("slug"),
      actor: subject.actor,
      startedAt: unknownRun("startedAt"),
      reason: unknownRun("reason"),
      dry: true,
    },
    facts,
  });
}

export function inputValues(inputs: readonly ResolvedInput[]): Record<string, unknown> {
  return Object.fromEntries(
    inputs.map((input) => [input.name, input.isUnknown ? new UnknownValue(`inputs.${input.name}`) : input.value]),
  );
}

export function buildPlan(subject: PlanSubject, world: PlanWorld): Plan {
  const { runbook, config, targetName } = subject;
  const place = { frame: planFrame(subject, world.probed?.facts ?? unknownFacts), items: [] };
  const scope = {
    catalogue: subject.catalogue,
    maskedSecrets: Object.fromEntries(runbook.secrets.map((name) => [name, MASK])),
  };
  const planned = [
    ...planSteps(scope, runbook.guards, "", place, "guards"),
    ...planSteps(scope, runbook.steps, "", place, "steps"),
    ...planSteps(scope, runbook.always, "", place, "always"),
  ];
  const leaves = planned.filter((step) => subject.catalogue.has(step.type));
  const happening = leaves.filter((step) => step.condition?.status !== "not_met");
  const blocked = blockersOf(subject, world, happening);
  return {
    format: "runbook.plan/1.0",
    digest: subject.files["runbook.yaml"] ?? "",
    planDigest: planDigestOf(subject),
    runbook: runbook.name,
    version: runbook.version,
    title: runbook.title,
    file: subject.file,
    target: targetName,
    protected: config.targets[targetName]?.protected ?? false,
    inputs: subject.inputs.map(({ name, value, source, sensitive, isUnknown }) => ({
      name,
      ...(isUnknown ? {} : { value: sensitive && value !== null ? MASK : value }),
      source,
    })) as Plan["inputs"],
    decision: blocked.length === 0 ? "ready" : "blocked",
    blocked,
    warnings: [],
    writes: happening.filter((step) => step.effects === "write").length,
    destructive: happening.filter((step) => step.effects === "destructive").length,
    approvals: happening.filter((step) => step.type === "approval").length,
    lock: lockKey(runbook, place.frame),
    worstCaseMs: worstCase(new Map(planned.map((step) => [step.path, step])), allSteps(runbook), ""),
    tools: world.tools,
    secrets: world.secrets,
    steps: planned,
    probed: world.probed !== undefined,
  };
}

/** The lock taken before the guards: declared, or the target's own when anything writes. Null = none. */
export function lockKey(runbook: Runbook, frame: Frame): string | null {
  if (runbook.concurrency !== null) {
    const scope = { inputs: frame.inputs, target: frame.target, run: frame.run };
    const key = resolveTemplate(runbook.concurrency, (expression) => evaluateExpression(expression, scope));
    if (key.kind === "value") return String(key.value);
    return key.kind === "unknown" ? key.text : runbook.concurrency;
  }
  return writes(allSteps(runbook)) ? `target/${frame.target["name"]}` : null;
}

function writes(steps: readonly Step[]): boolean {
  return steps.some((step) => step.effects !== "read" || writes(membersOf(step)));
}

/** Digest over sealed files, inputs, target and environment names; not time, probes or outputs. */
export function planDigestOf(subject: PlanSubject): string {
  const { runbook, config, targetName } = subject;
  const content = {
    files: sorted(subject.files),
    inputs: subject.inputs.map(({ name, value, sensitive, isUnknown }) =>
      sensitive || isUnknown ? [name] : [name, value],
    ),
    target: config.targets[targetName] ?? null,
    variables: runbook.targets[targetName] ?? {},
    environment: Object.keys(runbook.env).sort(),
    secrets: runbook.secrets,
  };
  return `sha256:${createHash("sha256").update(JSON.stringify(content)).digest("hex")}`;
}

function sorted(record: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

function blockersOf(subject: PlanSubject, world: PlanWorld, happening: readonly PlannedStep[]): Blocker[] {
  const blockers: Blocker[] = [];
  for (const guard of windowGuards(subject.runbook.guards)) {
    const blocker = windowBlocker(subject, world, guard);
    if (blocker !== null && happening.some((step) => step.path === guard.path)) blockers.push(blocker);
  }
  for (const tool of world.tools) {
    if (tool.found === null) {
      blockers.push({
        code: "tool-missing",
        message: `${tool.name} was not found on PATH`,
        next: `runbook doctor ${subject.runbook.name}`,
      });
    }
  }
  for (const secret of world.secrets) {
    if (secret.status !== "missing" || subject.runbook.optionalSecrets.includes(secret.name)) continue;
    blockers.push({
      code: "secret-missing",
      message: `no provider knows the secret ${secret.name} for ${subject.targetName}`,
      next: `export RUNBOOK_SECRET_${secret.name}=…`,
    });
  }
  const approval = approvalBlocker(subject, happening);
  return approval === null ? blockers : [...blockers, approval];
}

function windowBlocker(subject: PlanSubject, world: PlanWorld, { path, step, action }: WindowGuard): Blocker | null {
  const name = String(action.with["name"]);
  const mode = action.with["mode"] ?? subject.config.windows[name]?.mode;
  const state = world.windows[name];
  if (state === undefined || state.open || mode === "warn") return null;
  const next = step.override === "reason" ? `--override ${path} --reason "…"` : null;
  return { code: "window-closed", message: `${path}: ${state.text}`, next };
}

/** On a protected target, the first write comes after an approval unless policy exempts the kind. */
function approvalBlocker(subject: PlanSubject, happening: readonly PlannedStep[]): Blocker | null {
  const { config, runbook, targetName } = subject;
  if (config.targets[targetName]?.protected !== true || config.policy.noApproval.includes(runbook.kind)) return null;
  const firstWrite = happening.findIndex((step) => step.effects !== "read" && step.phase === "steps");
  const approval = happening.findIndex((step) => step.type === "approval" && step.phase === "steps");
  if (firstWrite < 0 || (approval >= 0 && approval < firstWrite)) return null;
  return {
    code: "approval-missing",
    message: `${targetName} is protected, and ${happening[firstWrite]?.path} writes without an approval step before it`,
    next: "add a step with `uses: approval` before it",
  };
}

/** One after the other adds up, side by side the longest counts, every attempt takes its whole limit. */
function worstCase(planned: ReadonlyMap<string, PlannedStep>, steps: readonly Step[], parent: string): number {
  return steps.reduce((sum, step) => sum + worstOf(planned, step, childPath(parent, step.id)), 0);
}

function worstOf(planned: ReadonlyMap<string, PlannedStep>, step: Step, path: string): number {
  const found = planned.get(path);
  if (found === undefined || found.condition?.status === "not_met") return 0;
  const members = membersOf(step);
  if (members.length === 0) return (found.timeoutMs ?? 0) * step.retry.attempts;
  if (step.action.kind !== "parallel") return worstCase(planned, members, path);
  return Math.max(...members.map((member) => worstOf(planned, member, childPath(path, member.id))));
}
