/**
 * The supervisor of one run: forks every command, reads and masks its output, waits for it and records how it ended. It
 * outlives the executor: when the command pipe ends it starts nothing new, keeps timers and masking, and leaves when the
 * last command has ended.
 *
 * It ignores SIGHUP and SIGINT; SIGTERM aborts all commands.
 */

import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { createMasker, type Masker } from "../../util/mask/masker.ts";
import { redirect } from "../standard-streams.ts";
import { type ExitLog, openExitLog } from "./exit-log.ts";
import { createFifoPool, type FifoPool } from "./fifo-pool.ts";
import { selfIdentity } from "./process-identity.ts";
import {
  type CommandSpec,
  createLineSplitter,
  encodeLine,
  RUN_ID,
  type SupervisorCommand,
  type SupervisorEvent,
} from "./protocol.ts";
import { type RunningCommand, startCommand } from "./running-command.ts";
import { ensureRuntimeDir } from "./runtime-dir.ts";
import { livingSupervisors, supervisorFile } from "./supervisor-file.ts";

/** Of a command that ends within, in milliseconds, its process id is told with its end: each event wakes the executor. */
const SPAWNED_WAITS_MS = 5;

/** Output events wait for a slow executor up to here, in bytes; then they are left out. */
const MAX_BACKLOG_BYTES = 4 * 1024 * 1024;

interface Run {
  readonly runId: string;
  readonly runtimeDir: string;
  readonly fifos: FifoPool;
  readonly exits: ExitLog;
}

const running = new Map<string, RunningCommand>();
let run: Run | null = null;
let masker: Masker = createMasker([]);
let isOrphaned = false;
let isStopping = false;

closeInheritedDescriptors();
for (const signal of ["SIGHUP", "SIGINT"] as const) process.on(signal, () => {});
process.on("SIGTERM", () => {
  isStopping = true;
  for (const command of running.values()) command.abort(null);
  leaveWhenIdle();
});
process.on("uncaughtException", (error) => {
  log(`defect: ${error.stack ?? error.message}`);
  process.exit(70);
});

const events = new Socket({ fd: 1, readable: false, writable: true });
events.on("error", () => {}); // the executor is gone: the end of the command pipe says so as well

const commands = new Socket({ fd: 0, readable: true, writable: false });
commands.setEncoding("utf8");
commands.on("data", createLineSplitter(onLine));
commands.on("end", orphan).on("error", orphan);

function onLine(line: string): void {
  const command = JSON.parse(line) as SupervisorCommand;
  switch (command.type) {
    case "start":
      start(command);
      break;
    case "secrets":
      masker = createMasker(command.secrets);
      break;
    case "run":
      if (!isStopping) runCommand(command.spec, command.isFollowed);
      break;
    case "abort":
      running.get(command.attemptId)?.abort(command.graceMs);
      break;
  }
}

function start({ runId, runDir, runtimeDir, secrets }: SupervisorCommand & { type: "start" }): void {
  if (!RUN_ID.test(runId))
    throw new Error(`the run id "${runId}" holds other characters than letters, digits, - and _`);
  masker = createMasker(secrets);
  redirect([2], join(runDir, "supervisor.log"));
  ensureRuntimeDir(runtimeDir);
  run = { runId, runtimeDir, fifos: createFifoPool(runtimeDir), exits: openExitLog(runDir) };
  const identity = selfIdentity();
  // An older supervisor of this run may still wait for its last command: adoption must find both.
  writeWhole(supervisorFile(runDir), JSON.stringify({ supervisors: [...livingSupervisors(runDir), identity] }));
  send({ type: "ready", identity });
}

function runCommand(spec: CommandSpec, isFollowed: boolean): void {
  const { attemptId } = spec;
  if (run === null) throw new Error("a command came before the start");
  if (running.has(attemptId)) throw new Error(`attempt ${attemptId} runs already`);
  const { exits, fifos } = run;
  let hasExited = false;
  let startedPid: number | null = null;
  let telling: NodeJS.Timeout | undefined;
  const command = startCommand(spec, {
    ...run,
    masker,
    onSpawned(pid) {
      startedPid = pid;
      telling = setTimeout(() => send({ type: "spawned", attemptId, pid }), SPAWNED_WAITS_MS);
    },
    onOutput: isFollowed
      ? (stream, masked) => {
          if (events.writableLength > MAX_BACKLOG_BYTES) return;
          send({ type: "output", attemptId, stream, data: masked.toString("base64") });
        }
      : null,
    onExit: (exit) => {
      hasExited = true;
      clearTimeout(telling);
      running.delete(attemptId);
      try {
        exits.append(exit, isOrphaned);
      } catch (error) {
        log(`cannot record the exit of attempt ${attemptId}: ${(error as Error).message}`);
      }
      send({ type: "exit", pid: startedPid, exit });
      leaveWhenIdle();
    },
  });
  if (!hasExited) running.set(attemptId, command);
  fifos.prepare();
}

function send(event: SupervisorEvent): void {
  if (!isOrphaned && !events.destroyed) events.write(encodeLine(event));
}

function orphan(): void {
  isOrphaned = true;
  leaveWhenIdle();
}

function leaveWhenIdle(): void {
  if ((!isOrphaned && !isStopping) || running.size > 0) return;
  run?.fifos.remove();
  if (isOrphaned || events.destroyed) process.exit(0);
  events.end(() => process.exit(0));
}

function log(text: string): void {
  try {
    writeSync(2, `${new Date().toISOString()} ${masker.text(text)}\n`);
  } catch {
    // a full disk must not end the commands
  }
}

/** Replaces a file whole: temporary file, fsync, rename. */
function writeWhole(path: string, text: string): void {
  const fd = openSync(`${path}.${process.pid}.tmp`, "wx", 0o600);
  const bytes = Buffer.from(`${text}\n`);
  const written = writeSync(fd, bytes);
  if (written !== bytes.length) throw new Error(`${path}: wrote ${written} of ${bytes.length} bytes`);
  fsyncSync(fd);
  closeSync(fd);
  renameSync(`${path}.${process.pid}.tmp`, path);
}

/**
 * Node closes none of the descriptors that its parent left open for it, and hands them on to every command. Those that
 * are not to be closed at exec and are no standard stream are such; Node's own are all marked.
 */
function closeInheritedDescriptors(): void {
  if (process.platform !== "linux") return;
  const O_CLOEXEC = 0o2000000;
  for (const name of readdirSync("/proc/self/fd")) {
    const fd = Number(name);
    if (fd <= 2) continue;
    try {
      const flags = /^flags:\s+(\d+)/m.exec(readFileSync(join("/proc/self/fdinfo", name), "latin1"))?.[1];
      if (flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0) closeSync(fd);
    } catch {
      // the descriptor of the listing itself
    }
  }
}
