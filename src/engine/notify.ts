/** Tells people: sends the runbook's notifications. A failing one never changes the verdict and is recorded. */
import type { Notification } from "../language/runbook.ts";
import { resolveAction } from "../plan/resolve-action.ts";
import { append, type EngineContext } from "./context.ts";

/** Attempts in all. A service that is busy gets time; a run does not end minutes later because nobody takes its words. */
const attempts = 3;
const longestPauseMs = 30_000;

export type NotifyOn = Notification["on"][number];

/** Sends every notification that asks for `on`, with the head of the journal, which is durable then; returns when all have been tried. */
export async function notify(context: EngineContext, on: NotifyOn, text: string): Promise<void> {
  const wanted = [...context.root.runbook.notify.entries()].filter(([, notification]) => notification.on.includes(on));
  if (wanted.length === 0) return;
  context.store.flush();
  const anchored = `${text} [head sha256:${context.store.record.headHash}]`;
  for (const [index, notification] of wanted) {
    const outcome = await send(context, notification, index, anchored);
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
    for (let attempt = 1; ; attempt++) {
      const outcome = await context.actions.run({
        type: resolved.type,
        spec: { text, ...resolved.spec },
        path: `notify[${index}]`,
        attempt,
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
      if (outcome.kind === "lost") return outcome.why;
      const again = outcome.kind === "failed" && outcome.failure.class === "transient" && attempt < attempts;
      if (!again) return attempt === 1 ? outcome.failure.message : `${outcome.failure.message} (${attempt} attempts)`;
      await context.clock.sleep(pauseMs(outcome.failure.facts["retryAfterMs"], attempt), context.control.cancel.signal);
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What the service asked for, else one second, then two; never longer than half a minute. */
function pauseMs(asked: unknown, attempt: number): number {
  const ms = typeof asked === "number" ? asked : 1_000 * 2 ** (attempt - 1);
  return Math.min(ms, longestPauseMs);
}
