/**
 * Steps that a person decides: approval, manual, checkpoint. The run records what it asks, ends as `waiting` and goes on
 * when a decision has been recorded; nothing waits inside a process, so nothing is lost with one.
 *
 * Invariants: (1) a decision counts only for the text it was shown for; (2) expiry and anything but an approval is a
 * refusal; (3) a declined step never lets the run go on.
 */
import { createHash, randomBytes } from "node:crypto";
import type { Step } from "../language/runbook.ts";
import type { PlannedStep } from "../plan/plan.ts";
import { planSteps, unknownFacts } from "../plan/plan-steps.ts";
import { isLeaf, resolveAction } from "../plan/resolve-action.ts";
import { newFrame, type Place, type StepFactsSource, scopeOf } from "../plan/scope.ts";
import { longestApprovalMs, parseDurationMs } from "../util/duration.ts";
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
} from "./context.ts";
import type { Failure } from "./events.ts";
import { judgeFacts } from "./judge.ts";
import { elapsedMs, isExpired } from "./run-clock.ts";
import type { ApprovalRecord, StepRecord } from "./run-record.ts";

type PersonKind = "approval" | "manual" | "checkpoint";

/** How long an approval request is open unless its step says otherwise. */
const defaultExpiryMs = 4 * 3_600_000;

/** Asks, or takes the decision that has been recorded since. */
export async function runPersonStep(context: EngineContext, node: Node, kind: PersonKind): Promise<Flow> {
  const approval = recordOf(context, node.path)?.approval ?? null;
  if (approval === null) return ask(context, node, kind);
  if (approval.state === "overridden") {
    const title = messageText(node.step.title, scopeOf(node.place));
    const reason = overrideOf(context, node.path)?.reason ?? "";
    append(context, { type: "step.skipped", step: node.path, title, why: `overridden: ${reason}` });
    return ok;
  }
  if (approval.state === "waiting" && isExpired(context.store.record, approval.request, context.clock.now())) {
    append(context, {
      type: "approval.decided",
      step: node.path,
      decision: "expired",
      by: null,
      reason: `nobody decided before ${approval.request.expiresAt}`,
      shownDigest: approval.request.shownDigest,
      signature: null,
      attachments: [],
    });
  }
  if (approval.state === "waiting") {
    context.store.flush();
    return { kind: "waiting" };
  }
  return decided(context, node, kind, approval);
}

function decided(context: EngineContext, node: Node, kind: PersonKind, approval: ApprovalRecord): Flow {
  const now = { seq: Number.POSITIVE_INFINITY, at: context.clock.now().getTime() };
  const waitedMs = elapsedMs(context.store.record, approval.request, now);
  const last = approval.decisions.filter((decision) => decision.decision !== "refused").at(-1);
  const who = last?.by?.name ?? null;
  if (approval.state === "approved") {
    const result = { by: who, note: last?.reason ?? null };
    return judgeFacts(context, node, waitedMs, result, last?.attachments ?? []);
  }
  const refused = kind !== "manual" || approval.state === "expired";
  const declined: Failure = {
    class: refused ? "refused" : "failed",
    reason: approval.state,
    message:
      approval.state === "expired"
        ? `nobody decided before ${approval.request.expiresAt}`
        : `${kind} declined by ${who}${last?.reason ? `: ${last.reason}` : ""}`,
    facts: {},
  };
  append(context, finished(node.path, 1, waitedMs, "failed", { failure: declined }));
  return { kind: "failed", path: node.path, refused, declined: true };
}

function ask(context: EngineContext, node: Node, kind: PersonKind): Flow {
  const resolved = resolveAction(
    node.step,
    isLeaf(node.step.action) ? node.step.action : { kind: "uses", type: kind, with: {} },
    node.place,
    context.catalogue,
    context.maskedSecrets,
  );
  if (resolved.problems.length > 0) {
    append(context, finished(node.path, 1, 0, "failed", { failure: failure("value", resolved.problems.join("; ")) }));
    return { kind: "failed", path: node.path, refused: false };
  }
  const spec = resolved.spec;
  const title = messageText(node.step.title, scopeOf(node.place));
  const prompt = promptOf(kind, spec, title);
  const next = nextActions(context, node);
  const shown = context.mask(shownText(context, node, prompt, next));
  append(context, {
    type: "approval.requested",
    step: node.path,
    kind,
    title,
    prompt,
    from: Array.isArray(spec["from"]) ? spec["from"].map(String) : [],
    min: typeof spec["min"] === "number" ? spec["min"] : 1,
    selfApproval: !context.protected && spec["selfApproval"] !== false,
    expiresAt: expiryOf(context, node.step, kind, spec["expires"]),
    shown,
    shownDigest: `sha256:${createHash("sha256").update(shown).digest("hex")}`,
    nonce: randomBytes(12).toString("hex"),
    bound: next.filter((step) => step.effects !== "read").map((step) => ({ step: step.path, action: step.action })),
    evidence: spec["evidence"] === "note" || spec["evidence"] === "file" ? spec["evidence"] : "none",
  });
  context.failpoint("approval.before_sync");
  context.store.flush();
  return kind === "approval" ? preapproved(context, node) : { kind: "waiting" };
}

/** An approval of the plan, given beforehand, answers an approval step when its giver may. */
function preapproved(context: EngineContext, node: Node): Flow {
  const approval = recordOf(context, node.path)?.approval;
  if (approval == null || approval.request.min > 1) return { kind: "waiting" };
  const given = context.preapproval(approval.request.from);
  if (given === null) return { kind: "waiting" };
  const counts = given.kind === "approved";
  append(context, {
    type: "approval.decided",
    step: node.path,
    decision: counts ? "approved" : "refused",
    by: counts ? given.by : null,
    reason: counts ? `approved with the plan ${context.store.record.started.planDigest}` : given.why,
    shownDigest: approval.request.shownDigest,
    signature: counts ? given.signature : null,
    attachments: [],
  });
  context.store.flush();
  if (counts) return decided(context, node, "approval", approval);
  const refusal: Failure = { class: "refused", reason: "approval-file", message: given.why, facts: {} };
  append(context, finished(node.path, 1, 0, "failed", { failure: refusal }));
  return { kind: "failed", path: node.path, refused: true, declined: true };
}

function promptOf(kind: PersonKind, spec: Readonly<Record<string, unknown>>, title: string): string {
  if (kind === "approval") return String(spec["prompt"] ?? title);
  if (kind === "checkpoint") return String(spec["question"] ?? title);
  const confirm = spec["confirm"] === undefined ? "" : `\n\nConfirm: "${spec["confirm"]}"`;
  return `${spec["instructions"] ?? title}${confirm}`;
}

function expiryOf(context: EngineContext, step: Step, kind: PersonKind, expires: unknown): string | null {
  const own = typeof expires === "string" ? parseDurationMs(expires) : null;
  const limits = [own, step.timeoutMs].filter((ms): ms is number => ms !== null);
  if (limits.length === 0 && kind !== "approval") return null;
  if (kind === "approval") limits.push(limits.length === 0 ? defaultExpiryMs : longestApprovalMs);
  const ms = Math.min(...limits);
  return new Date(context.clock.now().getTime() + ms).toISOString();
}

/** What runs after this step, up to the next one that a person decides: planned with what is known by now. */
function nextActions(context: EngineContext, node: Node): PlannedStep[] {
  const facts: StepFactsSource = {
    get(path, step, name) {
      const status = recordOf(context, path)?.status ?? "pending";
      const open = status === "pending" || status === "running" || status === "waiting";
      return open ? unknownFacts.get(path, step, name) : node.place.frame.facts.get(path, step, name);
    },
  };
  const place: Place = { ...node.place, frame: newFrame({ ...context.root, facts }) };
  const all = planSteps(
    { ...context, at: node.path },
    context.root.runbook.steps,
    "",
    { ...place, items: [] },
    "steps",
  );
  const rest = all
    .slice(all.findIndex((step) => step.path === node.path) + 1)
    .filter((step) => step.condition?.status !== "not_met" && !isOver(recordOf(context, step.path)));
  const nextPerson = rest.findIndex((step) => context.catalogue.get(step.type)?.person != null);
  return (nextPerson < 0 ? rest : rest.slice(0, nextPerson)).filter((step) => step.action !== "");
}

/** What runs beside the question may have ended before it was asked. */
function isOver(step: StepRecord | undefined): boolean {
  return step?.status === "succeeded" || step?.status === "skipped";
}

/** Exactly what a person decides about; its digest is what an approval is bound to. */
function shownText(context: EngineContext, node: Node, prompt: string, next: readonly PlannedStep[]): string {
  const { record } = context.store;
  const lines = [prompt, "", "If you approve, these run next:"];
  if (next.length === 0) lines.push("  nothing more");
  for (const step of next) lines.push(`  ${step.path}  ${step.effects}  ${step.action}`);
  const undo = next.flatMap((step) => step.undo);
  const automatic = context.root.runbook.onFailure === "rollback" ? "automatically" : "with `resume --rollback`";
  lines.push(
    "",
    undo.length === 0
      ? "If one fails: the run stops; there is no way back written down"
      : `If one fails, ${automatic}:`,
  );
  for (const step of undo) lines.push(`  ${step.path}  ${step.effects}  ${step.action}`);
  const lasting = irreversibles(context.root.runbook.steps);
  if (lasting.length > 0) lines.push("", "Not undone:", ...lasting.map((line) => `  ${line}`));
  if (record.deviations.length > 0) {
    lines.push("", "Deviations so far:");
    for (const deviation of record.deviations) {
      lines.push(`  ${deviation.step ?? "run"}: ${deviation.what}${deviation.reason ? `, "${deviation.reason}"` : ""}`);
    }
  }
  lines.push(
    "",
    `Run ${record.run} of ${record.started.runbook} ${record.started.version} on ${record.started.target}, step ${node.path}`,
  );
  return lines.join("\n");
}

function irreversibles(steps: readonly Step[]): string[] {
  return steps.flatMap((step) => {
    const { action } = step;
    if (action.kind === "group" || action.kind === "parallel") return irreversibles(action.steps);
    if (action.kind === "runbook") return irreversibles(action.runbook.steps);
    return step.irreversible === null ? [] : [`${step.id}: ${step.irreversible}`];
  });
}
