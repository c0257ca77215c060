/** The executor's side of the supervisor: starts it with the first command, sends commands, hands out results. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createMasker, type Secret } from "../../util/mask/masker.ts";
import type { ProcessIdentity } from "./process-identity.ts";
import {
  type CommandExit,
  type CommandSpec,
  createLineSplitter,
  encodeLine,
  RUN_ID,
  type StreamName,
  type SupervisorCommand,
  type SupervisorEvent,
} from "./protocol.ts";
import { ensureRuntimeDir } from "./runtime-dir.ts";

export interface SupervisorOptions {
  /** Absolute path of the run directory, which exists. Receives `exits.ndjson`, `supervisor.json`, `supervisor.log`. */
  readonly runDir: string;
  /** As `runtimeDirFor` names it; created when missing. */
  readonly runtimeDir: string;
  readonly runId: string;
  /** The directory that holds `supervisor.cjs`. */
  readonly distDir: string;
  readonly secrets: readonly Secret[];
  /** One that waits already, of `callSupervisor`: it serves first, if it still lives. */
  readonly called?: ChildProcess | null;
}

/**
 * Told the masked output of a command. The output file is what counts: pieces are left out when the executor does not keep
 * up, and past the head of a long stream.
 */
export type OutputFollower = (stream: StreamName, masked: Buffer) => void;

/** A command on its way. */
export interface CommandHandle {
  /** Settles when the command has its process id; rejects when it never got one. */
  readonly pid: Promise<number>;
  /** How the command ended. Rejects with {@link SupervisorLost} when the supervisor died before it could tell. */
  readonly exit: Promise<CommandExit>;
  /** Ends the command: TERM, then KILL after `graceMs` (that of the spec unless given). */
  abort(graceMs?: number): void;
}

export interface SupervisorClient {
  /** Starts the supervisor ahead of the first command, to save that command the wait. */
  start(): Promise<void>;
  run(spec: CommandSpec, onOutput?: OutputFollower | null): CommandHandle;
  /** Adds secrets that came up during the run, for commands started from now on. Throws a RangeError as `createMasker`. */
  addSecrets(secrets: readonly Secret[]): void;
  /** The supervisor that runs now, or null. */
  identity(): ProcessIdentity | null;
  /** Ends the command pipe. Resolves when the supervisor has left: at once, or after the commands that still run. */
  close(): Promise<void>;
}

/** The supervisor died: whether the command ran, runs or took effect is unknown. Ask `adopt`. */
export class SupervisorLost extends Error {
  readonly reason = "lost";
  readonly attemptId: string;
  constructor(attemptId: string, detail: string) {
    super(`The supervisor of attempt ${attemptId} died (${detail}); the outcome of its command is unknown.`);
    this.name = "SupervisorLost";
    this.attemptId = attemptId;
  }
}

interface Pending {
  readonly onSpawned: (pid: number) => void;
  readonly onExit: (exit: CommandExit) => void;
  readonly onLost: (error: SupervisorLost) => void;
  readonly onOutput: OutputFollower | null;
}

interface Connection {
  readonly child: ChildProcess;
  readonly ready: Promise<ProcessIdentity>;
  readonly gone: Promise<void>;
  readonly pending: Map<string, Pending>;
  identity: ProcessIdentity | null;
}

/**
 * Starts a supervisor that waits for its run: its program takes longer to load than many a command runs. Until then it has
 * done nothing, and what it prints goes to `stderr`. It leaves when this process ends.
 */
export function callSupervisor(distDir: string, stderr: "ignore" | number = "ignore"): ChildProcess {
  // Node cannot set limits: the shell switches core files off, since one would hold the secrets.
  const script = 'ulimit -c 0; umask 077; exec "$@"';
  // Each fork copies the page tables of this process: it is kept small, and without threads it does not need.
  const program = [process.execPath, "--max-semi-space-size=1", "--v8-pool-size=1", join(distDir, "supervisor.cjs")];
  const child = spawn("/bin/sh", ["-c", script, "sh", ...program], {
    cwd: "/",
    env: { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C" },
    stdio: ["pipe", "pipe", stderr],
    detached: true,
  });
  child.on("error", () => {}); // who needs it is told
  child.stdin?.on("error", () => {}); // its end is told by "close"
  return child;
}

function lives(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/**
 * Prepares a supervisor; its process starts with the first command. A supervisor that died is replaced by a new one for
 * the next command. Rejects when the runtime directory is not safe or a secret cannot be masked.
 */
export async function startSupervisor(options: SupervisorOptions): Promise<SupervisorClient> {
  if (!RUN_ID.test(options.runId)) throw new RangeError(`not a run id: "${options.runId}"`);
  ensureRuntimeDir(options.runtimeDir);
  let secrets = [...options.secrets];
  createMasker(secrets); // refuses here rather than in the supervisor
  let connection: Connection | null = null;
  let isClosed = false;

  function connect(): Connection {
    if (connection !== null) return connection;
    connection = openConnection({ ...options, secrets }, () => {
      connection = null;
    });
    return connection;
  }

  return {
    async start() {
      await connect().ready;
    },
    run(spec, onOutput = null) {
      if (isClosed) throw new Error("the supervisor is closed");
      return runCommand(connect(), spec, onOutput);
    },
    addSecrets(more) {
      createMasker(more);
      secrets = [...secrets, ...more];
      if (connection !== null) send(connection, { type: "secrets", secrets });
    },
    identity: () => connection?.identity ?? null,
    async close() {
      isClosed = true;
      if (connection === null) return;
      const { child, gone } = connection;
      child.stdin!.end();
      await gone;
    },
  };
}

function openConnection(options: SupervisorOptions, onGone: () => void): Connection {
  const logPath = join(options.runDir, "supervisor.log");
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  const log = openSync(logPath, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  const { called = null } = options;
  const child = called !== null && lives(called) ? called : callSupervisor(options.distDir, log);
  closeSync(log);
  // Without a free descriptor Node gives the child no streams, and tells why only later (child_process.js, EMFILE).
  if (child.stdin === undefined || child.stdout === undefined) {
    throw new Error("the supervisor could not be started: too many open files; raise the limit (ulimit -n)");
  }

  const pending: Connection["pending"] = new Map();
  let onReady: (identity: ProcessIdentity) => void;
  let onFailed: (error: Error) => void;
  const ready = new Promise<ProcessIdentity>((resolve, reject) => {
    onReady = resolve;
    onFailed = reject;
  });
  ready.catch(() => {});

  let lastError = "";
  const gone = new Promise<void>((resolve) => {
    // "close" and not "exit": events that the supervisor sent before it went are read first.
    child.on("close", (code, signal) => {
      onGone(); // first: whoever hears of the loss may start the next command at once
      const detail = lastError || signal || `exit code ${code}`;
      onFailed(new Error(`The supervisor did not start: ${detail}. See ${logPath}${lastLine(logPath)}`));
      for (const [attemptId, command] of pending) command.onLost(new SupervisorLost(attemptId, detail));
      pending.clear();
      resolve();
    });
    child.on("error", (error) => {
      lastError = error.message;
      if (child.pid === undefined) child.emit("close", null, null);
    });
  });
  const connection: Connection = { child, ready, gone, pending, identity: null };

  child.stdout!.setEncoding("utf8");
  child.stdout!.on(
    "data",
    createLineSplitter((line) => {
      const event = JSON.parse(line) as SupervisorEvent;
      if (event.type === "ready") {
        connection.identity = event.identity;
        onReady(event.identity);
        return;
      }
      const command = pending.get(event.type === "exit" ? event.exit.attemptId : event.attemptId);
      if (command === undefined) return;
      if (event.type === "output") command.onOutput?.(event.stream, Buffer.from(event.data, "base64"));
      else if (event.pid !== null) command.onSpawned(event.pid);
      if (event.type === "exit") {
        pending.delete(event.exit.attemptId);
        command.onExit(event.exit);
      }
    }),
  );
  const { runId, runDir, runtimeDir, secrets } = options;
  send(connection, { type: "start", runId, runDir, runtimeDir, secrets });
  return connection;
}

function send(connection: Connection, command: SupervisorCommand): void {
  if (connection.child.stdin!.writable) connection.child.stdin!.write(encodeLine(command));
}

function runCommand(connection: Connection, spec: CommandSpec, onOutput: OutputFollower | null): CommandHandle {
  const { attemptId } = spec;
  if (connection.pending.has(attemptId)) throw new Error(`attempt ${attemptId} runs already`);
  let pid!: CommandHandle["pid"];
  const exit = new Promise<CommandExit>((resolveExit, rejectExit) => {
    pid = new Promise((resolvePid, rejectPid) => {
      connection.pending.set(attemptId, {
        onSpawned: resolvePid,
        onExit: (result) => {
          if (result.error !== null) rejectPid(new Error(result.error.message));
          resolveExit(result);
        },
        onLost: (error) => {
          rejectPid(error);
          rejectExit(error);
        },
        onOutput,
      });
    });
  });
  pid.catch(() => {});
  exit.catch(() => {});
  send(connection, { type: "run", spec, isFollowed: onOutput !== null });
  return {
    pid,
    exit,
    abort: (graceMs) => send(connection, { type: "abort", attemptId, graceMs: graceMs ?? null }),
  };
}

function lastLine(path: string): string {
  try {
    const line = readFileSync(path, "utf8").trim().split("\n").at(-1);
    return line ? `: ${line}` : "";
  } catch {
    return "";
  }
}
