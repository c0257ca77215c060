/**
 * `import { loadRunbook, plan, run, readRun } from "runbook"`: the same project, rules and run directories as the command
 * line, as functions that return plain data. Nothing is printed, nobody is asked, and `process.exit` is never called.
 */
import { resolve } from "node:path";
import type { JournalRecord } from "../engine/events.ts";
import { type ExitName, exitCodes, exitNameOf } from "../engine/exit-codes.ts";
import { executorAlive } from "../host/claim.ts";
import { leaveMessage } from "../host/inbox.ts";
import { runDirectory } from "../host/state-dir.ts";
import { type DiagnosticDocument, diagnosticDocuments } from "../language/render-formats.ts";
import type { Runbook } from "../language/runbook.ts";
import type { Plan } from "../plan/plan.ts";
import type { RunDocument } from "../report/run-json.ts";
import { describeError } from "./describe-error.ts";
import { follow } from "./follow/follow.ts";
import { findRun, loadRun } from "./follow/run-lookup.ts";
import { codeOf, lastFatal } from "./follow/watch-run.ts";
import { findRunbook, loadProjectRunbook, openProject, type Project } from "./project/project.ts";
import { planOf, prepareRunbook } from "./start/prepare.ts";
import { startRun } from "./start/start-run.ts";
import { documentOf } from "./verbs/status.ts";

export type { DiagnosticDocument, JournalRecord, Plan, Runbook, RunDocument };

export interface ProjectOptions {
  /** A folder of the project: its config is looked for here and upward. Default: the working directory. */
  readonly cwd?: string;
  /** Where runs are kept. Default: RUNBOOK_STATE_DIR, then the config's `state`, then `.runbook` in the project. */
  readonly stateDir?: string;
}

export interface PlanOptions extends ProjectOptions {
  /** Needed when the runbook lists more than one and RUNBOOK_TARGET is not set. */
  readonly target?: string;
  /** Typed values by name; those left out have their defaults. RUNBOOK_INPUT_* is not read. */
  readonly inputs?: Readonly<Record<string, unknown>>;
}

export interface RunOptions extends PlanOptions {
  /** Why it is run; kept in the report. Default: the input `reason`. */
  readonly reason?: string;
  /** Steps that may be overridden (`override: reason`), each with its reason. */
  readonly overrides?: readonly { readonly step: string; readonly reason: string }[];
  /** Every record of the journal in its order, masked. What it throws rejects the promise; the run goes on. */
  readonly onEvent?: (event: JournalRecord) => void;
  /** Asks the run to stop after its current step, as the first Ctrl-C does; the promise then resolves with what became of it. */
  readonly signal?: AbortSignal;
}

export interface LoadedRunbook {
  /** As diagnostics name it: relative to `cwd`. */
  readonly file: string;
  /** Null when there is any error. */
  readonly runbook: Runbook | null;
  readonly diagnostics: readonly DiagnosticDocument[];
}

/** What the command line would print and exit with. `exitName` is stable: `usage`, `invalid`, `refused`, `corrupt`, `io`, … */
export class RunbookError extends Error {
  override readonly name = "RunbookError";
  readonly exitName: ExitName;
  readonly exitCode: number;
  /** The command to type next, when there is one. */
  readonly next: string | null;
  constructor(exitName: ExitName, message: string, next: string | null, options?: ErrorOptions) {
    super(message, options);
    this.exitName = exitName;
    this.exitCode = exitCodes[exitName];
    this.next = next;
  }
}

/**
 * Reads and checks a runbook by name (`rollback-production`) or path (ending in `.yaml`). What is wrong in it comes as
 * diagnostics, in one pass, never as an exception. Throws `RunbookError`: `usage` when there is none of that name,
 * `invalid` when the project file cannot be read.
 */
export async function loadRunbook(runbook: string, options: ProjectOptions = {}): Promise<LoadedRunbook> {
  return await framed(() => {
    const { project, cwd } = open(options);
    const { file, loaded } = loadProjectRunbook(project, cwd, findRunbook(project, cwd, runbook));
    const all = [...project.configDiagnostics, ...loaded.diagnostics];
    return {
      file,
      runbook: project.configDiagnostics.some(({ severity }) => severity === "error") ? null : loaded.runbook,
      diagnostics: diagnosticDocuments(all, project.textOf),
    };
  });
}

/**
 * What a run would do, decided without touching anything: `runbook.plan/1.0` (`schemas/plan.v1.schema.json`). A plan that
 * says `blocked` is a result, not an error. Throws `RunbookError`: `usage` (unknown runbook, target or input, a missing
 * input), `invalid` (diagnostics in the message).
 */
export async function plan(runbook: string, options: PlanOptions = {}): Promise<Plan> {
  return await framed(async () => {
    const { project, cwd } = open(options);
    return await planOf(await prepared(project, cwd, runbook, options), project);
  });
}

/**
 * Runs a runbook and resolves when it has ended or waits for a person: `runbook.run/1.0` (`schemas/run.v1.schema.json`),
 * whose `exitCode` is the command line's (0 only when it succeeded, 5 when it waits). The run has an executor of its own and
 * goes on when this process ends. A failed step is a result, not an error. Throws `RunbookError` when nothing was started
 * (`usage`, `invalid`, `refused`), and with `io`, `corrupt` or `internal` when the executor could not go on.
 */
export async function run(runbook: string, options: RunOptions = {}): Promise<RunDocument> {
  return await framed(async () => {
    const { project, cwd } = open(options);
    const ready = await prepared(project, cwd, runbook, options);
    options.signal?.throwIfAborted();
    const { stateDir } = project;
    const started = startRun(stateDir, ready, {
      reason: options.reason,
      approval: null,
      overrides: options.overrides ?? [],
      onDisconnect: "continue",
    });
    const runDir = runDirectory(stateDir, started.run);
    const stop = () => leaveMessage(runDir, { kind: "signal", signal: "SIGINT", press: 1 }, started.executor.child.pid);
    options.signal?.addEventListener("abort", stop, { once: true });
    let code: number | null = null;
    let hasEnded = false;
    const ended = started.executor.ended.then((value) => {
      code = value;
      hasEnded = true;
    });
    try {
      const followed = await follow({
        runDir,
        alive: () => !hasEnded || executorAlive(runDir),
        onRecord: (entry) => options.onEvent?.(entry),
        wake: ended,
      });
      await ended;
      const record = followed?.record ?? null;
      const exitName = exitNameOf(record === null ? (code ?? exitCodes.internal) : codeOf(record, code));
      if (record === null || ["io", "corrupt", "internal"].includes(exitName))
        throw new RunbookError(
          exitName,
          lastFatal(runDir) ?? "the executor was killed",
          `runbook status ${started.run}`,
        );
      return { ...documentOf(stateDir, record), exitCode: exitCodes[exitName], exitName };
    } finally {
      // A program that stopped looking can end; the executor does not need it.
      started.executor.disconnect();
      started.executor.child.unref();
      options.signal?.removeEventListener("abort", stop);
    }
  });
}

/**
 * A run as its journal tells it now, by id, unique prefix or `last`; an open run too. Throws `RunbookError`: `usage` when
 * there is none, `corrupt` when its journal is damaged.
 */
export async function readRun(id = "last", options: ProjectOptions = {}): Promise<RunDocument> {
  return await framed(() => {
    const { stateDir } = open(options).project;
    return documentOf(stateDir, loadRun(stateDir, findRun(stateDir, id)).record);
  });
}

function open({ cwd = ".", stateDir }: ProjectOptions): { project: Project; cwd: string } {
  const folder = resolve(cwd);
  return { project: openProject(folder, stateDir), cwd: folder };
}

function prepared(project: Project, cwd: string, runbook: string, { target, inputs = {} }: PlanOptions) {
  return prepareRunbook({
    project,
    cwd,
    path: findRunbook(project, cwd, runbook),
    target,
    inputs: { flags: [], values: inputs, file: undefined, env: {} },
    missing: "refuse",
    color: false,
  });
}

async function framed<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RunbookError || (error instanceof DOMException && error.name === "AbortError")) throw error;
    const { exitName, message, next } = describeError(error);
    throw new RunbookError(exitName, message, next, { cause: error });
  }
}
