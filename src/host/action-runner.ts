/**
 * Runs one action of a step type in the world: implements `StepHost`. Owns the order around a command: its intent is
 * journalled and durable before the process exists, its end is journalled before the type sees it. Everything a type
 * sees is masked.
 */
import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import type { JournalEvent } from "../engine/events.ts";
import {
  type ActionOutcome,
  type ActionRequest,
  type ActionRunner,
  type EngineClock,
  JournalError,
} from "../engine/ports.ts";
import type { Window } from "../language/config.ts";
import {
  type CommandOptions,
  type CommandResult,
  type FinishedRun,
  type HttpRequest,
  StepFailure,
  type StepHost,
} from "../steps/step-type.ts";
import { windowState } from "../steps/window-calendar.ts";
import type { Json, JsonObject } from "../util/json.ts";
import type { Masker } from "../util/mask/masker.ts";
import { shortenedMask } from "../util/mask/shortened.ts";
import { sealedName } from "../util/sealed-name.ts";
import { after } from "../util/timer.ts";
import { keepArtifacts, keepFile } from "./artifacts.ts";
import { CommandRunner, Lost } from "./command-runner.ts";
import { helperAnswer } from "./helpers/answer.ts";
import { exchange } from "./http.ts";
import { specProblem } from "./spec-check.ts";
import type { SupervisorClient } from "./supervisor/client.ts";

/** How long after its limit a type may take to notice before it is given up. */
const overrunMs = 15_000;

export interface RunnerOptions {
  readonly runDir: string;
  readonly runId: string;
  readonly slug: string;
  readonly actor: string;
  /** Which executor of the run this is, 1-based: keeps the names of its commands apart from earlier ones. */
  readonly executorNumber: number;
  readonly target: JsonObject;
  /** Allow-listed environment of every child. */
  readonly baseEnv: Readonly<Record<string, string>>;
  /** Where commands run unless a step says otherwise: the project. */
  readonly projectDir: string;
  readonly windows: Readonly<Record<string, Window>>;
  readonly clock: EngineClock;
  /** `helper.cjs`, see `helpers/main.ts`. */
  readonly helperProgram: string;
  readonly masker: Masker;
  readonly secrets: readonly { readonly name: string; readonly value: string }[];
  readonly supervisor: () => Promise<SupervisorClient>;
  readonly append: (event: JournalEvent) => void;
  /** Resolves when everything appended is durable. */
  readonly committed: () => Promise<void>;
  /** Something that belongs to the evidence could not be written: nothing new may start. */
  readonly onIoError: (error: JournalError) => void;
  readonly failpoint: (name: "spawn.after_fork" | "spawn.pid_recorded") => void;
  readonly finishedRuns: () => readonly FinishedRun[];
  /** What a running step says of itself, masked. Null when nobody looks: then no output is passed on while it runs. */
  readonly onProgress: ((path: string, text: string) => void) | null;
}

export function createActionRunner(options: RunnerOptions): ActionRunner {
  const commands = new CommandRunner(options);
  return {
    run: (request) => runAction(options, commands, request),
    adoptCommands: (step, open) => commands.adoptAll(step, open),
    keepArtifacts: (path, cwd, patterns) => Promise.resolve(keepArtifacts(options, path, cwd, patterns)),
    keepFile: (path, name, file) => keepFile(options.runDir, path, name, file),
    async windowOpen(name) {
      const window = options.windows[name];
      if (window === undefined) return undefined;
      const state = await windowState(window, options.clock.now());
      return { open: state.open, mode: window.mode, now: state.now };
    },
  };
}

async function runAction(
  options: RunnerOptions,
  commands: CommandRunner,
  request: ActionRequest,
): Promise<ActionOutcome> {
  const begin = options.clock.monotonicMs();
  const elapsedMs = () => options.clock.monotonicMs() - begin;
  const problem = specProblem(request.type, request.spec);
  if (problem !== null) return failed(new StepFailure("failed", "value", problem), elapsedMs(), options.masker);
  // Made when a step type asks for its signal, as most commands do not.
  let limit: AbortController | null = null;
  let isOver = false;
  const limitSignal = () => {
    limit ??= new AbortController();
    if (isOver) limit.abort();
    return limit.signal;
  };
  let cancelLimit = () => {};
  const overrun = new Promise<never>((_, reject) => {
    cancelLimit = after(request.timeoutMs, () => {
      isOver = true;
      limit?.abort();
      const message = `the step did not end within ${request.timeoutMs} ms`;
      cancelLimit = after(overrunMs, () => reject(new StepFailure("timeout", "timeout", message)));
    });
  });
  try {
    const host = createHost(options, commands, request, limitSignal, elapsedMs);
    const result = await Promise.race([request.type.run(request.spec, host), overrun]);
    return { kind: "done", result: options.masker.json((result ?? null) as Json), durationMs: elapsedMs() };
  } catch (error) {
    if (error instanceof Lost) return { kind: "lost", why: error.message };
    if (error instanceof JournalError) throw error;
    const failure = error instanceof StepFailure ? error : internal(error);
    const outcome = failed(failure, elapsedMs(), options.masker);
    return request.signal.aborted ? { ...outcome, kind: "cancelled" } : outcome;
  } finally {
    cancelLimit();
  }
}

function failed(error: StepFailure, durationMs: number, masker: Masker): Extract<ActionOutcome, { kind: "failed" }> {
  const failure = masker.json({ class: error.class, reason: error.reason, message: error.message, facts: error.facts });
  return { kind: "failed", failure, result: masker.json((error.result ?? null) as Json), durationMs };
}

/** A bug in a step type is a failure of its step, told as what it is. */
function internal(error: unknown): StepFailure {
  const text = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? null) : null;
  return new StepFailure("failed", "internal-error", `internal error in the step type: ${text}`, {
    cause: error,
    facts: { stack },
  });
}

function createHost(
  options: RunnerOptions,
  commands: CommandRunner,
  request: ActionRequest,
  limit: () => AbortSignal,
  elapsedMs: () => number,
): StepHost {
  const { clock, masker } = options;
  // Made when a step type asks for it: the run's signal keeps a note of every signal that follows it.
  let combined: AbortSignal | null = null;
  const signal = () => (combined ??= AbortSignal.any([request.signal, limit()]));
  const remainingMs = () => Math.max(0, request.timeoutMs - elapsedMs());
  const workDir = request.cwd === null ? options.projectDir : resolve(options.projectDir, request.cwd);
  const sealedPath = (path: string) => {
    const file = join(options.runDir, "files", sealedName(path));
    if (isAbsolute(path) || !existsSync(file)) {
      throw new StepFailure("fatal", "file-not-sealed", `${path} is not among the files sealed with this run`);
    }
    return file;
  };
  return {
    attempt: request.attempt,
    effects: request.effects,
    target: options.target,
    run: { id: options.runId, slug: options.slug, actor: options.actor },
    get signal() {
      return signal();
    },
    remainingMs,
    command: (argv, more: CommandOptions = {}): Promise<CommandResult> =>
      commands.run(request, argv, { ...more, workDir, remainingMs: remainingMs() }),
    async helper(name, words, input): Promise<Json> {
      const ended = await commands.run(request, [process.execPath, options.helperProgram, name, ...words], {
        stdin: JSON.stringify(input),
        workDir,
        remainingMs: remainingMs(),
      });
      return helperAnswer(name, ended);
    },
    async http(exchangeRequest: HttpRequest) {
      const answer = await commands.recordRequest(request, exchangeRequest, () =>
        exchange(exchangeRequest, remainingMs(), request.signal),
      );
      // A refusal may quote the key that was given, shortened: no masker of whole secrets finds that.
      const body = shortenedMask(options.secrets)(masker.text(answer.body));
      return { ...answer, headers: masker.json(answer.headers), body };
    },
    clock: {
      now: () => clock.now(),
      monotonicMs: () => clock.monotonicMs(),
      async sleep(ms) {
        await clock.sleep(ms, signal());
        if (request.signal.aborted) throw new StepFailure("failed", "cancelled", "the step was cancelled");
        if (limit().aborted)
          throw new StepFailure("timeout", "timeout", `the time limit of ${request.timeoutMs} ms is over`);
      },
    },
    window: (name) => {
      const window = options.windows[name];
      return window === undefined ? undefined : { window };
    },
    files: { readSealed: (path) => readFileSync(sealedPath(path), "utf8"), sealedPath, workDir },
    finishedRuns: options.finishedRuns,
    progress: (text) => options.onProgress?.(request.path, masker.text(text)),
  };
}
