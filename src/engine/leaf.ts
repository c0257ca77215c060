/**
 * One leaf step: its attempts, its polls, its verification and outputs. Owns the order of records around an effect:
 * `step.started` (intent) is durable before anything is started, `step.finished` before anyone is told.
 */
import { createHash } from "node:crypto";
import { evaluateExpression } from "../language/cel/index.ts";
import { isLeaf, type LeafAction, type ResolvedAction, resolveAction } from "../plan/resolve-action.ts";
import { scopeOf } from "../plan/scope.ts";
import type { Json, JsonObject } from "../util/json.ts";
import { MASK } from "../util/mask/masker.ts";
import { approvalDrift } from "./bound.ts";
import { allErrorsMet, evaluateOutputs, messageText, runChecks } from "./checks.ts";
import {
  anyWriteStarted,
  append,
  type EngineContext,
  type Flow,
  failure,
  finished,
  type Node,
  ok,
  recordOf,
  started,
} from "./context.ts";
import type { Artifact, CheckOutcome, Failure, StepStatus } from "./events.ts";
import { decideInterrupted, decideRepeat } from "./interrupted.ts";
import type { ActionOutcome } from "./ports.ts";
import type { CommandRecord } from "./run-record.ts";

/** Results above this many bytes of JSON stay in the log only. */
const keptResultBytes = 16 * 1024;

/** Runs, adopts, repeats or gives up one leaf step and records its end. */
export async function runLeaf(context: EngineContext, node: Node): Promise<Flow> {
  const record = recordOf(context, node.path);
  if (record?.status === "indeterminate") return await repeatOrAsk(context, node, "its outcome is unknown");
  if (record?.status === "cancelled") return await repeatOrAsk(context, node, "it was cancelled while it ran");
  if (record?.status === "running") {
    if (record.reopened) return await repeatOrAsk(context, node, "it failed before this resume");
    return await reattach(context, node);
  }
  return await runAttempts(context, node);
}

async function reattach(context: EngineContext, node: Node): Promise<Flow> {
  const record = recordOf(context, node.path);
  const attempt = record?.attempts.at(-1)?.attempt ?? 1;
  const commands = record?.commands.filter((command) => command.attempt === attempt) ?? [];
  // What a write only read before its first write changed nothing.
  const changing = node.step.effects === "read" ? commands : commands.filter((command) => command.effects !== "read");
  if (changing.length === 0) {
    return decideInterrupted(traits(node), "nothing-started") === "run-again" ? await runAttempts(context, node) : ok;
  }
  const resolved = resolve(context, node);
  if (resolved.problem !== null) return end(context, node, attempt, 0, "failed", { failure: resolved.problem });
  const outcome = await perform(context, node, resolved, attempt, commands);
  if (outcome.kind === "lost") return await repeatOrAsk(context, node, outcome.why);
  return await judge(context, node, attempt, outcome, null);
}

/** After an unknown or bad end: run again, ask the step's own check, or wait for a person. */
async function repeatOrAsk(context: EngineContext, node: Node, why: string): Promise<Flow> {
  switch (decideRepeat(traits(node))) {
    case "use-result":
    case "run-again":
      return await runAttempts(context, node);
    case "ask-the-world": {
      const applied = await isApplied(context, node, "resume");
      if (applied === true) return countAsDone(context, node);
      if (applied === false) return await runAttempts(context, node);
      return indeterminate(context, node, `${why}; its check could not decide`);
    }
    case "ask-a-person":
      return indeterminate(context, node, why);
  }
}

function traits(node: Node) {
  const { effects, onInterrupted, idempotent, check } = node.step;
  return { effects, onInterrupted, idempotent, hasCheck: check !== null };
}

/** Nothing decides but a person; the run stops here until `resume --accept|--retry|--skip`. */
function indeterminate(context: EngineContext, node: Node, why: string): Flow {
  const record = recordOf(context, node.path);
  const attempt = record?.attempts.at(-1)?.attempt ?? 1;
  if (record?.status !== "indeterminate") {
    const last = record?.commands.at(-1);
    const known = last === undefined ? "no command of it was recorded" : `it had started: ${last.argv.join(" ")}`;
    append(context, { type: "step.indeterminate", step: node.path, attempt, why, known });
  }
  context.store.flush();
  return { kind: "waiting" };
}

function countAsDone(context: EngineContext, node: Node): Flow {
  const attempt = recordOf(context, node.path)?.attempts.at(-1)?.attempt ?? 1;
  append(
    context,
    finished(node.path, attempt, 0, "succeeded", {
      outputs: Object.fromEntries(Object.keys(node.step.outputs).map((name) => [name, null])),
      note: "its check says that it is already done",
    }),
  );
  return ok;
}

/** Asks the step's `check`; null = the check could not be made. */
export async function isApplied(
  context: EngineContext,
  node: Node,
  why: "retry" | "resume" | "undo",
): Promise<boolean | null> {
  const { check } = node.step;
  if (check === null) return null;
  const resolved = resolve(context, node, check.action);
  if (resolved.problem !== null) return null;
  const outcome = await context.actions.run({
    type: resolved.real.type,
    spec: resolved.real.spec,
    path: node.path,
    attempt: 1,
    effects: "read",
    env: resolved.real.env,
    cwd: resolved.real.cwd,
    stdin: null,
    timeoutMs: resolved.real.type.timeoutMs,
    recorded: false,
    adopt: [],
    signal: context.control.cancel.signal,
  });
  const scope = scopeOf(node.place, { result: outcome.kind === "done" ? outcome.result : null });
  const value = outcome.kind === "done" ? evaluateExpression(check.that, scope) : null;
  const applied = value?.kind === "value" && typeof value.value === "boolean" ? value.value : null;
  const actual =
    outcome.kind === "failed"
      ? outcome.failure.message
      : value?.kind === "error"
        ? value.message
        : applied === null
          ? "not decided"
          : (runChecks([{ that: check.that, message: null, severity: "error", show: null }], scope)[0]?.actual ?? null);
  append(context, { type: "step.checked", step: node.path, that: check.that, applied, actual, why });
  return applied;
}

async function runAttempts(context: EngineContext, node: Node): Promise<Flow> {
  const { step } = node;
  const before = recordOf(context, node.path)?.attempts.at(-1)?.attempt ?? 0;
  for (let nth = 1; ; nth++) {
    if (context.control.stop !== null) return { kind: "stopped" };
    if (nth > 1 && step.effects !== "read" && step.check !== null) {
      const applied = await isApplied(context, node, "retry");
      if (applied === true) return countAsDone(context, node);
      if (applied === null) return indeterminate(context, node, "the attempt failed and its check could not decide");
    }
    const attempt = before + nth;
    const resolved = resolve(context, node);
    const stopped = resolved.problem ?? (await writeRefusal(context, node, resolved.shown.text.text));
    const title = messageText(step.title, scopeOf(node.place));
    append(
      context,
      started(
        node,
        attempt,
        resolved.shown.type.type,
        title,
        resolved.shown.text.text,
        definitionOf(resolved.shown),
        // A write that is refused before it starts has no effect to undo.
        stopped === null ? step.effects : "read",
      ),
    );
    if (stopped !== null) return end(context, node, attempt, 0, "failed", { failure: stopped });
    context.failpoint("step.running");
    const outcome = await perform(context, node, resolved, attempt, []);
    if (outcome.kind === "lost") return await repeatOrAsk(context, node, outcome.why);
    const retry = { nth, last: nth >= step.retry.attempts };
    const flow = await judge(context, node, attempt, outcome, retry);
    if (flow !== null) return flow;
  }
}

interface Resolved {
  readonly shown: ResolvedAction;
  readonly real: ResolvedAction;
  readonly problem: Failure | null;
}

function resolve(context: EngineContext, node: Node, action = node.step.action): Resolved {
  if (!isLeaf(action)) throw new Error(`${node.path} is not a leaf`);
  const fill = (secrets: Readonly<Record<string, string>>) =>
    resolveAction(node.step, action, node.place, context.catalogue, secrets);
  const shown = fill(context.maskedSecrets);
  const real = fill(context.secrets);
  return { shown, real, problem: valueProblem(node.step, action, real) };
}

function valueProblem(step: Node["step"], action: LeafAction, real: ResolvedAction): Failure | null {
  if (real.problems.length > 0) return failure("value", real.problems.join("; "));
  const unknown = real.unknown[0];
  if (unknown !== undefined) return failure("value", `${unknown.expr} is not known: it comes from ${unknown.from}`);
  const written = JSON.stringify([action.kind === "run" ? action.argv : action.with, step.stdin, step.cwd, step.env]);
  if (!written.includes(MASK) && JSON.stringify([real.spec, real.env, real.cwd, real.stdin]).includes(MASK)) {
    return {
      class: "fatal",
      reason: "masked-value",
      message:
        "a value of this step holds a masked secret; only the mask is known here, so the step would run with wrong data",
      facts: {},
    };
  }
  return null;
}

/** Why a write may not start although everything before it went well: a window closed, or it is not what was approved. */
async function writeRefusal(context: EngineContext, node: Node, text: string): Promise<Failure | null> {
  if (node.step.effects === "read" || node.phase !== "steps") return null;
  const drift = approvalDrift(context.store.record, node.path, text);
  if (drift !== null) return { class: "refused", reason: "not-as-approved", message: drift, facts: {} };
  if (anyWriteStarted(context.store.record)) return null;
  for (const guard of context.root.runbook.guards) {
    if (guard.action.kind !== "uses" || guard.action.type !== "window") continue;
    if (context.store.record.overrides.has(guard.id) || recordOf(context, guard.id)?.status !== "succeeded") continue;
    const place = { frame: context.root, items: [] };
    const { spec } = resolveAction(guard, guard.action, place, context.catalogue, context.maskedSecrets);
    const name = String(spec["name"]);
    const mode = spec["mode"];
    const window = await context.actions.windowOpen(name);
    if (window === undefined || window.open || (mode ?? window.mode) === "warn") continue;
    const message = `the window ${name} closed while the run was on its way (now ${window.now})`;
    return { class: "refused", reason: "window-closed", message, facts: { window: name } };
  }
  return null;
}

async function perform(
  context: EngineContext,
  node: Node,
  resolved: Resolved,
  attempt: number,
  adopt: readonly CommandRecord[],
): Promise<ActionOutcome> {
  const { step } = node;
  const once = (timeoutMs: number, recorded: boolean): Promise<ActionOutcome> =>
    context.actions.run({
      type: resolved.real.type,
      spec: resolved.real.spec,
      path: node.path,
      attempt,
      effects: step.effects,
      env: resolved.real.env,
      cwd: resolved.real.cwd,
      stdin: resolved.real.stdin,
      timeoutMs,
      recorded,
      adopt,
      signal: context.control.cancel.signal,
    });
  const limitMs = step.timeoutMs ?? resolved.real.type.timeoutMs;
  if (step.until === null) return await once(limitMs, true);
  return await poll(context, node, step.until, (leftMs) => once(Math.min(limitMs, leftMs), false));
}

async function poll(
  context: EngineContext,
  node: Node,
  until: NonNullable<Node["step"]["until"]>,
  once: (leftMs: number) => Promise<ActionOutcome>,
): Promise<ActionOutcome> {
  const begin = context.clock.monotonicMs();
  let waitMs = until.everyMs;
  for (let polls = 1; ; polls++) {
    const leftMs = until.timeoutMs - (context.clock.monotonicMs() - begin);
    const outcome = await once(Math.max(1, leftMs));
    const durationMs = context.clock.monotonicMs() - begin;
    if (outcome.kind === "cancelled" || outcome.kind === "lost") return outcome;
    const fatal =
      outcome.kind === "failed" && (outcome.failure.class === "fatal" || outcome.failure.class === "refused");
    if (fatal) return outcome;
    const condition = { that: until.that, message: null, severity: "error" as const, show: null };
    const checks =
      outcome.kind === "done" ? runChecks([condition], scopeOf(node.place, { result: outcome.result })) : [];
    if (outcome.kind === "done" && allErrorsMet(checks)) return { ...outcome, durationMs };
    append(context, { type: "step.polled", step: node.path, polls, checks });
    if (durationMs + waitMs >= until.timeoutMs) {
      const last =
        outcome.kind === "failed" ? outcome.failure.message : `${until.that} is ${checks[0]?.actual ?? "false"}`;
      const message = `not reached within ${until.timeoutMs} ms, ${polls} polls; last: ${last}`;
      const result = outcome.result;
      return {
        kind: "failed",
        failure: { class: "timeout", reason: "until", message, facts: { polls } },
        result,
        durationMs,
      };
    }
    await context.clock.sleep(waitMs, context.control.cancel.signal);
    if (context.control.stop !== null && context.control.cancel.signal.aborted) continue;
    waitMs *= until.backoff;
  }
}

/** Turns an outcome into the step's end, or null when it is tried again. */
async function judge(
  context: EngineContext,
  node: Node,
  attempt: number,
  outcome: Exclude<ActionOutcome, { kind: "lost" }>,
  retry: { nth: number; last: boolean },
): Promise<Flow | null>;
async function judge(
  context: EngineContext,
  node: Node,
  attempt: number,
  outcome: Exclude<ActionOutcome, { kind: "lost" }>,
  retry: null,
): Promise<Flow>;
async function judge(
  context: EngineContext,
  node: Node,
  attempt: number,
  outcome: Exclude<ActionOutcome, { kind: "lost" }>,
  retry: { nth: number; last: boolean } | null,
): Promise<Flow | null> {
  const { step } = node;
  const result = outcome.result;
  const outputs =
    result === null && outcome.kind !== "done"
      ? { values: {}, problems: [] }
      : evaluateOutputs(step.outputs, scopeOf(node.place, { result }));
  const kept = keep(result);
  if (outcome.kind === "cancelled") {
    return end(context, node, attempt, outcome.durationMs, "cancelled", {
      outputs: outputs.values,
      failure: outcome.failure,
      result: kept,
    });
  }
  let problem: Failure | null = outcome.kind === "failed" ? outcome.failure : null;
  let checks: CheckOutcome[] = [];
  let artifacts: readonly Artifact[] = [];
  if (problem === null) {
    const found = await keepArtifacts(context, node, step.artifacts);
    artifacts = found.artifacts;
    const files = Object.fromEntries(
      artifacts.map((file) => [file.name, { path: file.path, bytes: file.bytes, sha256: file.sha256 }]),
    );
    checks = runChecks(step.verify, scopeOf(node.place, { result, outputs: outputs.values, artifacts: files }));
    problem = found.problem ?? outputProblem(outputs.problems) ?? checkProblem(checks);
  }
  if (problem === null) {
    return end(context, node, attempt, outcome.durationMs, "succeeded", {
      outputs: outputs.values,
      checks,
      artifacts,
      result: kept,
    });
  }
  if (retry !== null && !retry.last && mayRetry(step.retry.on, problem)) {
    const delayMs = delayOf(step.retry, retry.nth);
    append(context, { type: "step.retrying", step: node.path, attempt, delayMs, failure: problem });
    context.store.flush();
    await context.clock.sleep(delayMs, context.control.cancel.signal);
    return null;
  }
  const status: StepStatus = problem.class === "timeout" ? "timed_out" : "failed";
  return end(context, node, attempt, outcome.durationMs, status, {
    outputs: outputs.values,
    checks,
    artifacts,
    failure: problem,
    result: kept,
  });
}

async function keepArtifacts(
  context: EngineContext,
  node: Node,
  patterns: readonly string[],
): Promise<{ artifacts: readonly Artifact[]; problem: Failure | null }> {
  if (patterns.length === 0) return { artifacts: [], problem: null };
  const cwd = node.step.cwd === null ? null : messageText(node.step.cwd, scopeOf(node.place));
  try {
    return { artifacts: await context.actions.keepArtifacts(node.path, cwd, patterns), problem: null };
  } catch (error) {
    return { artifacts: [], problem: failure("artifact", error instanceof Error ? error.message : String(error)) };
  }
}

function outputProblem(problems: readonly string[]): Failure | null {
  return problems.length === 0 ? null : failure("output", problems.join("; "));
}

function checkProblem(checks: readonly CheckOutcome[]): Failure | null {
  if (allErrorsMet(checks)) return null;
  const first = checks.find((check) => check.severity === "error" && check.status !== "met");
  const what = first?.status === "not_met" ? "does not hold" : "could not be checked";
  const message = first?.message ?? `${first?.that} ${what}: expected ${first?.expected}, actual ${first?.actual}`;
  return failure("verification", message);
}

function mayRetry(on: readonly string[], problem: Failure): boolean {
  if (problem.class === "fatal" || problem.class === "refused") return false;
  if (on.length === 0) return true;
  return on.includes(problem.class) || on.includes(`exit:${problem.facts["exitCode"]}`);
}

function delayOf(policy: Node["step"]["retry"], nth: number): number {
  const base = policy.delayMs * policy.backoff ** (nth - 1);
  return Math.round(policy.jitter ? base * (0.5 + Math.random() / 2) : base);
}

function end(
  context: EngineContext,
  node: Node,
  attempt: number,
  durationMs: number,
  status: StepStatus,
  more: {
    outputs?: JsonObject;
    checks?: readonly CheckOutcome[];
    artifacts?: readonly Artifact[];
    failure?: Failure | null;
    result?: Json;
  },
): Flow {
  const tolerated = status !== "succeeded" && node.step.continueOnFailure && status !== "cancelled";
  append(
    context,
    finished(node.path, attempt, durationMs, status, { ...more, note: tolerated ? "continueOnFailure" : null }),
  );
  if (status === "succeeded" || tolerated) return ok;
  if (context.control.stop !== null && status === "cancelled") return { kind: "stopped" };
  return { kind: "failed", path: node.path, refused: more.failure?.class === "refused" };
}

function keep(result: Json): Json {
  return JSON.stringify(result ?? null).length <= keptResultBytes ? (result ?? null) : null;
}

function definitionOf(shown: ResolvedAction): string {
  const text = JSON.stringify([shown.type.type, shown.spec, Object.keys(shown.env).sort(), shown.cwd]);
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
