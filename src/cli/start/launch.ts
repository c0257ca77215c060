/** Makes run directories and starts executors. The executor lives in its own session and outlives whoever starts it. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { syncDirectory } from "../../host/durable-file.ts";
import { type SealedFile, sealFiles } from "../../host/sealed-run.ts";
import { openStateDirectory, runDirectory } from "../../host/state-dir.ts";
import { distDir } from "../version.ts";
import type { ExecutorRequest } from "./executor-request.ts";

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
      throw error;
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

/** Starts an executor and hands it its request. Throws for a state directory that became unsafe. No core files, files for nobody else, no descriptor of ours but its log. */
export function startExecutor(request: ExecutorRequest): Executor {
  openStateDirectory(request.stateDir);
  const log = openSync(join(runDirectory(request.stateDir, request.run), "executor.log"), "a", 0o600);
  const child = spawn(
    "/bin/sh",
    ["-c", 'ulimit -c 0; umask 077; exec "$0" "$@"', process.execPath, join(distDir, "executor.cjs")],
    { detached: true, stdio: ["pipe", log, log], cwd: "/" },
  );
  closeSync(log);
  const ended = new Promise<number | null>((resolve) => {
    child.once("exit", (code) => resolve(code));
    child.once("error", () => resolve(null));
  });
  child.stdin?.on("error", () => {}); // it ended before it read all; its exit code tells
  child.stdin?.write(`${JSON.stringify(request)}\n`);
  return { child, ended, disconnect: () => child.stdin?.end() };
}
