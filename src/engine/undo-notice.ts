/**
 * The moment between a failure and the way back, where somebody watches: announced, bounded, ended or stopped by a key.
 * Nobody is waited for: when the time is over, the way back begins, whether or not the terminal is still there.
 */
import { append, type EngineContext } from "./context.ts";
import { undoable } from "./undo.ts";

/**
 * `hold`: a person stopped it, and nothing is undone; `stopped`: a signal ended the executor first. `noticeMs` 0 = nobody
 * watches. An answer that an earlier executor recorded still counts.
 */
export async function noticeUndo(
  context: EngineContext,
  why: string,
  noticeMs: number,
): Promise<"begin" | "hold" | "stopped"> {
  const { store, clock, control } = context;
  const answer = () => {
    const given = store.record.undoNotice?.begin ?? null;
    if (given !== null) return given ? "begin" : "hold";
    if (control.stop?.kind === "signal") return "stopped";
    if (control.stop?.kind === "abort") return store.record.abort?.rollback === true ? "begin" : "hold";
    return null;
  };
  if (answer() !== null || noticeMs <= 0) return answer() ?? "begin";
  append(context, { type: "rollback.announced", why, steps: undoable(context).map((node) => node.path), noticeMs });
  store.flush();
  const endMs = clock.monotonicMs() + noticeMs;
  try {
    while (answer() === null) {
      const leftMs = endMs - clock.monotonicMs();
      if (leftMs <= 0) break;
      const woken = new AbortController();
      control.wake = () => woken.abort();
      await clock.sleep(leftMs, woken.signal);
    }
  } finally {
    control.wake = null;
  }
  return answer() ?? "begin";
}
