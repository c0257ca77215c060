/** The published JSON Schema (draft 2020-12) of `runbook.config.yaml`. */
import type { JsonSchema } from "../../util/json.ts";
import { choice, doc, evidenceNodes, flag, listOf, mapOf, record, span, text, when, whenKnown } from "./nodes.ts";
import { kinds, namePattern } from "./runbook-schema.ts";

const configSchemaId = "urn:runbook:schema:config.v1";

const timePattern =
  "^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$|^([01][0-9]|2[0-3]):[0-5][0-9]-24:00$";
const day = "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)";

const target = {
  type: "object",
  properties: {
    protected: flag("People depend on it: writes need an approval."),
    sandbox: flag(
      "The loopback platform, which supplies `url`, `fly`, `services`, `hosts`, `vault` and dummy secrets.",
    ),
    name: false,
  },
  propertyNames: { pattern: "^[A-Za-z_][A-Za-z0-9_]*$" },
  ...doc("Variables of the target, read as `target.*`, besides `protected` and `sandbox`."),
};

const weekdays = {
  Mon: "Monday.",
  Tue: "Tuesday.",
  Wed: "Wednesday.",
  Thu: "Thursday.",
  Fri: "Friday.",
  Sat: "Saturday.",
  Sun: "Sunday.",
};

const window = record(
  {
    days: {
      type: ["string", "array"],
      pattern: `^${day}(-${day})?(, *${day}(-${day})?)*$`,
      patternErrorMessage: "Write days like Mon-Fri or Tue,Thu.",
      items: choice("A weekday.", weekdays),
      minItems: 1,
      ...doc("Days it is open; default every day."),
    },
    hours: {
      type: "string",
      pattern: timePattern,
      patternErrorMessage: "Write hours like 09:00-17:00.",
      ...doc("Half-open: 17:00 is outside. Past midnight when the end is earlier."),
    },
    timezone: text("IANA zone."),
    holidays: listOf(
      { type: "string", pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", ...doc("Closed all day.") },
      "Days it is closed.",
      { uniqueItems: true },
    ),
    mode: choice("What happens outside it.", {
      block: "The run is refused (default).",
      warn: "It is recorded as a deviation.",
    }),
  },
  ["hours", "timezone"],
  "A maintenance window.",
);

const targetNames = listOf(
  { type: "string", pattern: namePattern, ...doc("Name of a target.") },
  "Targets it is asked for; default all.",
  { minItems: 1 },
);
const providerKeys: Readonly<Record<string, readonly string[]>> = {
  env: ["prefix"],
  file: ["dir"],
  vault: ["address", "mount", "path"],
  command: ["command", "timeout"],
};
const providerRequired: Readonly<Record<string, readonly string[]>> = {
  env: [],
  file: ["dir"],
  vault: ["address", "mount", "path"],
  command: ["command"],
};
const providerProperties: Readonly<Record<string, unknown>> = {
  type: choice("Where secrets come from.", {
    env: "The environment of the tool.",
    file: "A folder of `*.env`, `*.txt`, `*.json`.",
    vault: "HashiCorp Vault, KV version 2.",
    command: "A command that prints the value; the name is its last word.",
  }),
  targets: targetNames,
  prefix: { type: "string", ...doc("Text before the name of the secret.") },
  dir: text("Folder, relative to the project."),
  address: text("URL of the server.", {
    pattern: "^https?://",
    patternErrorMessage: "Write the whole address: https://HOST:PORT.",
  }),
  mount: text("Mount of the KV engine."),
  path: text("Path of the secret below the mount."),
  command: listOf({ type: "string", ...doc("One word.") }, "The command, word by word, without a shell.", {
    minItems: 1,
  }),
  timeout: span("Limit of the command; default 10s."),
};

/** The keys of other types of provider, each refused. */
function otherKeys(type: string): Record<string, false> {
  const own = ["type", "targets", ...providerKeys[type]!];
  return Object.fromEntries(
    Object.keys(providerProperties)
      .filter((key) => !own.includes(key))
      .map((key) => [key, false]),
  );
}

const secret = {
  type: "object",
  additionalProperties: false,
  properties: providerProperties,
  allOf: [
    whenKnown(Object.keys(providerProperties), ["type"]),
    ...Object.keys(providerKeys).map((type) =>
      when(
        { properties: { type: { const: type } }, required: ["type"] },
        { properties: otherKeys(type), ...whenKnown(Object.keys(providerProperties), providerRequired[type]!) },
      ),
    ),
  ],
  ...doc("A provider of secrets; asked in this order, the first that knows the name wins."),
};

const approver = record(
  {
    name: text("The approver's name."),
    key: text("File of the public key, relative to the project, or the key itself (`ed25519:…`)."),
  },
  ["name", "key"],
  "Somebody who may approve.",
);

const policy = record(
  {
    maxRetries: { type: "integer", minimum: 1, maximum: 20, ...doc("Most attempts a step may have; default 3.") },
    tools: listOf(text("Name of a command."), "Commands runbooks may start; default any.", { uniqueItems: true }),
    reversibility: mapOf(
      choice("How much a missing way back matters on this target.", {
        error: "An error (default).",
        warn: "A warning.",
      }),
      "Target → what a write without a way back is.",
    ),
    noApproval: listOf(choice("A kind of runbook.", kinds), "Kinds that need no approval on a protected target.", {
      uniqueItems: true,
    }),
    approvers: mapOf(listOf(approver, "Members of the group.", { minItems: 1 }), "Group → who may approve."),
  },
  [],
  "What holds for every runbook of the project.",
);

/** Builds the schema of the project file. Pure. */
export function buildConfigSchema(): JsonSchema {
  const properties = {
    apiVersion: { const: "runbook/v1", ...doc("Version of the language.") },
    targets: {
      type: "object",
      propertyNames: { pattern: namePattern },
      additionalProperties: target,
      minProperties: 1,
      ...doc("Name → variables of the target."),
    },
    windows: mapOf(window, "Name → maintenance window.", { propertyNames: { pattern: namePattern } }),
    policy,
    secrets: listOf(secret, "Providers of secrets, asked in this order."),
    evidence: record(evidenceNodes, [], "Defaults for what is kept of a run."),
    state: text("Folder of run state, relative to the project; default `.runbook`."),
    plugins: listOf(
      text("A module: a path relative to the project, or the name of a package."),
      "Modules of step types of your own, used as `plugin/NAME` (experimental).",
    ),
  };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: configSchemaId,
    title: "Project file of runbook, apiVersion runbook/v1",
    ...doc("Targets, windows, policy and providers of secrets: what stays the same for all runbooks of a project."),
    type: "object",
    additionalProperties: false,
    properties,
    ...whenKnown(Object.keys(properties), ["apiVersion", "targets"]),
  };
}
