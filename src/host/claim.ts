/**
 * Who advances a run: at most one executor. On Linux an abstract Unix socket is the lock (the kernel frees it with its
 * process, however that ends); `executor.json` says who holds it. Elsewhere the file alone decides, by process identity.
 */
import { createHash } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { replaceFile } from "./durable-file.ts";
import { isAlive, type ProcessIdentity, selfIdentity } from "./supervisor/process-identity.ts";
import { executorFile, runtimeDirFor } from "./supervisor/runtime-dir.ts";

export interface ExecutorIdentity extends ProcessIdentity {
  readonly startedAt: string;
  /** Where the run's FIFOs and exit files are: a later executor looks there, whatever its TMPDIR. */
  readonly runtimeDir: string;
}

/** Thrown when another executor has the run. */
export class RunIsTaken extends Error {
  readonly holder: ExecutorIdentity | null;
  constructor(run: string, holder: ExecutorIdentity | null) {
    super(`${run} is being advanced by another process${holder ? ` (pid ${holder.pid} on ${holder.host})` : ""}`);
    this.holder = holder;
  }
}

/** The executor that took the run last, alive or not; null = none yet. */
export function lastExecutor(runDir: string): ExecutorIdentity | null {
  try {
    return JSON.parse(readFileSync(join(runDir, executorFile), "utf8"));
  } catch {
    return null;
  }
}

export function executorAlive(runDir: string): boolean {
  const identity = lastExecutor(runDir);
  return identity !== null && isAlive(identity);
}

/** Takes the run for this process until it ends. Throws `RunIsTaken`. */
export async function claimRun(runDir: string, run: string, now: Date): Promise<() => void> {
  const server = process.platform === "linux" ? await listen(`run:${realpathSync(runDir)}`) : null;
  if (server === "busy" || (server === null && executorAlive(runDir))) throw new RunIsTaken(run, lastExecutor(runDir));
  const identity: ExecutorIdentity = {
    ...selfIdentity(),
    startedAt: now.toISOString(),
    runtimeDir: runtimeDirFor(runDir),
  };
  replaceFile(join(runDir, executorFile), `${JSON.stringify(identity)}\n`);
  return () => server?.close();
}

/** Holds a name for a short critical section; waits while another process has it. */
export async function withMutex<T>(name: string, body: () => T): Promise<T> {
  if (process.platform !== "linux") return body();
  for (let tries = 0; ; tries++) {
    const server = await listen(name);
    if (server !== "busy") {
      try {
        return body();
      } finally {
        server.close();
      }
    }
    if (tries > 2_000) throw new Error(`${name} stays taken`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Abstract socket names are cut at 107 bytes by the kernel's address; a digest keeps long paths apart. */
function listen(name: string): Promise<Server | "busy"> {
  const digest = createHash("sha256").update(name).digest("hex").slice(0, 40);
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.unref();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve("busy");
      else reject(error);
    });
    server.listen(`\0runbook-${digest}`, () => resolve(server));
  });
}
