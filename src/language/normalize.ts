/**
 * Validated data → `Runbook`, every default filled in. Also takes data that failed its schema: what is missing gets a
 * harmless value, so that one pass can report the problems of the rest as well.
 */

import type { JsonObject, JsonSchema } from "../util/json.ts";
import { isObject } from "../util/json.ts";
import type { NormalizeContext } from "./normalize-step.ts";
import { normalizeSteps } from "./normalize-step.ts";
import {
  type Data,
  durationAt,
  listAt,
  mapAt,
  mapValues,
  objectAt,
  oneOf,
  textAt,
  textMapAt,
  textsAt,
} from "./plain-data.ts";
import {
  type Input,
  type Notification,
  type Objective,
  type Requirement,
  type Runbook,
  runbookKinds,
  type Step,
} from "./runbook.ts";

const inputTypes = ["string", "integer", "number", "boolean", "array", "object"] as const;
const events = ["waiting", "failed", "rolled_back", "rollback_failed", "succeeded", "escalated"] as const;

/** The runbooks that steps use: a run is given their secrets too, and those of what they use. */
function used(steps: readonly Step[]): readonly Runbook[] {
  return steps.flatMap(({ action, rollback }) => {
    const inside =
      action.kind === "runbook"
        ? [action.runbook]
        : action.kind === "group" || action.kind === "parallel"
          ? used(action.steps)
          : [];
    return [...inside, ...used(rollback)];
  });
}

/** Own secrets and those of used runbooks. One that any of them needs is not optional. */
function secretsOf(
  written: readonly string[],
  others: readonly Runbook[],
): Pick<Runbook, "secrets" | "optionalSecrets"> {
  const all = [
    ...written.map((text) => ({ name: text.replace(/\?$/, ""), isOptional: text.endsWith("?") })),
    ...others.flatMap(({ secrets, optionalSecrets }) =>
      secrets.map((name) => ({ name, isOptional: optionalSecrets.includes(name) })),
    ),
  ];
  const secrets = [...new Set(all.map(({ name }) => name))];
  const needed = new Set(all.flatMap(({ name, isOptional }) => (isOptional ? [] : name)));
  return { secrets, optionalSecrets: secrets.filter((name) => !needed.has(name)) };
}

export function normalizeRunbook(data: Data, context: NormalizeContext): Runbook {
  const evidence = mapAt(data, "evidence");
  const defaults = context.evidence;
  const guards = normalizeSteps(data["guards"], "/guards", context);
  const steps = normalizeSteps(data["steps"], "/steps", context);
  const always = normalizeSteps(data["always"], "/always", context);
  return {
    name: textAt(data, "name") ?? "",
    version: textAt(data, "version") ?? "",
    title: textAt(data, "title") ?? "",
    owner: textAt(data, "owner") ?? "",
    kind: oneOf(data["kind"], runbookKinds, "maintenance"),
    description: textAt(data, "description") ?? "",
    tags: textsAt(data, "tags"),
    links: listAt(data, "links").flatMap(link),
    severity: textAt(data, "severity"),
    inputs: mapValues(mapAt(data, "inputs"), (value) => (isObject(value) ? input(value) : undefined)),
    targets: targets(data["targets"]),
    ...secretsOf(textsAt(data, "secrets"), used([...guards, ...steps, ...always])),
    env: textMapAt(data, "env"),
    requires: mapValues(mapAt(data, "requires"), requirement),
    concurrency: textAt(data, "concurrency"),
    budgetMs: durationAt(data, "budget"),
    objectives: mapValues(mapAt(data, "objectives"), objective),
    onFailure: oneOf(data["onFailure"], ["stop", "rollback", "ask"], "stop"),
    guards,
    steps,
    always,
    notify: listAt(data, "notify").flatMap((item) => (isObject(item) ? [notification(item)] : [])),
    evidence: {
      report: textAt(evidence, "report"),
      append: textAt(evidence, "append") ?? defaults?.append ?? null,
      retentionMs: durationAt(evidence, "retention") ?? defaults?.retentionMs ?? null,
      artifactsDir: textAt(evidence, "artifactsDir") ?? defaults?.artifactsDir ?? null,
    },
    drillEveryMs: durationAt(mapAt(data, "drill"), "every"),
  };
}

function link(value: unknown): readonly { title: string; url: string }[] {
  if (typeof value === "string") return [{ title: value, url: value }];
  if (!isObject(value)) return [];
  const url = textAt(value, "url");
  return url === null ? [] : [{ title: textAt(value, "title") ?? url, url }];
}

function input(data: Data): Input {
  const own = ["description", "required", "default", "prompt", "sensitive"];
  const schema: JsonSchema = Object.fromEntries(Object.entries(data).filter(([key]) => !own.includes(key)));
  return {
    schema,
    type: oneOf(data["type"], inputTypes, "string"),
    required: data["required"] === true,
    default: data["default"],
    description: textAt(data, "description") ?? "",
    prompt: textAt(data, "prompt"),
    sensitive: data["sensitive"] === true,
  };
}

function targets(value: unknown): Readonly<Record<string, JsonObject>> {
  const out: Record<string, JsonObject> = Object.create(null);
  if (Array.isArray(value)) for (const name of value) if (typeof name === "string") out[name] = {};
  if (isObject(value)) for (const name of Object.keys(value)) out[name] = objectAt(value, name);
  return out;
}

function requirement(value: unknown, tool: string): Requirement | undefined {
  const more = isObject(value) ? value : {};
  const range = typeof value === "string" ? value : textAt(more, "version");
  if (range === null) return undefined;
  const command = textsAt(more, "command");
  return { range, command: command.length > 0 ? command : [tool, "--version"], pattern: textAt(more, "pattern") };
}

function objective(value: unknown): Objective | undefined {
  if (!isObject(value)) return undefined;
  const targetMs = durationAt(value, "target");
  return targetMs === null ? undefined : { targetMs, measure: textAt(value, "measure") };
}

function notification(data: Data): Notification {
  return {
    on: textsAt(data, "on").filter((event): event is Notification["on"][number] =>
      (events as readonly string[]).includes(event),
    ),
    type: textAt(data, "uses") ?? "",
    with: objectAt(data, "with"),
  };
}
