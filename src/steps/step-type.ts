/**
 * The contract of a step type: one file per type in this folder exports one object made by `defineStepType`, and
 * `index.ts` lists them. `action` is pure, so a plan prints exactly what a run would do; `run` reaches the world only
 * through `StepHost` and returns facts. The engine, not the type, decides about retries, checks, waiting and undo.
 */

import type { Window } from "../language/config.ts";
import type { Effects } from "../language/runbook.ts";
import type { Json, JsonObject, JsonSchema } from "../util/json.ts";

/** Why a step failed, as retry policies and verdicts see it. `failed` = none of the special classes. */
export type FailureClass = "failed" | "transient" | "timeout" | "refused" | "fatal";

/** What a plan and a report say a step does: the command or request as one line, and its words when it is a command. */
export interface ActionText {
  readonly text: string;
  readonly argv: readonly string[] | null;
}

export interface StepType<With = unknown, Result = unknown> {
  /** Name after `uses:`. */
  readonly type: string;
  /** One Markdown sentence for editors and the manual. */
  readonly summary: string;
  /** What it speaks to: manual page, RFC, API reference. */
  readonly docs: string;
  readonly effects: Effects;
  /** True: the author must declare `effects` on each step (`run`, `script`). */
  readonly effectsRequired?: boolean;
  /** Default limit of one attempt. */
  readonly timeoutMs: number;
  /** Schema of `with`; every property has a description. Strings, numbers and booleans in it may be a hole. */
  readonly input: JsonSchema;
  /** What an author writes under `with`: the usual case first; together they use every property. */
  readonly examples: readonly JsonObject[];
  readonly result: JsonSchema;
  /** Paths in `with` (`password`, `headers.*`) in which `secrets.*` is allowed. */
  readonly secretFields: readonly string[];
  /** Paths in `with` that are CEL or literal text and hold no holes (`script`). */
  readonly literalFields: readonly string[];
  /** Fields in `with` that name a file beside the runbook: it is sealed with the run and read through `host.files`. */
  readonly fileFields: readonly string[];
  /** Step keys besides the common ones that this type understands. */
  readonly stepKeys: readonly ("env" | "cwd" | "stdin" | "artifacts")[];
  /** Waits for a person instead of running: the engine asks, records and resumes. */
  readonly person: "approval" | "manual" | "checkpoint" | null;
  /** Tools it starts, for `requires` checks and the allow-list. */
  readonly tools: readonly string[];
  /** Pure. Values not known yet arrive as text like `‹known after pre_state›`, secrets as `***`. */
  action(spec: With, scope: ActionScope): ActionText;
  run(spec: With, host: StepHost): Promise<Result>;
}

export interface ActionScope {
  /** Variables of the target, `name` and `protected` included. */
  readonly target: JsonObject;
}

/** Thrown by `run`: what happened, in words, with the class that decides about a retry and the facts for the report. */
export class StepFailure extends Error {
  readonly class: FailureClass;
  /** Kebab-case, stable: `exit-code`, `image-is-live`, `connection-refused`. */
  readonly reason: string;
  readonly facts: JsonObject;
  /** What is known of the result all the same; outputs of a failed step stay evidence. */
  readonly result: unknown;
  constructor(
    failureClass: FailureClass,
    reason: string,
    message: string,
    more: { facts?: JsonObject; result?: unknown; cause?: unknown } = {},
  ) {
    super(message, { cause: more.cause });
    this.name = "StepFailure";
    this.class = failureClass;
    this.reason = reason;
    this.facts = more.facts ?? {};
    this.result = more.result;
  }
}

/** Everything a step type may do to the world. Each call honours the attempt's time limit and abort. */
export interface StepHost {
  /** Which execution this is: 1-based. */
  readonly attempt: number;
  readonly effects: Effects;
  readonly target: JsonObject;
  readonly run: { readonly id: string; readonly slug: string; readonly actor: string };
  /** Aborted when the attempt's time is over or the step is cancelled. */
  readonly signal: AbortSignal;
  /** Time left of this attempt, milliseconds. */
  remainingMs(): number;
  /**
   * Runs one command without a shell and waits for its end. Resolves for any exit code; throws `StepFailure` when it
   * could not be started, ran out of time or was cancelled. Output is masked before anyone sees it.
   */
  command(argv: readonly [string, ...string[]], options?: CommandOptions): Promise<CommandResult>;
  /**
   * One of the tool's own programs as a supervised command, for a dialogue that needs a library of its own. Its input
   * goes over standard input and is not kept; `words` tell people what it does. Throws the failure the program told.
   */
  helper(name: HelperName, words: readonly string[], input: JsonObject): Promise<Json>;
  /** One HTTP exchange; resolves for any status, throws `StepFailure` (`transient`/`timeout`) when there was none. */
  http(request: HttpRequest): Promise<HttpResponse>;
  readonly clock: {
    /** Wall clock. */
    now(): Date;
    /** Monotonic, milliseconds. */
    monotonicMs(): number;
    /** Rejects with a `StepFailure` when the attempt ends first. */
    sleep(ms: number): Promise<void>;
  };
  /** A window of the config; undefined = no such window. */
  window(name: string): { readonly window: Window } | undefined;
  readonly files: {
    /** Text of a file sealed with the run (script, SQL, template); the path is relative to the runbook file. */
    readSealed(path: string): string;
    /** Absolute path of a sealed file, for a command's argument. */
    sealedPath(path: string): string;
    /** Absolute working directory of this step. */
    readonly workDir: string;
  };
  /** Runs of this state directory that have a verdict, newest end first, this run left out. */
  finishedRuns(): readonly FinishedRun[];
  /** What the step is doing, for the live view; not kept in the report. */
  progress(text: string): void;
}

/** A run that has its verdict, as far as another run may ask about it. */
export interface FinishedRun {
  readonly run: string;
  readonly runbook: string;
  readonly version: string;
  readonly target: string;
  /** `succeeded`, `failed`, `rolled_back`, … */
  readonly result: string;
  /** RFC 3339. */
  readonly finishedAt: string;
  /** Name → measured milliseconds; null = not measured. */
  readonly objectives: Readonly<Record<string, number | null>>;
  /** Those that are not sensitive. */
  readonly inputs: JsonObject;
  /** What `verify` has against its evidence; empty = intact. */
  problems(): Promise<readonly string[]>;
}

/** `mcp` speaks to a Model Context Protocol server, `mail` to an SMTP server. */
export type HelperName = "mcp" | "mail";

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
  /** Default the step's own. A `read` command inside a write step says so, so that it may be repeated. */
  readonly effects?: Effects;
  /** False for one of many polls: not journalled, its output not kept. Only for `read`. Default true. */
  readonly recorded?: boolean;
}

export interface CommandResult {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Masked; at most 8 MiB, the rest is in the log. */
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly followRedirects?: boolean;
  /** PEM of the authorities that are trusted instead of the usual ones. */
  readonly caText?: string;
  readonly maxBodyBytes?: number;
  /** Default the step's own. A `read` request inside a write step says so, so that it may be repeated. */
  readonly effects?: Effects;
}

export interface HttpResponse {
  readonly status: number;
  /** Lower-case names; repeated headers joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** Masked text. */
  readonly body: string;
  readonly durationMs: number;
}

type OptionalPart = "examples" | "secretFields" | "literalFields" | "fileFields" | "stepKeys" | "person" | "tools";

type StepTypeDefinition<W, R> = Omit<StepType<W, R>, OptionalPart> & Partial<Pick<StepType<W, R>, OptionalPart>>;

/** Fills the optional parts of a step type. */
export function defineStepType<W, R>(type: StepTypeDefinition<W, R>): StepType<W, R> {
  return {
    examples: [],
    secretFields: [],
    literalFields: [],
    fileFields: [],
    stepKeys: [],
    person: null,
    tools: [],
    ...type,
  };
}

// biome-ignore lint/suspicious/noExplicitAny: each type has its own `with` and result; the schema guards the border.
export type AnyStepType = StepType<any, any>;

/** All step types by name; passed in where needed so that nothing but `cli/` depends on the list. */
export type Catalogue = ReadonlyMap<string, AnyStepType>;
