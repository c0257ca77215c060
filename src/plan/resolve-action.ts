/**
 * Fills the holes of one action. Called with masked secrets it gives what a plan prints, an approval shows and the
 * journal keeps; called with real ones it gives what runs. Both go through here, so they cannot differ otherwise.
 */

import { evaluateExpression } from "../language/cel/index.ts";
import type { Action, Step } from "../language/runbook.ts";
import { isWholeHole, parseTemplate, resolveTree } from "../language/template.ts";
import type { ActionText, AnyStepType, Catalogue } from "../steps/step-type.ts";
import { isObject, type JsonObject } from "../util/json.ts";
import { type Place, scopeOf } from "./scope.ts";

export type LeafAction = Extract<Action, { kind: "run" | "uses" }>;

export interface ResolvedAction {
  readonly type: AnyStepType;
  readonly spec: JsonObject;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | null;
  readonly stdin: string | null;
  /** What a plan prints and the journal keeps. */
  readonly text: ActionText;
  readonly unknown: readonly { readonly expr: string; readonly from: string }[];
  /** Holes that could not be filled, in words. */
  readonly problems: readonly string[];
}

export function isLeaf(action: Action): action is LeafAction {
  return action.kind === "run" || action.kind === "uses";
}

/** The step type behind an action. Throws when the catalogue lacks it: the loader has refused that before. */
function typeOf(action: LeafAction, catalogue: Catalogue): AnyStepType {
  const name = action.kind === "run" ? "run" : action.type;
  const type = catalogue.get(name);
  if (type === undefined) throw new Error(`step type ${name} is not in the catalogue`);
  return type;
}

/** `secrets`: name → value (null = an optional one that nobody knows), or name → mask for display. `extra`: `result` and such of the step itself. */
export function resolveAction(
  step: Pick<Step, "env" | "cwd" | "stdin">,
  action: LeafAction,
  place: Place,
  catalogue: Catalogue,
  secrets: Readonly<Record<string, string | null>>,
): ResolvedAction {
  const type = typeOf(action, catalogue);
  const scope = { ...scopeOf(place), secrets };
  const evaluate = (expression: string) => evaluateExpression(expression, scope);
  const raw: JsonObject = action.kind === "run" ? { argv: action.argv } : action.with;
  const { holes, literals } = splitLiterals(raw, type.literalFields);
  const raws = { with: holes, env: { ...place.frame.runbook.env, ...step.env }, cwd: step.cwd, stdin: step.stdin };
  const resolved = resolveTree(raws, evaluate);
  const value = resolved.value as { with?: unknown; env?: unknown; cwd?: unknown; stdin?: unknown };
  const spec = { ...(isObject(value.with) ? value.with : {}), ...literals } as JsonObject;
  const problems = resolved.errors.map(
    (error) => `${error.pointer.replace(/^\//, "").replaceAll("/", ".")}: ${error.message}`,
  );
  const words = action.kind === "run" ? wordsOf(spec["argv"], action.argv, problems) : null;
  const finished = words === null ? spec : { argv: words };
  return {
    type,
    spec: finished,
    env: textsOf(value.env),
    cwd: typeof value.cwd === "string" ? value.cwd : null,
    stdin: value.stdin === null || value.stdin === undefined ? null : asText(value.stdin),
    text:
      problems.length === 0
        ? type.action(withBlanks(finished, type), { target: place.frame.target })
        : { text: action.kind === "run" ? action.argv.join(" ") : action.type, argv: null },
    unknown: resolved.unknowns.flatMap(({ pointer, from }) =>
      from.map((name) => ({ expr: textAt(raws, pointer), from: name })),
    ),
    problems,
  };
}

/** For display: a required field whose hole is null, as in a step that is skipped for that reason. */
function withBlanks(spec: JsonObject, { input }: AnyStepType): JsonObject {
  const required = (input["required"] ?? []) as readonly string[];
  const absent = required.filter((name) => spec[name] === undefined);
  return absent.length === 0 ? spec : { ...spec, ...Object.fromEntries(absent.map((name) => [name, "‹nothing›"])) };
}

/** The text at a JSON pointer, without the braces of a whole hole. */
function textAt(raws: unknown, pointer: string): string {
  let value = raws;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    value = Array.isArray(value) ? value[Number(key)] : isObject(value) ? value[key] : undefined;
  }
  const text = String(value);
  const [only] = parseTemplate(text).parts;
  return isWholeHole(text) && only?.kind === "hole" ? only.expression : text;
}

function splitLiterals(raw: JsonObject, literalFields: readonly string[]): { holes: JsonObject; literals: JsonObject } {
  const holes: Record<string, JsonObject[string]> = {};
  const literals: Record<string, JsonObject[string]> = {};
  for (const [name, value] of Object.entries(raw)) {
    (literalFields.includes(name) ? literals : holes)[name] = value;
  }
  return { holes, literals };
}

/** A hole never adds or removes a word: null is a problem, everything else becomes one word. */
function wordsOf(resolved: unknown, templates: readonly string[], problems: string[]): string[] {
  const values = Array.isArray(resolved) ? resolved : [];
  return templates.map((template, index) => {
    const value = values[index];
    if (value === null || value === undefined) {
      if (problems.length === 0) problems.push(`word ${index + 1} of the command, ${template}, is null`);
      return template;
    }
    return asText(value);
  });
}

function textsOf(values: unknown): Record<string, string> {
  const texts: Record<string, string> = {};
  if (!isObject(values)) return texts;
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined) texts[name] = asText(value);
  }
  return texts;
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
