/**
 * Walks steps in file order: lists, groups, parallel blocks, `forEach` and used runbooks. It never looks at the world;
 * leaves do. A step whose end is recorded is not run again: the walk is the same for a new run and for a resumed one.
 */
import { evaluateExpression, UnknownValue } from "../language/cel/index.ts";
import type { Phase, Runbook, Step } from "../language/runbook.ts";
import { resolveTemplate, resolveTree } from "../language/template.ts";
import { allSteps, childPath, type Frame, itemPath, newFrame, type Place, scopeOf, typeNameOf } from "../plan/scope.ts";
import type { Json } from "../util/json.ts";
import { runPersonStep } from "./asking.ts";
import { messageText } from "./checks.ts";
import {
  append,
  type EngineContext,
  type Flow,
  failure,
  finished,
  type Node,
  ok,
  overrideOf,
  recordOf,
  started,
} from "./context.ts";
import type { Failure, StepStatus } from "./events.ts";
import { runLeaf } from "./leaf.ts";
import type { StepRecord } from "./run-record.ts";

/** Runs a list one after the other until one fails, waits or the run is stopped. */
export async function runSequence(
  context: EngineContext,
  steps: readonly Step[],
  parent: string,
  place: Place,
  phase: Phase,
): Promise<Flow> {
  for (const step of steps) {
    const flow = await runStep(context, { step, path: childPath(parent, step.id), phase, place });
    if (flow.kind !== "ok") return flow;
  }
  return ok;
}

/** Runs one step of any kind, or takes its recorded end. */
export async function runStep(context: EngineContext, node: Node): Promise<Flow> {
  const { step, path } = node;
  const record = recordOf(context, path);
  const again = context.askedAgain !== undefined && record?.status !== "skipped" && !context.askedAgain.has(path);
  context.askedAgain?.add(path);
  if (record !== undefined && !again) {
    if (record.status === "succeeded" || record.status === "skipped" || record.status === "undone") return ok;
    const over = isFailed(record);
    if (over && record.why === "continueOnFailure") return ok;
    // The executor was killed before the verdict: that is what comes next. Only guards are asked anew.
    if (over && node.phase !== "guards") return recordedFailure(context, path);
  }
  // What a dead executor had begun is brought to its end also when the run is to stop.
  const isOpen = record?.status === "running";
  if (context.control.stop !== null && !isOpen) return { kind: "stopped" };
  const begun =
    record !== undefined &&
    record.status !== "pending" &&
    record.failure?.reason !== "condition" &&
    overrideOf(context, path) === null;
  if (!begun) {
    const skipped = skipReason(context, node);
    if (skipped !== null) {
      const { why, problem } = skipped;
      const title = messageText(step.title, scopeOf(node.place));
      if (problem !== null) {
        append(context, started(node, 1, typeNameOf(step), title, `if: ${step.if}`, "", "read"));
        append(context, finished(path, 1, 0, "failed", { failure: failure("condition", problem) }));
        return { kind: "failed", path, refused: false };
      }
      append(context, { type: "step.skipped", step: path, title, why });
      return ok;
    }
  }
  if (step.forEach !== null) return await runForEach(context, node, step.forEach);
  return await runOnce(context, node);
}

/** What the step, or the member that failed it, left on record. */
function recordedFailure(context: EngineContext, path: string): Flow {
  const within = [...context.store.record.steps.values()].filter(
    (step) => isFailed(step) && (step.path.startsWith(`${path}.`) || step.path.startsWith(`${path}[`)),
  );
  // A member comes after the group it is in.
  const cause = within.findLast(({ failure: why }) => why?.reason !== "member") ?? recordOf(context, path);
  const refused = [cause, recordOf(context, path)].some((step) => step?.failure?.class === "refused");
  const failed = { kind: "failed", path: cause?.path ?? path, refused } as const;
  const isNo = ["rejected", "expired", "refused"].includes(cause?.approval?.state ?? "");
  return isNo ? { ...failed, declined: true } : failed;
}

/** It failed in this execution: what failed before a resume is decided again. */
function isFailed(step: StepRecord): boolean {
  return (step.status === "failed" || step.status === "timed_out") && !step.reopened;
}

function skipReason(context: EngineContext, node: Node): { why: string; problem: string | null } | null {
  const override = overrideOf(context, node.path);
  if (override !== null) return { why: `overridden: ${override.reason}`, problem: null };
  if (node.step.if === null) return null;
  const value = evaluateExpression(node.step.if, scopeOf(node.place));
  if (value.kind === "value" && value.value === true) return null;
  if (value.kind === "value" && value.value === false) return { why: `${node.step.if} is false`, problem: null };
  const what = value.kind === "error" ? value.message : "it is not true or false";
  return { why: "", problem: `if: ${node.step.if}: ${what}` };
}

async function runOnce(context: EngineContext, node: Node): Promise<Flow> {
  const { action } = node.step;
  switch (action.kind) {
    case "group":
      return await runGroup(context, node, "group", (inner) =>
        runSequence(inner, action.steps, node.path, node.place, node.phase),
      );
    case "parallel":
      return await runGroup(context, node, "parallel", (inner) => {
        const nodes = action.steps.map((step) => ({ ...node, step, path: childPath(node.path, step.id) }));
        return runAtOnce(inner, nodes, action.max ?? nodes.length);
      });
    case "runbook":
      return await runGroup(context, node, typeNameOf(node.step), (inner) => runUsed(inner, node, action.runbook));
    default: {
      const type = context.catalogue.get(action.kind === "run" ? "run" : action.type);
      return type?.person ? await runPersonStep(context, node, type.person) : await runLeaf(context, node);
    }
  }
}

/**
 * Records the begin and end of something that holds other steps. A group that only waits is not ended. Over its `timeout`
 * the running members are ended and no other is started; over its `budget` it is only marked.
 */
async function runGroup(
  context: EngineContext,
  node: Node,
  kind: string,
  run: (inner: EngineContext) => Promise<Flow>,
): Promise<Flow> {
  const begin = context.clock.monotonicMs();
  const attempt = recordOf(context, node.path)?.attempts.at(-1)?.attempt ?? 1;
  if (recordOf(context, node.path)?.status !== "running") {
    // A group has no effect of its own: its members record theirs.
    append(context, started(node, attempt, kind, messageText(node.step.title, scopeOf(node.place)), "", "", "read"));
  }
  const limit = limited(context, node.step.timeoutMs);
  const flow = await run(limit.inner);
  limit.end();
  const durationMs = context.clock.monotonicMs() - begin;
  if (limit.isOver() && flow.kind !== "ok") return endGroup(context, node, attempt, durationMs, "timed_out", flow, {});
  if (flow.kind === "waiting" || flow.kind === "stopped") return flow;
  return endGroup(context, node, attempt, durationMs, flow.kind === "ok" ? "succeeded" : "failed", flow, {});
}

/** The same context with a stop of its own after `timeoutMs`; a stop of the whole run still reaches it. */
function limited(
  context: EngineContext,
  timeoutMs: number | null,
): { inner: EngineContext; isOver: () => boolean; end: () => void } {
  if (timeoutMs === null) return { inner: context, isOver: () => false, end: () => {} };
  const own = new AbortController();
  const ended = new AbortController();
  let over = false;
  void context.clock.sleep(timeoutMs, ended.signal).then(() => {
    if (ended.signal.aborted) return;
    over = true;
    own.abort();
  });
  const outer = context.control;
  const control: EngineContext["control"] = {
    get stop() {
      return outer.stop ?? (over ? { kind: "timeout" } : null);
    },
    set stop(value) {
      outer.stop = value;
    },
    cancel: own,
    isEnding: outer.isEnding,
    wake: null,
  };
  // A running member listens to one signal: it must hear both.
  const forward = () => own.abort();
  outer.cancel.signal.addEventListener("abort", forward);
  return {
    inner: { ...context, control },
    isOver: () => over,
    end: () => {
      ended.abort();
      outer.cancel.signal.removeEventListener("abort", forward);
    },
  };
}

function endGroup(
  context: EngineContext,
  node: Node,
  attempt: number,
  durationMs: number,
  status: Extract<StepStatus, "succeeded" | "failed" | "timed_out">,
  flow: Flow,
  outputs: Readonly<Record<string, Json>>,
): Flow {
  const tolerated = status !== "succeeded" && node.step.continueOnFailure && !isDeclined(flow);
  const over = `not done within ${node.step.timeoutMs} ms`;
  const problem: Failure | null =
    status === "succeeded"
      ? null
      : status === "timed_out"
        ? { class: "timeout", reason: "timeout", message: over, facts: { timeoutMs: node.step.timeoutMs } }
        : {
            ...failure("member", `${flow.kind === "failed" ? flow.path : "a member"} failed`),
            ...(flow.kind === "failed" && flow.refused ? { class: "refused" } : {}),
          };
  const { budgetMs } = node.step;
  if (budgetMs !== null && durationMs > budgetMs) {
    append(context, { type: "budget.exceeded", step: node.path, targetMs: budgetMs, actualMs: Math.round(durationMs) });
  }
  append(
    context,
    finished(node.path, attempt, durationMs, status, {
      outputs,
      failure: problem,
      note: tolerated ? "continueOnFailure" : null,
    }),
  );
  if (tolerated || status === "succeeded") return ok;
  return flow.kind === "failed" ? flow : { kind: "failed", path: node.path, refused: false };
}

/** Starts at most `max` at a time, waits for every one that was started, then gives the worst flow. */
async function runAtOnce(context: EngineContext, nodes: readonly Node[], max: number): Promise<Flow> {
  const flows: Flow[] = [];
  const queue = nodes.values();
  const worker = async () => {
    for (const node of queue) flows.push(await runStep(context, node));
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(max, nodes.length)) }, worker));
  return worst(flows);
}

/** A person's no outranks any other failure, that a stop, and both outrank waiting: what is known to be wrong is decided first. */
function worst(flows: readonly Flow[]): Flow {
  const declined = flows.find(isDeclined);
  if (declined !== undefined) return declined;
  for (const kind of ["failed", "stopped", "waiting"] as const) {
    const found = flows.find((flow) => flow.kind === kind);
    if (found !== undefined) return found;
  }
  return ok;
}

function isDeclined(flow: Flow): boolean {
  return flow.kind === "failed" && flow.declined === true;
}

async function runForEach(context: EngineContext, node: Node, forEach: NonNullable<Step["forEach"]>): Promise<Flow> {
  const begin = context.clock.monotonicMs();
  const items = itemsOf(node, forEach.in);
  if (typeof items === "string") {
    append(context, started(node, 1, "forEach", titleOfAll(node, forEach.as), "", "", "read"));
    append(context, finished(node.path, 1, 0, "failed", { failure: failure("value", items) }));
    return { kind: "failed", path: node.path, refused: false };
  }
  if (recordOf(context, node.path)?.status !== "running") {
    const title = titleOfAll(node, forEach.as);
    append(context, started(node, 1, "forEach", title, `${items.length} items`, "", "read"));
  }
  const limit = failureLimit(forEach.maxFailures, items.length);
  const nodes = itemNodes(node, forEach.as, items);
  const queue = nodes.values();
  const flows: Flow[] = [];
  let failures = 0;
  const worker = async () => {
    for (const item of queue) {
      if (failures > limit) return;
      const flow = await runStep(context, item);
      if (flow.kind === "failed") failures += isDeclined(flow) ? Number.POSITIVE_INFINITY : 1;
      flows.push(flow);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(forEach.max ?? 1, nodes.length)) }, worker));
  const pending = flows.find((flow) => flow.kind === "stopped") ?? flows.find((flow) => flow.kind === "waiting");
  if (pending !== undefined && failures <= limit) return pending;
  const flow: Flow = failures > limit ? worst(flows) : ok;
  if (flow.kind === "waiting" || flow.kind === "stopped") return flow;
  const outputs = itemOutputs(context, node, nodes);
  const status = flow.kind === "ok" ? "succeeded" : "failed";
  return endGroup(context, node, 1, context.clock.monotonicMs() - begin, status, flow, outputs);
}

/** The container's own title: the item it is written for is not one of them yet. */
function titleOfAll(node: Node, as: string): string {
  const each = new UnknownValue(`each ${as}`);
  return messageText(node.step.title, scopeOf(node.place, { [as]: each, index: each }));
}

/** The list of a forEach, or why there is none. */
function itemsOf(node: Node, template: string): readonly unknown[] | string {
  const scope = scopeOf(node.place);
  const list = resolveTemplate(template, (expression) => evaluateExpression(expression, scope));
  if (list.kind === "error") return `forEach: ${list.message}`;
  if (list.kind === "unknown") return `forEach: ${list.from.join(", ")} is not known`;
  return Array.isArray(list.value) ? list.value : `forEach needs a list, not ${JSON.stringify(list.value)}`;
}

/** One node per item, at `path[index]`, with its bindings. */
function itemNodes(node: Node, as: string, items: readonly unknown[]): Node[] {
  return items.map((value, index) => ({
    ...node,
    // The condition and the list belong to the container; an item is the step itself.
    step: { ...node.step, forEach: null, if: null },
    path: itemPath(node.path, index),
    place: { ...node.place, items: [...node.place.items, { path: node.path, index, as, value }] },
  }));
}

function failureLimit(maxFailures: string | null, count: number): number {
  if (maxFailures === null) return 0;
  const share = /^(\d+(?:\.\d+)?)%$/.exec(maxFailures);
  return share ? Math.floor((Number(share[1]) / 100) * count) : Number(maxFailures);
}

/** Output name → list in input order; null for items that failed or did not run. */
function itemOutputs(context: EngineContext, node: Node, nodes: readonly Node[]): Record<string, Json> {
  const outputs: Record<string, Json> = {};
  for (const name of Object.keys(node.step.outputs)) {
    outputs[name] = nodes.map((item) => recordOf(context, item.path)?.outputs[name] ?? null);
  }
  return outputs;
}

/** The place inside a used runbook: its own inputs and steps, the same target and run. */
function usedPlace(node: Node, runbook: Runbook): Place {
  const { action } = node.step;
  const given = action.kind === "runbook" ? action.with : {};
  const scope = scopeOf(node.place);
  const resolved = resolveTree(given, (expression) => evaluateExpression(expression, scope));
  const values = (resolved.value ?? {}) as Record<string, unknown>;
  const inputs: Record<string, unknown> = {};
  for (const [name, input] of Object.entries(runbook.inputs)) {
    inputs[name] = values[name] ?? input.default ?? null;
  }
  const outer = node.place.frame;
  const frame: Frame = newFrame({ ...outer, runbook, prefix: node.path, inputs });
  return { frame, items: [] };
}

async function runUsed(context: EngineContext, node: Node, runbook: Runbook): Promise<Flow> {
  const place = usedPlace(node, runbook);
  const before = await runSequence(context, runbook.guards, node.path, place, node.phase);
  // A guard refuses what it guards, wherever that is used.
  if (before.kind === "failed") return { ...before, refused: true };
  if (before.kind !== "ok") return before;
  const flow = await runSequence(context, runbook.steps, node.path, place, node.phase);
  if (flow.kind === "waiting" || flow.kind === "stopped") return flow;
  const cleanup = await runSequence(context, runbook.always, node.path, place, node.phase);
  return flow.kind === "failed" ? flow : cleanup;
}

/** Every leaf below a list of steps with its place, items of forEach included when their list is known. */
export function* leavesOf(
  context: EngineContext,
  steps: readonly Step[],
  parent: string,
  place: Place,
  phase: Phase,
): Generator<Node> {
  for (const step of steps) {
    const node: Node = { step, path: childPath(parent, step.id), phase, place };
    if (step.forEach === null) {
      yield* leavesOfNode(context, node);
      continue;
    }
    if (recordOf(context, node.path) === undefined || recordOf(context, node.path)?.status === "pending") continue;
    const items = itemsOf(node, step.forEach.in);
    if (typeof items === "string") continue;
    for (const item of itemNodes(node, step.forEach.as, items)) yield* leavesOfNode(context, item);
  }
}

function* leavesOfNode(context: EngineContext, node: Node): Generator<Node> {
  const { action } = node.step;
  if (action.kind === "group" || action.kind === "parallel") {
    yield* leavesOf(context, action.steps, node.path, node.place, node.phase);
  } else if (action.kind === "runbook") {
    if (recordOf(context, node.path)?.status === "pending") return;
    yield* leavesOf(context, allSteps(action.runbook), node.path, usedPlace(node, action.runbook), node.phase);
  } else yield node;
}
