/** A small catalogue with every shape a step type may have, so that these tests do not depend on the real step types. */
import { type Catalogue, defineStepType, type StepType } from "../../src/steps/step-type.ts";
import type { JsonSchema } from "../../src/util/json.ts";

const text = { type: "string", description: "Text." };
const whole = { type: "integer", description: "Number." };
const flag = { type: "boolean", description: "Yes or no." };
const any = { description: "Anything." };
const map = { type: "object", description: "A map." };
const list = (items: JsonSchema) => ({ type: "array", items, description: "A list." });
const closed = (properties: Record<string, JsonSchema>, required: string[] = []) => ({
  type: "object",
  additionalProperties: false,
  properties,
  required,
});
const result = (properties: Record<string, JsonSchema>) => closed(properties, Object.keys(properties));

const command = result({
  exitCode: whole,
  signal: { type: ["string", "null"] },
  stdout: text,
  stderr: text,
  json: any,
  lines: list(text),
  durationMs: whole,
});
const machine = closed({ id: text, state: text, region: text }, ["id", "state", "region"]);

function type(
  name: string,
  effects: "read" | "write" | "destructive",
  input: JsonSchema,
  out: JsonSchema,
  more: Partial<StepType> = {},
): StepType {
  return defineStepType<unknown, unknown>({
    type: name,
    summary: `Does what \`${name}\` says.`,
    docs: "https://example.com/",
    effects,
    timeoutMs: 30_000,
    input,
    result: out,
    action: () => ({ text: name, argv: null }),
    run: async () => ({}),
    ...more,
  });
}

const keys = { stepKeys: ["env", "cwd", "stdin", "artifacts"] as const };
const types: readonly StepType[] = [
  type("run", "write", closed({ argv: list(text) }, ["argv"]), command, { effectsRequired: true, ...keys }),
  type(
    "script",
    "write",
    closed({ script: text, file: text, shell: { ...text, enum: ["sh", "bash"] }, args: list(text) }),
    command,
    { effectsRequired: true, literalFields: ["script"], fileFields: ["file"], ...keys },
  ),
  type(
    "http",
    "read",
    closed(
      {
        method: { ...text, enum: ["GET", "POST", "PUT", "DELETE"] },
        url: { ...text, format: "uri" },
        headers: { type: "object", additionalProperties: text },
        query: map,
        json: any,
        body: text,
        followRedirects: flag,
      },
      ["url"],
    ),
    result({ status: whole, headers: map, body: text, json: any, durationMs: whole }),
    { secretFields: ["headers.*"] },
  ),
  type(
    "sample",
    "read",
    closed({ url: text, requests: { ...whole, minimum: 1 }, concurrency: whole }, ["url"]),
    result({ requests: whole, errors: whole, p50Ms: whole, p95Ms: whole, p99Ms: whole, maxMs: whole }),
  ),
  type("eval", "read", closed({}), closed({})),
  type("wait", "read", closed({ for: text }, ["for"]), closed({})),
  type(
    "window",
    "read",
    closed({ name: text, mode: { ...text, enum: ["block", "warn"] } }, ["name"]),
    result({ open: flag, now: text }),
  ),
  type(
    "approval",
    "read",
    closed({ prompt: text, from: list(text), min: { ...whole, minimum: 1 }, selfApproval: flag, expires: text }, [
      "prompt",
    ]),
    closed({}),
    { person: "approval" },
  ),
  type(
    "manual",
    "read",
    closed({ instructions: text, confirm: text, evidence: { ...text, enum: ["none", "note", "file"] } }, [
      "instructions",
    ]),
    closed({}),
    { person: "manual" },
  ),
  type("checkpoint", "read", closed({ question: text }, ["question"]), closed({}), { person: "checkpoint" }),
  type(
    "sql",
    "read",
    closed({ server: map, password: text, database: text, file: text, query: text, params: list(any) }, ["server"]),
    result({ rows: list(any), rowCount: whole }),
    { fileFields: ["file"], secretFields: ["password"] },
  ),
  type(
    "postgres/dump",
    "read",
    closed({ server: map, password: text, file: text, manifest: text }, ["server", "file"]),
    result({ takenAt: { type: "string", format: "date-time" }, manifest: list(any), bytes: whole }),
    { fileFields: ["manifest"], secretFields: ["password"], stepKeys: ["artifacts"], tools: ["pg_dump"] },
  ),
  type(
    "postgres/restore",
    "write",
    closed({ server: map, password: text, database: text, file: text, requireEmpty: flag }, [
      "server",
      "database",
      "file",
    ]),
    closed({}),
    { secretFields: ["password"], tools: ["pg_restore"] },
  ),
  type("slack", "write", closed({ webhook: text, thread: text, text }, ["webhook"]), closed({}), {
    secretFields: ["webhook"],
  }),
  type(
    "fly/status",
    "read",
    closed({ app: text }, ["app"]),
    result({ version: whole, image: text, machines: list(machine) }),
    { tools: ["fly"] },
  ),
  type(
    "fly/choose-rollback-target",
    "read",
    closed({ app: text, release: text }, ["app"]),
    result({ version: whole, image: text, createdAt: { type: "string", format: "date-time" }, skipped: list(any) }),
    { tools: ["fly"] },
  ),
  type(
    "fly/deploy",
    "write",
    closed(
      {
        app: text,
        image: text,
        strategy: { ...text, enum: ["rolling", "canary", "bluegreen", "immediate"] },
        waitTimeout: text,
      },
      ["app", "image"],
    ),
    result({ image: text, machines: list(machine) }),
    { tools: ["fly"] },
  ),
  type("fly/wait-healthy", "read", closed({ app: text }, ["app"]), result({ image: text, machines: list(machine) }), {
    tools: ["fly"],
  }),
];

export const catalogue: Catalogue = new Map(types.map((t) => [t.type, t]));
