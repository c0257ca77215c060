/**
 * One leaf step: its attempts, its polls, its verification and outputs. Owns the order of records around an effect:
 * `step.started` (intent) is durable before anything is started, `step.finished` before anyone is told.
 */
import { hash } from "node:crypto";
import { evaluateExpression } from "../language/cel/index.ts";
import { type ResolvedAction, resolveAction } from "../plan/resolve-action.ts";
import { scopeOf } from "../plan/scope.ts";
import { windowGuards } from "../plan/window-guards.ts";
import { approvalDrift } from "./bound.ts";
import { messageText, runChecks } from "./checks.ts";
import {
  anyWriteStarted,
  append,
  type EngineContext,
  type Flow,
  finished,
  type Node,
  ok,
  overrideOf,
  recordOf,
  started,
} from "./context.ts";
import type { Failure } from "./events.ts";
import { decideInterrupted, decideRepeat } from "./interrupted.ts";
import { end, judge } from "./judge.ts";
import { perform, resolve } from "./perform.ts";

/** Runs, adopts, repeats or gives up one leaf step and records its end. */
export async function runLeaf(context: EngineContext, node: Node): Promise<Flow> {
  const record = recordOf(context, node.path);
  if (record?.status === "indeterminate") return await repeatOrAsk(context, node, "its outcome is unknown");
  if (record?.reopened) {
    // A guard is asked anew; a write that was stopped before it began, or found not applied, has an outcome that everybody knows.
    const known = node.phase === "guards" || (node.step.effects !== "read" && !record.tookEffect);
    return known ? await runAttempts(context, node) : await repeatOrAsk(context, node, "it failed before this resume");
  }
  if (record?.status === "cancelled") return await repeatOrAsk(context, node, "it was cancelled while it ran");
  if (record?.status === "running") return await reattach(context, node);
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

/** Why a write may not start although everything before it went well: a window closed, or it is not what was approved. */
async function writeRefusal(context: EngineContext, node: Node, text: string): Promise<Failure | null> {
  if (node.step.effects === "read" || node.phase !== "steps") return null;
  const unapproved = needsApproval(context);
  if (unapproved !== null) return { class: "refused", reason: "no-approval", message: unapproved, facts: {} };
  const drift = approvalDrift(context.store.record, node.path, text);
  if (drift !== null) return { class: "refused", reason: "not-as-approved", message: drift, facts: {} };
  if (anyWriteStarted(context.store.record)) return null;
  for (const { path, step: guard, action } of windowGuards(context.root.runbook.guards)) {
    if (overrideOf(context, path) !== null || recordOf(context, path)?.status !== "succeeded") continue;
    const place = { frame: context.root, items: [] };
    const { spec } = resolveAction(guard, action, place, context.catalogue, context.maskedSecrets);
    const name = String(spec["name"]);
    const mode = spec["mode"];
    const window = await context.actions.windowOpen(name);
    if (window === undefined || window.open || (mode ?? window.mode) === "warn") continue;
    const message = `the window ${name} closed while the run was on its way (now ${window.now})`;
    return { class: "refused", reason: "window-closed", message, facts: { window: name } };
  }
  return null;
}

/** On a protected target nothing is written before somebody approved, or overrode it where its author allows that. */
function needsApproval(context: EngineContext): string | null {
  const { record } = context.store;
  const { runbook, target } = context.root;
  if (!context.protected || context.policy.noApproval.includes(runbook.kind)) return null;
  for (const { path, stepType, approval } of record.steps.values()) {
    if (stepType !== "approval") continue;
    if (approval?.state === "approved" || overrideOf(context, path) !== null) return null;
  }
  return `${target["name"]} is protected, and no approval was asked for on the way to this write`;
}

function definitionOf(shown: ResolvedAction): string {
  const text = JSON.stringify([shown.type.type, shown.spec, Object.keys(shown.env).sort(), shown.cwd]);
  return `sha256:${hash("sha256", text, "hex")}`;
}
