/**
 * A `StepHost` for tests of step types. Time is virtual: `sleep` returns at once and moves the clock, until the
 * attempt's time is over. Commands answer from a script, or really run; HTTP really goes to a loopback server.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "vitest";
import { sendMail } from "../../src/host/helpers/mail.ts";
import { mcpSession } from "../../src/host/helpers/mcp-session.ts";
import type { Window } from "../../src/language/config.ts";
import type { Effects } from "../../src/language/runbook.ts";
import {
  type CommandOptions,
  type CommandResult,
  type FinishedRun,
  StepFailure,
  type StepHost,
  type StepType,
} from "../../src/steps/step-type.ts";
import type { Json, JsonObject } from "../../src/util/json.ts";

export interface Reply {
  readonly exitCode?: number;
  readonly signal?: string;
  /** Text as it stands, anything else as JSON. */
  readonly stdout?: unknown;
  readonly stderr?: string;
  /** Virtual milliseconds the command takes, default 5. */
  readonly tookMs?: number;
}

export interface Call {
  readonly argv: readonly string[];
  readonly options: CommandOptions;
}

export interface RigOptions {
  /** Answers by what the command line contains, first match; a list is used up one by one, its last item stays. */
  readonly replies?: Readonly<Record<string, Reply | readonly Reply[]>>;
  /** Really run the commands, with this environment. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly target?: JsonObject;
  readonly now?: string;
  /** Length of the attempt, virtual milliseconds; default 60 000. */
  readonly attemptMs?: number;
  readonly windows?: Readonly<Record<string, Window>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly workDir?: string;
  /** Where `sealedPath` finds files. */
  readonly sealedDir?: string;
  readonly signal?: AbortSignal;
  readonly effects?: Effects;
  readonly finishedRuns?: readonly FinishedRun[];
}

export interface RigHost extends StepHost {
  readonly calls: readonly Call[];
  readonly sleeps: readonly number[];
  readonly said: readonly string[];
}

export function rigHost(options: RigOptions = {}): RigHost {
  const startMs = Date.parse(options.now ?? "2026-11-20T18:00:00Z");
  const attemptMs = options.attemptMs ?? 60_000;
  const signal = options.signal ?? new AbortController().signal;
  const calls: Call[] = [];
  const sleeps: number[] = [];
  const said: string[] = [];
  const used = new Map<string, number>();
  let elapsedMs = 0;
  const pass = (ms: number) => {
    elapsedMs += ms;
    if (elapsedMs >= attemptMs) throw new StepFailure("timeout", "timed-out", "the attempt's time is over");
  };

  const scripted = (argv: readonly string[]): CommandResult => {
    const line = argv.join(" ");
    const found = Object.entries(options.replies ?? {}).find(([part]) => line.includes(part));
    if (found === undefined) throw new Error(`no reply is scripted for: ${line}`);
    const [part, replies] = found;
    const list = Array.isArray(replies) ? (replies as readonly Reply[]) : [replies as Reply];
    const turn = used.get(part) ?? 0;
    used.set(part, turn + 1);
    const reply = list[Math.min(turn, list.length - 1)] ?? {};
    pass(reply.tookMs ?? 5);
    return {
      exitCode: reply.signal === undefined ? (reply.exitCode ?? 0) : null,
      signal: reply.signal ?? null,
      stdout: textOf(reply.stdout),
      stderr: reply.stderr ?? "",
      durationMs: reply.tookMs ?? 5,
    };
  };

  return {
    calls,
    sleeps,
    said,
    attempt: 1,
    effects: options.effects ?? "read",
    target: { name: "local", protected: false, ...options.target },
    run: { id: "rb-7f3k2m", slug: "7f3k2m", actor: "operator@example" },
    signal,
    remainingMs: () => attemptMs - elapsedMs,
    async command(argv, given = {}) {
      calls.push({ argv, options: given });
      return options.environment === undefined
        ? scripted(argv)
        : await spawned(argv, given, options.environment, options.workDir);
    },
    async helper(name, words, input) {
      calls.push({ argv: [name, ...words], options: {} });
      const limit = options.signal ?? AbortSignal.any([]);
      if (name === "mcp") return (await mcpSession(input as never, limit)) as unknown as Json;
      return (await sendMail(input as never, limit)) as unknown as Json;
    },
    async http(request) {
      const started = performance.now();
      try {
        const answer = await fetch(request.url, {
          method: request.method,
          headers: request.headers ?? {},
          ...(request.body === undefined ? {} : { body: request.body }),
          redirect: request.followRedirects === true ? "follow" : "manual",
          signal,
        });
        const body = await answer.text();
        return {
          status: answer.status,
          headers: Object.fromEntries(answer.headers),
          body,
          durationMs: performance.now() - started,
        };
      } catch (cause) {
        throw new StepFailure("transient", "connection", "no answer", { cause });
      }
    },
    clock: {
      now: () => new Date(startMs + elapsedMs),
      monotonicMs: () => elapsedMs,
      async sleep(ms) {
        sleeps.push(ms);
        pass(ms);
      },
    },
    window(name) {
      const window = options.windows?.[name];
      return window === undefined ? undefined : { window };
    },
    files: {
      readSealed(path) {
        const text = options.files?.[path];
        if (text === undefined) throw new Error(`${path} is not sealed`);
        return text;
      },
      sealedPath: (path) => join(options.sealedDir ?? "/sealed", path),
      workDir: options.workDir ?? "/nowhere",
    },
    finishedRuns: () => options.finishedRuns ?? [],
    progress: (text) => said.push(text),
  };
}

function textOf(stdout: unknown): string {
  if (stdout === undefined) return "";
  return typeof stdout === "string" ? stdout : JSON.stringify(stdout, null, 4);
}

function spawned(
  argv: readonly string[],
  given: CommandOptions,
  environment: Readonly<Record<string, string>>,
  workDir: string | undefined,
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const started = performance.now();
    const [program = "", ...words] = argv;
    const child = execFile(
      program,
      words,
      { env: { ...environment, ...given.env }, cwd: given.cwd ?? workDir, timeout: 60_000, maxBuffer: 64 << 20 },
      (error, stdout, stderr) => {
        if (error !== null && child.exitCode === null && child.signalCode === null) stderr += error.message;
        resolve({
          exitCode: child.exitCode ?? (child.signalCode === null ? 127 : null),
          signal: child.signalCode,
          stdout,
          stderr,
          durationMs: performance.now() - started,
        });
      },
    );
    // A command need not read what it is given.
    child.stdin?.on("error", () => {});
    child.stdin?.end(given.stdin ?? "");
  });
}

const ajv = new Ajv2020({
  strict: true,
  strictTypes: false,
  strictRequired: false,
  allErrors: true,
  formats: { "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/ },
});
ajv.addVocabulary(["markdownEnumDescriptions", "patternErrorMessage"]);

/** Runs a step as the engine does: `with` and result are held against the type's schemas. */
export async function runStep<W, R>(type: StepType<W, R>, spec: W, host: StepHost): Promise<R> {
  expect(schemaErrors(type.input, spec)).toEqual([]);
  const result = await type.run(spec, host);
  expect(schemaErrors(type.result, result)).toEqual([]);
  return result;
}

/** What JSON Schema has to say against a value; empty = valid. */
export function schemaErrors(schema: object, value: unknown): string[] {
  const validate = ajv.compile(schema);
  if (validate(JSON.parse(JSON.stringify(value)))) return [];
  return (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}

/** The failure of a step that has to fail. */
export async function failureOf<W, R>(type: StepType<W, R>, spec: W, host: StepHost): Promise<StepFailure> {
  try {
    await runStep(type, spec, host);
  } catch (error) {
    if (error instanceof StepFailure) return error;
    throw error;
  }
  throw new Error(`${type.type} did not fail`);
}
