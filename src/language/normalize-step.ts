/** One step of the text → `Step`: shorthand written out, durations in milliseconds, defaults from the step type. */
import type { Catalogue } from "../steps/step-type.ts";
import { isObject } from "../util/json.ts";
import { splitCommand } from "./command-words.ts";
import type { Config, EvidenceDefaults } from "./config.ts";
import type { Findings } from "./findings.ts";
import {
  type Data,
  durationAt,
  listAt,
  mapAt,
  mapValues,
  numberAt,
  objectAt,
  oneOf,
  textAt,
  textMapAt,
  textsAt,
} from "./plain-data.ts";
import type {
  Action,
  Check,
  Effects,
  ForEach,
  OnInterrupted,
  RetryPolicy,
  Runbook,
  Step,
  Until,
  Verification,
} from "./runbook.ts";
import type { Source } from "./source.ts";

export interface NormalizeContext {
  readonly catalogue: Catalogue;
  /** Gives defaults; undefined without a project file. */
  readonly config: Config | undefined;
  /** What holds where the runbook says nothing about its evidence. */
  readonly evidence: EvidenceDefaults | undefined;
  readonly source: Source;
  readonly findings: Findings;
  /** The runbook `uses: runbook/NAME` names, loaded; null when there is none, which has been reported. */
  readonly include: (name: string, pointer: string) => Runbook | null;
}

/** Pauses of `retry: 3`; a bare number says how often, not how fast. */
const retryDefaults = { delayMs: 1_000, backoff: 2, jitter: true } as const;
const untilDefaults = { everyMs: 2_000, backoff: 1 } as const;
/** A type the catalogue does not know has been reported; any limit will do. */
const unknownTypeTimeoutMs = 300_000;

export function normalizeSteps(value: unknown, pointer: string, context: NormalizeContext): readonly Step[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((item, i) => (isObject(item) ? [normalizeStep(item, `${pointer}/${i}`, context)] : []));
}

function normalizeStep(data: Data, pointer: string, context: NormalizeContext): Step {
  const action = actionOf(data, pointer, context);
  const effects = effectsOf(data, action, context.catalogue);
  const check = checkOf(data, pointer, context);
  const idempotent = data["idempotent"] === true;
  return {
    id: textAt(data, "id") ?? "",
    title: textAt(data, "title") ?? "",
    pointer,
    action,
    if: textAt(data, "if"),
    effects,
    check,
    onInterrupted: onInterruptedOf(data, effects, check, idempotent),
    idempotent,
    retry: retryOf(data["retry"]),
    timeoutMs: durationAt(data, "timeout") ?? defaultTimeoutMs(action, context.catalogue),
    until: untilOf(data["until"]),
    verify: listAt(data, "verify").flatMap(verificationOf),
    outputs: textMapAt(data, "outputs"),
    artifacts: textsAt(data, "artifacts"),
    rollback: normalizeSteps(data["rollback"], `${pointer}/rollback`, context),
    irreversible: textAt(data, "irreversible"),
    continueOnFailure: data["continueOnFailure"] === true,
    forEach: forEachOf(data["forEach"]),
    env: textMapAt(data, "env"),
    cwd: textAt(data, "cwd"),
    stdin: textAt(data, "stdin"),
    override: oneOf(data["override"], ["reason", "never"], "never"),
    objective: mapValues(mapAt(data, "objective"), (end) => (end === "start" || end === "end" ? end : undefined)),
    note: textAt(data, "note"),
    budgetMs: durationAt(data, "budget"),
  };
}

function actionOf(data: Data, pointer: string, context: NormalizeContext): Action {
  if ("run" in data) return { kind: "run", argv: argvOf(data["run"], `${pointer}/run`, context) };
  if (Array.isArray(data["parallel"])) {
    return {
      kind: "parallel",
      steps: normalizeSteps(data["parallel"], `${pointer}/parallel`, context),
      max: numberAt(data, "max"),
    };
  }
  if (Array.isArray(data["steps"]))
    return { kind: "group", steps: normalizeSteps(data["steps"], `${pointer}/steps`, context) };
  const type = textAt(data, "uses") ?? "";
  if (type.startsWith("runbook/")) {
    const name = type.slice("runbook/".length);
    const runbook = context.include(name, `${pointer}/uses`);
    if (runbook !== null) return { kind: "runbook", name, with: objectAt(data, "with"), runbook };
  }
  return { kind: "uses", type, with: objectAt(data, "with") };
}

/** Words of a command; what is wrong with it is reported at its place. */
function argvOf(value: unknown, pointer: string, { source, findings }: NormalizeContext): readonly string[] {
  if (Array.isArray(value)) return value.filter((word): word is string => typeof word === "string");
  if (typeof value !== "string") return [];
  const { words, problems } = splitCommand(value);
  for (const problem of problems) {
    const at = { file: source.file, range: source.rangeIn(pointer, problem.range) };
    findings.error(problem.code, at, problem.message, { hint: problem.hint });
  }
  return words;
}

function checkOf(data: Data, pointer: string, context: NormalizeContext): Check | null {
  const check = data["check"];
  if (!isObject(check)) return null;
  const action =
    "run" in check
      ? { kind: "run" as const, argv: argvOf(check["run"], `${pointer}/check/run`, context) }
      : { kind: "uses" as const, type: textAt(check, "uses") ?? "", with: objectAt(check, "with") };
  return { action, that: textAt(check, "that") ?? "" };
}

const strength: Readonly<Record<Effects, number>> = { read: 0, write: 1, destructive: 2 };

function strongest(effects: Iterable<Effects>): Effects {
  let result: Effects = "read";
  for (const effect of effects) if (strength[effect] > strength[result]) result = effect;
  return result;
}

export function isWeaker(effect: Effects, than: Effects): boolean {
  return strength[effect] < strength[than];
}

function effectsOf(data: Data, action: Action, catalogue: Catalogue): Effects {
  switch (action.kind) {
    case "parallel":
    case "group":
      return strongest(action.steps.map((step) => step.effects));
    case "runbook":
      return strongest([...action.runbook.steps, ...action.runbook.always].map((step) => step.effects));
    default: {
      const type = catalogue.get(action.kind === "run" ? "run" : action.type);
      const declared = data["effects"];
      if (declared === "read" || declared === "write" || declared === "destructive") {
        // A weaker word than the type's own is an error elsewhere and never taken at its word.
        return type === undefined || type.effectsRequired === true ? declared : strongest([declared, type.effects]);
      }
      // Undeclared effects of a command are an error elsewhere; until then assume the worse.
      return type?.effects ?? (action.kind === "run" ? "write" : "read");
    }
  }
}

function onInterruptedOf(data: Data, effects: Effects, check: Check | null, idempotent: boolean): OnInterrupted {
  const otherwise = effects === "read" ? "retry" : check !== null ? "check" : idempotent ? "retry" : "ask";
  return oneOf(data["onInterrupted"], ["retry", "check", "ask"], otherwise);
}

function defaultTimeoutMs(action: Action, catalogue: Catalogue): number | null {
  if (action.kind === "run") return catalogue.get("run")?.timeoutMs ?? unknownTypeTimeoutMs;
  if (action.kind !== "uses") return null;
  const type = catalogue.get(action.type);
  if (type === undefined) return unknownTypeTimeoutMs;
  // How long a person may take is what the author says, and no habit of a type may shorten it.
  return type.person === null ? type.timeoutMs : null;
}

function retryOf(value: unknown): RetryPolicy {
  if (typeof value === "number") return { attempts: value, ...retryDefaults, on: [] };
  if (!isObject(value)) return { attempts: 1, ...retryDefaults, on: [] };
  return {
    attempts: numberAt(value, "attempts") ?? 1,
    delayMs: durationAt(value, "delay") ?? retryDefaults.delayMs,
    backoff: numberAt(value, "backoff") ?? retryDefaults.backoff,
    jitter: value["jitter"] !== false,
    on: textsAt(value, "on"),
  };
}

function untilOf(value: unknown): Until | null {
  if (!isObject(value)) return null;
  return {
    that: textAt(value, "that") ?? "",
    everyMs: durationAt(value, "every") ?? untilDefaults.everyMs,
    // A missing limit is an error of the schema; 0 never waits.
    timeoutMs: durationAt(value, "timeout") ?? 0,
    backoff: numberAt(value, "backoff") ?? untilDefaults.backoff,
  };
}

function verificationOf(value: unknown): readonly Verification[] {
  if (typeof value === "string") return [{ that: value, message: null, severity: "error", show: null }];
  if (!isObject(value)) return [];
  return [
    {
      that: textAt(value, "that") ?? "",
      message: textAt(value, "message"),
      severity: oneOf(value["severity"], ["error", "warning"], "error"),
      show: textAt(value, "show"),
    },
  ];
}

function forEachOf(value: unknown): ForEach | null {
  if (!isObject(value)) return null;
  const failures = value["maxFailures"];
  return {
    in: textAt(value, "in") ?? "",
    as: textAt(value, "as") ?? "item",
    max: numberAt(value, "max"),
    maxFailures: typeof failures === "number" || typeof failures === "string" ? String(failures) : null,
  };
}
