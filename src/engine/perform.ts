/** The action of one leaf: filled with its values, made once or polled. */
import { isLeaf, type LeafAction, type ResolvedAction, resolveAction } from "../plan/resolve-action.ts";
import { scopeOf } from "../plan/scope.ts";
import { MASK } from "../util/mask/masker.ts";
import { allErrorsMet, runChecks } from "./checks.ts";
import { append, type EngineContext, failure, type Node } from "./context.ts";
import type { Failure } from "./events.ts";
import type { ActionOutcome } from "./ports.ts";
import type { CommandRecord } from "./run-record.ts";

/** A step's action with masks, for what is shown and kept, and with values, for what runs. */
export interface Resolved {
  readonly shown: ResolvedAction;
  readonly real: ResolvedAction;
  readonly problem: Failure | null;
}

export function resolve(context: EngineContext, node: Node, action = node.step.action): Resolved {
  if (!isLeaf(action)) throw new Error(`${node.path} is not a leaf`);
  const fill = (secrets: EngineContext["secrets"]) =>
    resolveAction(node.step, action, node.place, context.catalogue, secrets);
  const shown = fill(context.maskedSecrets);
  const real = Object.keys(context.secrets).length === 0 ? shown : fill(context.secrets);
  return { shown, real, problem: valueProblem(node.step, action, real) };
}

function valueProblem(step: Node["step"], action: LeafAction, real: ResolvedAction): Failure | null {
  if (real.problems.length > 0) return failure("value", real.problems.join("; "));
  const unknown = real.unknown[0];
  if (unknown !== undefined) return failure("value", `${unknown.expr} is not known: it comes from ${unknown.from}`);
  const used = JSON.stringify([real.spec, real.env, real.cwd, real.stdin]);
  const written = [action.kind === "run" ? action.argv : action.with, step.stdin, step.cwd, step.env];
  if (used.includes(MASK) && !JSON.stringify(written).includes(MASK)) {
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

/** Makes the action, or adopts the commands of an attempt that was interrupted; polls when the step has `until`. */
export async function perform(
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
