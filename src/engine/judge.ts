/** What an action's outcome means for its step: outputs, artifacts, checks, another attempt, or the end. */
import { scopeOf } from "../plan/scope.ts";
import { isObject, type Json, type JsonObject } from "../util/json.ts";
import { allErrorsMet, evaluateOutputs, messageText, runChecks } from "./checks.ts";
import { append, type EngineContext, type Flow, failure, finished, type Node, ok } from "./context.ts";
import type { Artifact, CheckOutcome, Failure, StepStatus } from "./events.ts";
import { type ActionOutcome, JournalError } from "./ports.ts";

/** Results above this many bytes of JSON stay in the log only. */
const keptResultBytes = 16 * 1024;

/** Turns an outcome into the step's end, or null when it is tried again. */
export async function judge(
  context: EngineContext,
  node: Node,
  attempt: number,
  outcome: Exclude<ActionOutcome, { kind: "lost" }>,
  retry: { nth: number; last: boolean },
): Promise<Flow | null>;
export async function judge(
  context: EngineContext,
  node: Node,
  attempt: number,
  outcome: Exclude<ActionOutcome, { kind: "lost" }>,
  retry: null,
): Promise<Flow>;
export async function judge(
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
    checks = runChecks(step.verify, ownScope(node, result, outputs.values, artifacts));
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

/** The end of a step whose facts a person gave: outputs and checks hold for them as for any other. */
export function judgeFacts(
  context: EngineContext,
  node: Node,
  durationMs: number,
  result: Json,
  artifacts: readonly Artifact[],
): Flow {
  const outputs = evaluateOutputs(node.step.outputs, scopeOf(node.place, { result }));
  const checks = runChecks(node.step.verify, ownScope(node, result, outputs.values, artifacts));
  const problem = outputProblem(outputs.problems) ?? checkProblem(checks);
  const facts = { outputs: outputs.values, checks, artifacts, failure: problem, result };
  return end(context, node, 1, durationMs, problem === null ? "succeeded" : "failed", facts);
}

function ownScope(node: Node, result: Json, outputs: JsonObject, artifacts: readonly Artifact[]) {
  const files = Object.fromEntries(
    artifacts.map((file) => [file.name, { path: file.path, bytes: file.bytes, sha256: file.sha256 }]),
  );
  return scopeOf(node.place, { result, outputs, artifacts: files });
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
    // The evidence cannot be written: that says nothing about the step, whose end is adopted by a resume.
    if (error instanceof JournalError) throw error;
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

/** Records how an attempt ended, and says what that means for the run. */
export function end(
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
  // What a command printed may be megabytes: too long is seen without writing it out.
  if (
    isObject(result) &&
    Object.values(result).some((value) => typeof value === "string" && value.length > keptResultBytes)
  )
    return null;
  return JSON.stringify(result ?? null).length <= keptResultBytes ? (result ?? null) : null;
}
