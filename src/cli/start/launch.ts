/** Makes run directories and starts executors. The executor lives in its own session and outlives whoever starts it. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { asJournalError, syncDirectory } from "../../host/durable-file.ts";
import { type SealedFile, sealFiles } from "../../host/sealed-run.ts";
import { openStateDirectory, runDirectory } from "../../host/state-dir.ts";
import { distDir } from "../version.ts";
import { type ExecutorRequest, executorLog } from "./executor-request.ts";

/** Letters and digits that cannot be taken for one another on a call. */
const idAlphabet = "23456789abcdefghjkmnpqrstuvwxyz";

/** A new run directory, 0700, with the sealed copy in it. */
export function createRun(
  stateDir: string,
  files: readonly SealedFile[],
): { run: string; runDir: string; digests: Record<string, string> } {
  openStateDirectory(stateDir);
  for (;;) {
    const run = `rb-${Array.from({ length: 6 }, () => idAlphabet[randomInt(idAlphabet.length)]).join("")}`;
    const runDir = runDirectory(stateDir, run);
    try {
      mkdirSync(runDir, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") continue;
      throw asJournalError(error, runDir, "create");
    }
    syncDirectory(join(stateDir, "runs"));
    return { run, runDir, digests: sealFiles(runDir, files) };
  }
}

export interface Executor {
  readonly child: ChildProcess;
  /** Its exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Closing it tells an executor that was asked to stop on disconnect. */
  disconnect(): void;
}

/** An executor that has loaded its program, or is about to, and has no run. */
export interface WaitingExecutor {
  /** Hands it its request. Throws for a state directory that became unsafe. */
  begin(request: ExecutorRequest): Executor;
  /** Ends it; it has done nothing. */
  dismiss(): void;
}

/**
 * Starts an executor for a request that is still being made. No core files, files for nobody else, no descriptor of ours:
 * it opens its log when it knows its run. Without a request it leaves when this process ends.
 */
export function callExecutor(): WaitingExecutor {
  const child = spawn(
    "/bin/sh",
    ["-c", 'ulimit -c 0; umask 077; exec "$0" "$@"', process.execPath, join(distDir, "executor.cjs")],
    { detached: true, stdio: ["pipe", "ignore", "ignore"], cwd: "/" },
  );
  const ended = new Promise<number | null>((resolve) => {
    child.once("exit", (code) => resolve(code));
    child.once("error", () => resolve(null));
  });
  child.stdin?.on("error", () => {}); // it ended before it read all; its exit code tells
  return {
    begin(request) {
      openStateDirectory(request.stateDir);
      closeSync(openSync(executorLog(runDirectory(request.stateDir, request.run)), "a", 0o600));
      child.stdin?.write(`${JSON.stringify(request)}\n`);
      return { child, ended, disconnect: () => child.stdin?.end() };
    },
    dismiss() {
      child.kill("SIGKILL");
      child.unref();
      child.stdin?.destroy();
    },
  };
}

/** Starts an executor and hands it its request. Throws for a state directory that became unsafe. */
export function startExecutor(request: ExecutorRequest): Executor {
  const executor = callExecutor();
  try {
    return executor.begin(request);
  } catch (error) {
    executor.dismiss();
    throw error;
  }
}
