/** Runs real supervisors in directories of their own and ends whatever a test leaves behind. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { type Adoption, adopt } from "../../../src/host/supervisor/adopt.ts";
import { type SupervisorClient, startSupervisor } from "../../../src/host/supervisor/client.ts";
import { killMarked } from "../../../src/host/supervisor/process-sweep.ts";
import type { CommandExit, CommandSpec } from "../../../src/host/supervisor/protocol.ts";
import { removeRuntimeDir, runtimeDirFor } from "../../../src/host/supervisor/runtime-dir.ts";
import { livingSupervisors } from "../../../src/host/supervisor/supervisor-file.ts";
import type { Secret } from "../../../src/util/mask/masker.ts";

const here = dirname(fileURLToPath(import.meta.url));

let bundle: Promise<string> | null = null;

/** Bundles the supervisor, and an executor that tests may kill, as the build does; once per test file. */
function bundled(): Promise<string> {
  bundle ??= (async () => {
    const dir = mkdtempSync(join(tmpdir(), "supervisor-dist-"));
    process.on("exit", () => rmSync(dir, { recursive: true, force: true }));
    const build = await rolldown({
      input: { supervisor: join(here, "../../../src/host/supervisor/main.ts"), executor: join(here, "executor.ts") },
      platform: "node",
      logLevel: "silent",
    });
    await build.write({ dir, format: "cjs", entryFileNames: "[name].cjs" });
    await build.close();
    return dir;
  })();
  return bundle;
}

export interface Rig {
  readonly dir: string;
  readonly distDir: string;
  readonly runDir: string;
  readonly runtimeDir: string;
  readonly runId: string;
  readonly secrets: Secret[];
  client(): Promise<SupervisorClient>;
  /** A spec with the next attempt id; `/bin/sh -c` when `argv` is a string. */
  spec(argv: string | CommandSpec["argv"], more?: Partial<CommandSpec>): CommandSpec;
  /** Runs one command with a client that all calls share. */
  run(argv: string | CommandSpec["argv"], more?: Partial<CommandSpec>): Promise<RunResult>;
  read(exitOrSpec: { readonly attemptId: string }, stream?: "out" | "err"): string;
  readBytes(exitOrSpec: { readonly attemptId: string }, stream?: "out" | "err"): Buffer;
  /** Starts an executor in its own process, which runs the specs one after the other and prints each exit. */
  executor(specs: readonly CommandSpec[], inheritedFd?: number): ChildProcess;
  adopt(spec: CommandSpec, signal?: AbortSignal): Promise<Adoption>;
  dispose(): Promise<void>;
}

export interface RunResult extends CommandExit {
  readonly out: string;
  readonly err: string;
}

let count = 0;

export async function createRig(secrets: Secret[] = []): Promise<Rig> {
  const distDir = await bundled();
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "supervisor-test-")));
  const runDir = join(dir, "run");
  mkdirSync(runDir, { mode: 0o700 });
  const runtimeDir = runtimeDirFor(runDir);
  const runId = `rb-${process.pid}-${++count}`;
  const options = { runDir, runtimeDir, runId, distDir, secrets };
  const clients: SupervisorClient[] = [];
  const executors: ChildProcess[] = [];
  const attempts: string[] = [];
  let shared: Promise<SupervisorClient> | null = null;

  const fileOf = (attemptId: string, stream: "out" | "err"): string => join(runDir, `${attemptId}.${stream}`);
  const rig: Rig = {
    dir,
    distDir,
    runDir,
    runtimeDir,
    runId,
    secrets,
    async client() {
      const client = await startSupervisor(options);
      clients.push(client);
      return client;
    },
    spec(argv, more = {}) {
      const attemptId = String(attempts.length + 1).padStart(6, "0");
      attempts.push(attemptId);
      return {
        attemptId,
        argv: typeof argv === "string" ? ["/bin/sh", "-c", argv] : argv,
        cwd: dir,
        env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
        stdin: null,
        timeoutMs: 60_000,
        graceMs: 10_000,
        held: false,
        stdoutFile: fileOf(attemptId, "out"),
        stderrFile: fileOf(attemptId, "err"),
        ...more,
      };
    },
    async run(argv, more) {
      shared ??= rig.client();
      const exit = await (await shared).run(rig.spec(argv, more)).exit;
      return { ...exit, out: rig.read(exit), err: rig.read(exit, "err") };
    },
    read: ({ attemptId }, stream = "out") => textOf(fileOf(attemptId, stream)),
    readBytes: ({ attemptId }, stream = "out") => readFileSync(fileOf(attemptId, stream)),
    executor(specs, inheritedFd) {
      // Node closes inherited descriptors up to a gap in their numbers, so that one far off is what gets through.
      const far =
        inheritedFd === undefined ? [] : [...Array.from({ length: 57 }, () => "ignore" as const), inheritedFd];
      const child = spawn(process.execPath, [join(distDir, "executor.cjs")], {
        stdio: ["pipe", "pipe", "inherit", ...far],
        detached: true,
      });
      child.stdin!.end(JSON.stringify({ options, specs }));
      executors.push(child);
      return child;
    },
    adopt: ({ attemptId }, signal) => adopt({ ...options, attemptId, ...(signal === undefined ? {} : { signal }) }),
    async dispose() {
      for (const executor of executors) executor.kill("SIGKILL");
      for (const { pid } of livingSupervisors(runDir)) process.kill(pid, "SIGKILL");
      for (const client of clients) await client.close();
      for (const attemptId of attempts) await killMarked(runId, attemptId);
      removeRuntimeDir(runtimeDir);
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return rig;
}

/** Waits until a condition holds; fails with its name after a limit. */
export async function until(what: string, holds: () => boolean, limitMs = 20_000): Promise<void> {
  for (const end = performance.now() + limitMs; !holds(); ) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms for: ${what}`);
    await wait(5);
  }
}

/** A file's text, or "" when it is not there. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
