/** What expressions see, as schemas: inputs, target variables, steps that ran before. */
import type { JsonSchema } from "../../util/json.ts";
import { isObject } from "../../util/json.ts";
import type { Runbook, Step } from "../runbook.ts";
import { type HostFacts, sandboxServices } from "../sandbox-services.ts";
import type { LintContext } from "./context.ts";

const serviceUrls = Object.fromEntries(sandboxServices.map((name) => [name, "http://127.0.0.1"]));
const hosts: readonly HostFacts[] = [
  { name: "localhost", address: "127.0.0.1", port: 443, plain: "http://localhost/", ca: null },
];

type Schemas = Record<string, JsonSchema>;

const text: JsonSchema = { type: "string" };
/** Every word the engine has for a step. */
const status: JsonSchema = {
  type: "string",
  enum: "pending running succeeded failed skipped waiting cancelled timed_out indeterminate undone undo_failed".split(
    " ",
  ),
};
const timestamp: JsonSchema = { type: "string", format: "date-time" };
const artifacts: JsonSchema = {
  type: "object",
  additionalProperties: {
    type: "object",
    properties: { path: text, bytes: { type: "integer" }, sha256: text },
  },
};

/** A step that comes before the place an expression stands at. */
export interface Entry {
  readonly step: Step;
  outputs: Schemas;
  /** May not have run, or not have finished, although the expression's place was reached. */
  readonly mayBeAbsent: boolean;
  /** Members of a group or parallel block; null for other steps. */
  readonly members: Map<string, Entry> | null;
}

function nullable(schema: JsonSchema): JsonSchema {
  const type = schema["type"];
  if (typeof type === "string") return { ...schema, type: [type, "null"] };
  if (Array.isArray(type)) return type.includes("null") ? schema : { ...schema, type: [...(type as string[]), "null"] };
  return schema;
}

function closed(properties: Schemas): JsonSchema {
  return { type: "object", properties, additionalProperties: false };
}

/** Names that are the same everywhere in a runbook. */
export function commonVariables(context: LintContext): Schemas {
  const { runbook } = context;
  return {
    inputs: closed(
      Object.fromEntries(Object.entries(runbook.inputs).map(([name, input]) => [name, inputSchema(input)])),
    ),
    target: targetSchema(context),
    run: closed({
      id: text,
      slug: text,
      actor: text,
      startedAt: timestamp,
      reason: nullable(text),
      dry: { type: "boolean" },
    }),
    secrets: closed(
      Object.fromEntries(
        runbook.secrets.map((name) => [name, runbook.optionalSecrets.includes(name) ? nullable(text) : text]),
      ),
    ),
  };
}

function inputSchema(input: Runbook["inputs"][string]): JsonSchema {
  // Inputs stay texts in expressions, whatever their format; duration(…) and timestamp(…) read them.
  const { format: _format, ...schema } = input.schema;
  const typed = { ...schema, type: input.type };
  return input.required || (input.default !== undefined && input.default !== null) ? typed : nullable(typed);
}

/** Listed target → its variables, or null when the project file does not say. */
export function targetVariables({ runbook, config }: LintContext): ReadonlyMap<string, Record<string, unknown>> | null {
  const names = Object.keys(runbook.targets);
  if (config === undefined || names.length === 0) return null;
  const found = new Map<string, Record<string, unknown>>();
  for (const name of names) {
    const target = config.targets[name];
    if (target === undefined) return null;
    // The sandbox supplies these when it starts.
    const supplied = target.sandbox ? { url: "http://127.0.0.1", fly: {}, services: serviceUrls, hosts } : {};
    found.set(name, {
      ...supplied,
      ...target.variables,
      ...(target.sandbox ? { vault: {} } : {}),
      ...runbook.targets[name],
    });
  }
  return found;
}

function targetSchema(context: LintContext): JsonSchema {
  const variables = targetVariables(context);
  const own = { name: text, protected: { type: "boolean" } };
  if (variables === null) return { type: "object", properties: own, additionalProperties: true };
  const shared = [...variables.values()].map(schemaOfValue).reduce(common);
  return closed({ ...((shared["properties"] ?? {}) as Schemas), ...own });
}

function schemaOfValue(value: unknown): JsonSchema {
  if (Array.isArray(value))
    return value.length === 0 ? { type: "array" } : { type: "array", items: value.map(schemaOfValue).reduce(common) };
  if (isObject(value)) {
    const members = Object.entries(value);
    if (members.length === 0) return { type: "object", additionalProperties: true };
    return closed(Object.fromEntries(members.map(([key, member]) => [key, schemaOfValue(member)])));
  }
  if (value === null) return {};
  return { type: Number.isInteger(value) ? "integer" : typeof value };
}

/** What holds for both: members that both have, types that are the same. */
function common(a: JsonSchema, b: JsonSchema): JsonSchema {
  if (isObject(a["properties"]) && isObject(b["properties"])) {
    const other = b["properties"];
    const shared = Object.entries(a["properties"]).filter(([key]) => Object.hasOwn(other, key));
    return closed(
      Object.fromEntries(shared.map(([key, schema]) => [key, common(schema as JsonSchema, other[key] as JsonSchema)])),
    );
  }
  if (a["type"] !== b["type"]) {
    const numeric = [a["type"], b["type"]].every((type) => type === "integer" || type === "number");
    return numeric ? { type: "number" } : {};
  }
  if (isObject(a["items"]) && isObject(b["items"])) return { type: "array", items: common(a["items"], b["items"]) };
  return a["type"] === "object" ? { type: "object", additionalProperties: true } : { type: a["type"] };
}

/** The schema of `steps`, with the entries a reader may name. `inside`: groups the reader stands in, which did run. */
export function stepsSchema(
  entries: ReadonlyMap<string, Entry>,
  mentioned: ReadonlySet<string>,
  inside: ReadonlySet<Step>,
  allMayBeAbsent: boolean,
): JsonSchema {
  const isTypo = [...mentioned].some((id) => !entries.has(id));
  const properties: Schemas = {};
  for (const [id, entry] of entries) {
    if (mentioned.has(id)) properties[id] = entrySchema(entry, inside, allMayBeAbsent);
    // Other names matter only as suggestions for one that does not exist.
    else if (isTypo) properties[id] = {};
  }
  return closed(properties);
}

function entrySchema(entry: Entry, inside: ReadonlySet<Step>, absentBefore: boolean): JsonSchema {
  const absent = absentBefore || (entry.mayBeAbsent && !inside.has(entry.step));
  const maybe = (schema: JsonSchema) => (absent ? nullable(schema) : schema);
  const members = entry.members;
  return closed({
    status,
    startedAt: maybe(timestamp),
    finishedAt: maybe(timestamp),
    durationMs: maybe({ type: "integer" }),
    attempts: { type: "integer" },
    outputs: closed(Object.fromEntries(Object.entries(entry.outputs).map(([name, schema]) => [name, maybe(schema)]))),
    artifacts,
    ...(members === null
      ? {}
      : {
          steps: closed(
            Object.fromEntries([...members].map(([id, member]) => [id, entrySchema(member, inside, absent)])),
          ),
        }),
  });
}

/** Names an expression sees inside its own step. */
export function ownVariables(result: JsonSchema, outputs: Schemas | null): Schemas {
  return { result, artifacts, ...(outputs === null ? {} : { outputs: closed(outputs) }) };
}
