/** Tells people: sends the runbook's notifications. A failing one never changes the verdict and is recorded. */
import type { Notification } from "../language/runbook.ts";
import { resolveAction } from "../plan/resolve-action.ts";
import { append, type EngineContext } from "./context.ts";

export type NotifyOn = Notification["on"][number];

/** Sends every notification that asks for `on`; returns when all have been tried. */
export async function notify(context: EngineContext, on: NotifyOn, text: string): Promise<void> {
  for (const [index, notification] of context.root.runbook.notify.entries()) {
    if (!notification.on.includes(on)) continue;
    const outcome = await send(context, notification, index, text);
    append(context, {
      type: "notification.sent",
      on,
      stepType: notification.type,
      ok: outcome === "sent",
      detail: outcome,
    });
  }
}

async function send(context: EngineContext, notification: Notification, index: number, text: string): Promise<string> {
  try {
    const action = { kind: "uses", type: notification.type, with: notification.with } as const;
    const place = { frame: context.root, items: [] };
    const bare = { env: {}, cwd: null, stdin: null };
    const resolved = resolveAction(bare, action, place, context.catalogue, context.secrets);
    if (resolved.problems.length > 0) return resolved.problems.join("; ");
    const outcome = await context.actions.run({
      type: resolved.type,
      spec: { text, ...resolved.spec },
      path: `notify[${index}]`,
      attempt: 1,
      effects: "read",
      env: {},
      cwd: null,
      stdin: null,
      timeoutMs: resolved.type.timeoutMs,
      recorded: false,
      adopt: [],
      signal: context.control.cancel.signal,
    });
    if (outcome.kind === "done") return "sent";
    return outcome.kind === "lost" ? outcome.why : outcome.failure.message;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
