/**
 * The way back: what took effect is undone, newest first, each by its own `rollback` list and verified. One failing undo
 * does not stop the others. Never blocked by guards, windows, budgets or expired approvals.
 */
import { append, type EngineContext, type Node, recordOf } from "./context.ts";
import { isApplied } from "./leaf.ts";
import { leavesOf, runSequence } from "./loop.ts";

/** Leaves that took effect and have a way back, newest first. */
export function undoable(context: EngineContext): Node[] {
  const { root } = context;
  const nodes = [...leavesOf(context, root.runbook.steps, "", { frame: root, items: [] }, "steps")].filter((node) => {
    const record = recordOf(context, node.path);
    const open = record?.status !== "undone" && record?.status !== "undo_failed";
    // Of a way back that was interrupted: its check may have seen already that nothing of it is left.
    const begun = context.store.record.rollback?.steps.includes(node.path);
    return (record?.tookEffect === true || begun === true) && open && node.step.rollback.length > 0;
  });
  return nodes.sort((a, b) => startOf(context, b) - startOf(context, a));
}

function startOf(context: EngineContext, node: Node): number {
  return recordOf(context, node.path)?.seqs[0] ?? 0;
}

/** Walks every way back; resumable at any point. `waiting` = a person must decide about an undo of unknown outcome. */
export async function undoAll(context: EngineContext, why: string): Promise<"ok" | "failed" | "waiting"> {
  const nodes = undoable(context);
  if (context.store.record.rollback === null) {
    append(context, { type: "rollback.started", why, steps: nodes.map((node) => node.path) });
  }
  let result: "ok" | "failed" | "waiting" = "ok";
  for (const node of nodes) {
    const outcome = await undoOne(context, node);
    if (outcome === "waiting") return "waiting";
    if (outcome === "failed") result = "failed";
  }
  for (const step of context.store.record.steps.values()) {
    if (step.status === "undo_failed") result = "failed";
  }
  append(context, { type: "rollback.finished", ok: result === "ok" });
  context.store.flush();
  return result;
}

async function undoOne(context: EngineContext, node: Node): Promise<"ok" | "failed" | "waiting"> {
  const flow = await runSequence(context, node.step.rollback, `${node.path}.rollback`, node.place, "rollback");
  if (flow.kind === "waiting" || flow.kind === "stopped") return "waiting";
  if (flow.kind === "failed") {
    append(context, { type: "step.undone", step: node.path, ok: false, verified: false });
    return "failed";
  }
  const verified = await verifyUndo(context, node);
  append(context, { type: "step.undone", step: node.path, ok: verified !== false, verified });
  return verified === false ? "failed" : "ok";
}

/** By the rollback's own verification, else by the negation of the step's check, else not at all (null). */
async function verifyUndo(context: EngineContext, node: Node): Promise<boolean | null> {
  if (node.step.rollback.some((step) => step.verify.length > 0)) return true;
  if (node.step.check === null) return null;
  const applied = await isApplied(context, node, "undo");
  return applied === null ? null : !applied;
}
