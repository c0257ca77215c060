/**
 * Concurrency locks: one run at a time per key, within one state directory. A lock belongs to a run, not to a process:
 * it is kept while a run waits for a person after its first write. It is stale, and taken over at once, when the
 * holder's executor and supervisor are dead and the run does not wait.
 */
import { createHash } from "node:crypto";
import { readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import type { LockOutcome } from "../engine/ports.ts";
import { executorAlive, withMutex } from "./claim.ts";
import { replaceFile, syncDirectory } from "./durable-file.ts";
import { summarize } from "./run-summary.ts";
import { runDirectory } from "./state-dir.ts";
import { livingSupervisors } from "./supervisor/supervisor-file.ts";

interface LockFile {
  readonly key: string;
  readonly run: string;
  readonly at: string;
}

/** Takes `key` for `run`, or says who has it. */
export async function acquireLock(stateDir: string, key: string, run: string, now: Date): Promise<LockOutcome> {
  return await withMutex(`locks:${stateDir}`, () => {
    const file = lockFile(stateDir, key);
    const holder = read(file);
    if (holder !== null && holder.run !== run) {
      const busy = heldBy(stateDir, holder, now);
      if (busy !== null) return busy;
    }
    replaceFile(file, `${JSON.stringify({ key, run, at: now.toISOString() } satisfies LockFile)}\n`);
    return { kind: "acquired" };
  });
}

export async function releaseLock(stateDir: string, key: string, run: string): Promise<void> {
  await withMutex(`locks:${stateDir}`, () => {
    const file = lockFile(stateDir, key);
    if (read(file)?.run !== run) return;
    unlinkSync(file);
    syncDirectory(join(stateDir, "locks"));
  });
}

function heldBy(stateDir: string, holder: LockFile, now: Date): LockOutcome | null {
  const runDir = runDirectory(stateDir, holder.run);
  const summary = summarize(runDir);
  const alive = executorAlive(runDir) || livingSupervisors(runDir).length > 0;
  const waits = summary !== null && summary.result === "waiting" && summary.holdsLock;
  if (!alive && !waits) return null;
  return {
    kind: "busy",
    run: holder.run,
    step: summary?.step ?? null,
    sinceMs: Math.max(0, now.getTime() - Date.parse(holder.at)),
  };
}

/** Keys are free text, so the file is named by their digest. */
function lockFile(stateDir: string, key: string): string {
  return join(stateDir, "locks", `${createHash("sha256").update(key).digest("hex").slice(0, 32)}.json`);
}

function read(file: string): LockFile | null {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}
