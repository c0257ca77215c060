/**
 * Hands a person's answer to the executor of a run, or to a new one when none is alive. It is acknowledged only when the
 * journal has it: an executor that was just leaving, or was killed, may have taken it without a record.
 */
import { rmSync } from "node:fs";
import { exitNameOf } from "../../engine/exit-codes.ts";
import type { InboxMessage } from "../../engine/ports.ts";
import { executorAlive } from "../../host/claim.ts";
import { leaveMessage } from "../../host/inbox.ts";
import { CommandError } from "../errors.ts";
import { follow, type SeenRun } from "../follow/follow.ts";
import type { LoadedRun } from "../follow/run-lookup.ts";
import { lastFatal } from "../follow/watch-run.ts";
import { type Executor, startExecutor } from "./launch.ts";
import { starter } from "./starter.ts";

type Answer = Extract<InboxMessage, { kind: "decision" }>;

interface Seen {
  /** Why the answer does not count; null = it counts. */
  readonly refusal: string | null;
  /** Why the run could not go on with it here: a secret or a tool is missing, a lock is busy. */
  readonly stop: string | null;
}

/** Returns when the answer is durable and the run goes on; null, or why it does not. Throws when it does not count. */
export async function handOver(
  stateDir: string,
  { record, runDir, goodBytes }: LoadedRun,
  answer: Answer,
  sensitive: Readonly<Record<string, string>>,
): Promise<string | null> {
  let from: SeenRun = { record, goodBytes };
  for (;;) {
    const message = leaveMessage(runDir, answer);
    const executor = executorAlive(runDir) ? null : startForAnswer(stateDir, record.run, sensitive);
    const { seen, followed } = await watchFor(answer, runDir, from, executor);
    from = followed ?? from;
    if (seen !== null) {
      if (seen.refusal === null) return seen.stop;
      throw new CommandError("refused", seen.refusal, `runbook status ${record.run}`);
    }
    rmSync(message, { force: true });
    // Another command's executor has the run now, or the one that was leaving is gone: the next round finds out.
    if (executor === null || executorAlive(runDir)) continue;
    const code = await executor.ended;
    throw new CommandError(
      code === null ? "internal" : exitNameOf(code),
      `the answer was not recorded: ${lastFatal(runDir) ?? "the executor was killed"}`,
      `runbook status ${record.run}`,
    );
  }
}

function startForAnswer(stateDir: string, run: string, sensitive: Readonly<Record<string, string>>): Executor {
  const executor = startExecutor({
    stateDir,
    run,
    runbook: null,
    start: null,
    sensitive,
    drive: { resumed: true, by: starter(), decisions: [], overrides: [], rollback: false, abort: null, refusal: null },
    onDisconnect: "continue",
  });
  executor.disconnect();
  executor.child.unref();
  return executor;
}

/** `seen` is null when nobody is left who could record the answer. */
async function watchFor(
  answer: Answer,
  runDir: string,
  from: SeenRun,
  executor: Executor | null,
): Promise<{ readonly seen: Seen | null; readonly followed: SeenRun | null }> {
  let hasEnded = false;
  const ended = executor?.ended.then(() => {
    hasEnded = true;
  });
  const enough = new AbortController();
  let seen: Seen | null = null;
  const followed = await follow({
    runDir,
    from,
    alive: () => (executor === null ? executorAlive(runDir) : !hasEnded),
    onRecord: (entry) => {
      if (enough.signal.aborted) return;
      if (seen !== null) {
        // The record after the answer's tells whether a new executor could go on.
        const stopped = entry.type === "executor.stopped" ? /^refused: (.*)$/s.exec(entry.why)?.[1] : undefined;
        seen = { ...seen, stop: stopped ?? null };
        enough.abort();
        return;
      }
      const isOurs =
        entry.type === "approval.decided" &&
        entry.step === answer.step &&
        entry.shownDigest === answer.shownDigest &&
        entry.signature === answer.signature &&
        entry.by?.login === answer.by.login;
      if (!isOurs) return;
      seen = { refusal: entry.decision === "refused" ? (entry.reason ?? "it does not count") : null, stop: null };
      if (executor === null || seen.refusal !== null) enough.abort();
    },
    signal: enough.signal,
    ...(ended ? { wake: ended } : {}),
  });
  return { seen, followed };
}
