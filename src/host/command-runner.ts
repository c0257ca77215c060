/** Commands of steps: journalled, supervised, and adopted when an earlier executor had started them. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { JournalEvent, OutputRecord } from "../engine/events.ts";
import { type ActionRequest, JournalError } from "../engine/ports.ts";
import type { CommandRecord } from "../engine/run-record.ts";
import { promptHint } from "../steps/prompt-hint.ts";
import {
  type CommandOptions,
  type CommandResult,
  type HttpRequest,
  type HttpResponse,
  StepFailure,
} from "../steps/step-type.ts";
import type { RunnerOptions } from "./action-runner.ts";
import { excerpt, type LogFiles, readOutputs } from "./command-output.ts";
import { makeDirectory } from "./durable-file.ts";
import { adopt } from "./supervisor/adopt.ts";
import { type CommandHandle, type OutputFollower, SupervisorLost } from "./supervisor/client.ts";
import { endMarked } from "./supervisor/process-sweep.ts";
import type { CommandExit, StreamSummary } from "./supervisor/protocol.ts";
import { runtimeDirFor } from "./supervisor/runtime-dir.ts";

/** TERM, then KILL after this. */
const graceMs = 10_000;

/** Where a request runs: nowhere. Tells it from a command. */
const noDirectory = "";

type StepAttempt = Pick<ActionRequest, "path" | "attempt">;
type Finished = Extract<JournalEvent, { type: "command.finished" }>;

/** Nobody can say how the command ended. */
export class Lost extends Error {}

interface RunOptions extends CommandOptions {
  readonly workDir: string;
  readonly remainingMs: number;
}

export class CommandRunner {
  private readonly options: RunnerOptions;
  private counter = 0;
  /** Where outputs are kept, once the directory is there. */
  private logs: string | null = null;
  /** How many commands each request has asked for: the n-th of an interrupted attempt is the n-th again. */
  private readonly asked = new WeakMap<ActionRequest, number>();

  constructor(options: RunnerOptions) {
    this.options = options;
  }

  async run(request: ActionRequest, argv: readonly [string, ...string[]], more: RunOptions): Promise<CommandResult> {
    const recorded = request.recorded && more.recorded !== false;
    const nth = recorded ? this.next(request) : 0;
    const before = recorded ? request.adopt[nth - 1] : undefined;
    if (before !== undefined) return await this.takeOver(request, before, argv);
    const effects = more.effects ?? request.effects;
    const attemptId = `${this.options.executorNumber}${String(++this.counter).padStart(6, "0")}`;
    const files = recorded ? this.logFiles(request, nth) : this.temporaryFiles(attemptId);
    const cwd = more.cwd ?? more.workDir;
    const env = { ...this.options.baseEnv, ...request.env, ...more.env };
    const timeoutMs = Math.max(1, Math.round(more.remainingMs));
    if (recorded) {
      this.options.append({
        type: "command.started",
        step: request.path,
        attempt: request.attempt,
        command: attemptId,
        argv: [...argv],
        cwd,
        env: Object.keys({ ...request.env, ...more.env }).sort(),
        effects,
        timeoutMs,
      });
      await this.options.committed();
    }
    const exit = await this.start(request, {
      argv,
      cwd,
      env,
      attemptId,
      files,
      timeoutMs,
      stdin: more.stdin ?? request.stdin,
      held: effects !== "read",
      hasScratchOutput: !recorded,
    });
    return recorded ? this.conclude(request, exit, files, false, argv) : this.concludeUnrecorded(exit, files, argv);
  }

  /** A request of a write is an intent like a command; of a read it leaves no record. */
  async recordRequest(
    request: ActionRequest,
    http: HttpRequest,
    send: () => Promise<HttpResponse>,
  ): Promise<HttpResponse> {
    const effects = http.effects ?? request.effects;
    if (!request.recorded || effects === "read") return await send();
    const nth = this.next(request);
    if (request.adopt[nth - 1] !== undefined) throw new Lost("a request was on its way when the executor stopped");
    const command = `${this.options.executorNumber}${String(++this.counter).padStart(6, "0")}`;
    this.options.append({
      type: "command.started",
      step: request.path,
      attempt: request.attempt,
      command,
      argv: [http.method, http.url],
      cwd: noDirectory,
      env: [],
      effects,
      timeoutMs: request.timeoutMs,
    });
    await this.options.committed();
    return await send();
  }

  private next(request: ActionRequest): number {
    const nth = (this.asked.get(request) ?? 0) + 1;
    this.asked.set(request, nth);
    return nth;
  }

  private async start(
    request: ActionRequest,
    command: {
      argv: readonly [string, ...string[]];
      cwd: string;
      env: Record<string, string>;
      attemptId: string;
      files: LogFiles;
      timeoutMs: number;
      stdin: string | null;
      held: boolean;
      hasScratchOutput: boolean;
    },
  ): Promise<CommandExit> {
    const { files, ...spec } = command;
    const { onProgress } = this.options;
    const tellLastLine: OutputFollower = (_, masked) => {
      const line = masked.toString("utf8").trimEnd().split("\n").at(-1);
      if (line) onProgress?.(request.path, line);
    };
    let handle: CommandHandle;
    try {
      const supervisor = await this.options.supervisor();
      handle = supervisor.run(
        { ...spec, graceMs, stdoutFile: files.stdout, stderrFile: files.stderr },
        onProgress === null ? null : tellLastLine,
      );
    } catch (error) {
      throw new StepFailure("failed", "spawn-error", (error as Error).message);
    }
    const cancel = () => handle.abort();
    if (request.signal.aborted) cancel();
    else request.signal.addEventListener("abort", cancel);
    handle.pid.then(
      () => {
        this.options.failpoint("spawn.after_fork");
        this.options.failpoint("spawn.pid_recorded");
      },
      () => {},
    );
    try {
      return await handle.exit;
    } catch (error) {
      if (!(error instanceof SupervisorLost)) throw error;
      return await this.adopted(request, command.attemptId, command.held);
    } finally {
      request.signal.removeEventListener("abort", cancel);
    }
  }

  /** A command that an earlier executor (or a dead supervisor) had: its end, or `Lost`. */
  private async adopted(request: ActionRequest, attemptId: string, isWrite: boolean): Promise<CommandExit> {
    const { runDir, runId, secrets } = this.options;
    const found = await adopt({
      runDir,
      runtimeDir: runtimeDirFor(runDir),
      runId,
      attemptId,
      secrets,
      signal: request.signal,
    });
    if (found.kind === "exited") return found.exit;
    if (found.kind === "gone")
      throw new Lost("the process that recorded its end was killed, and nothing of it is left");
    if (isWrite)
      throw new Lost(`its processes still run and nobody can tell how they will end: ${found.pids.join(", ")}`);
    await endMarked(runId, attemptId, graceMs);
    throw new Lost("the process that recorded its end was killed; what was left of it was ended");
  }

  /** Records how commands of a dead executor ended, as far as anybody knows; requests leave no trace to ask. */
  async adoptAll(step: StepAttempt & Pick<ActionRequest, "signal">, commands: readonly CommandRecord[]): Promise<void> {
    const { runDir, runId, secrets } = this.options;
    for (const [index, { command, cwd, end }] of commands.entries()) {
      if (end !== null || cwd === noDirectory) continue;
      const runtimeDir = runtimeDirFor(runDir);
      const found = await adopt({ runDir, runtimeDir, runId, attemptId: command, secrets, signal: step.signal });
      if (found.kind === "exited") this.recordEnd(step, found.exit, this.logFiles(step, index + 1), true);
    }
  }

  private async takeOver(
    request: ActionRequest,
    before: CommandRecord,
    argv: readonly string[],
  ): Promise<CommandResult> {
    const now = JSON.stringify(this.options.masker.json([...argv]));
    if (now !== JSON.stringify(before.argv))
      throw new Lost(`it had started ${before.argv.join(" ")}, and now it would start ${now}`);
    const nth = this.asked.get(request) ?? 1;
    const files = this.logFiles(request, nth);
    if (before.end !== null) {
      const { exitCode, signal, cause, durationMs } = before.end;
      const output = readOutputs(files);
      const failure = failureOf(cause, null, argv, before.timeoutMs, output);
      if (failure !== null) throw failure;
      return { exitCode, signal, durationMs, ...output };
    }
    return this.conclude(
      request,
      await this.adopted(request, before.command, before.effects !== "read"),
      files,
      true,
      argv,
    );
  }

  private conclude(
    request: ActionRequest,
    exit: CommandExit,
    files: LogFiles,
    adopted: boolean,
    argv: readonly string[],
  ): CommandResult {
    const output = this.recordEnd(request, exit, files, adopted);
    const failure = failureOf(exit.cause, exit.error, argv, request.timeoutMs, output);
    if (failure !== null) throw failure;
    return { exitCode: exit.code, signal: exit.signal, durationMs: exit.durationMs, ...output };
  }

  private recordEnd(
    step: StepAttempt,
    exit: CommandExit,
    files: LogFiles,
    adopted: boolean,
  ): { stdout: string; stderr: string } {
    const output = readOutputs(files, exit);
    const broken = exit.stdout.writeError ?? exit.stderr.writeError;
    // Of an adopted command that is long past: there may be space again.
    if (broken !== undefined && !adopted) {
      const file = exit.stdout.writeError === undefined ? files.stderr : files.stdout;
      this.options.onIoError(new JournalError(broken.code, file, `could not write ${file}: ${broken.message}`));
    }
    this.options.append({
      type: "command.finished",
      step: step.path,
      attempt: step.attempt,
      command: exit.attemptId,
      exitCode: exit.code,
      signal: exit.signal,
      cause: exit.cause,
      durationMs: Math.round(exit.durationMs),
      drained: exit.drained,
      survivors: [...exit.survivors],
      outputGap: broken === undefined ? exit.outputGap : "possible",
      adopted,
      output: this.outputRecord(exit, files, output),
    } satisfies Finished);
    return output;
  }

  private concludeUnrecorded(exit: CommandExit, files: LogFiles, argv: readonly string[]): CommandResult {
    const output = readOutputs(files, exit);
    rmSync(files.stdout, { force: true });
    rmSync(files.stderr, { force: true });
    const failure = failureOf(exit.cause, exit.error, argv, exit.durationMs, output);
    if (failure !== null) throw failure;
    return { exitCode: exit.code, signal: exit.signal, durationMs: exit.durationMs, ...output };
  }

  private outputRecord(exit: CommandExit, files: LogFiles, output: { stdout: string; stderr: string }): OutputRecord {
    const stream = (file: string, { bytes, sha256, droppedBytes, kept }: StreamSummary) => ({
      file: file.slice(this.options.runDir.length + 1),
      ...(kept ?? { bytes, sha256 }),
      droppedBytes,
      ...(kept === undefined ? {} : { whole: { bytes, sha256 } }),
    });
    return {
      stdout: stream(files.stdout, exit.stdout),
      stderr: stream(files.stderr, exit.stderr),
      excerpt: { stdout: excerpt(output.stdout), stderr: excerpt(output.stderr) },
    };
  }

  /** `logs/<step path>.<attempt>.log`; later commands of one attempt carry their number. */
  private logFiles(request: StepAttempt, nth: number): LogFiles {
    if (this.logs === null) {
      const logs = join(this.options.runDir, "logs");
      makeDirectory(logs);
      this.logs = logs;
    }
    const file = `${this.logs}/${onDisk(request.path)}.${request.attempt}${nth > 1 ? `.${nth}` : ""}`;
    return { stdout: `${file}.log`, stderr: `${file}.stderr.log` };
  }

  private temporaryFiles(attemptId: string): LogFiles {
    const directory = runtimeDirFor(this.options.runDir);
    return { stdout: join(directory, `${attemptId}.stdout`), stderr: join(directory, `${attemptId}.stderr`) };
  }
}

/** `hosts[3].ping` is `hosts.3.ping` on disk. */
export function onDisk(path: string): string {
  return path.replace(/\[(\d+)\]/g, ".$1");
}

function failureOf(
  cause: string,
  error: { code: string; message: string } | null,
  argv: readonly string[],
  timeoutMs: number,
  output: { readonly stdout: string; readonly stderr: string },
): StepFailure | null {
  const program = argv[0] ?? "";
  switch (cause) {
    case "timeout": {
      const hint = promptHint(output);
      const message = `${program} did not end within ${Math.round(timeoutMs)} ms and was ended`;
      return new StepFailure("timeout", "timeout", hint === null ? message : `${message}. ${hint}`, {
        facts: { timeoutMs },
      });
    }
    case "abort":
      return new StepFailure("failed", "cancelled", `${program} was cancelled`);
    case "spawn-error": {
      const why =
        error?.code === "ENOENT"
          ? `${program} was not found; install it or check PATH (runbook doctor)`
          : `${program} could not be started: ${error?.message ?? error?.code}`;
      return new StepFailure("failed", error?.code === "ENOENT" ? "command-not-found" : "spawn-error", why, {
        facts: { code: error?.code ?? null },
      });
    }
    default:
      return null;
  }
}
