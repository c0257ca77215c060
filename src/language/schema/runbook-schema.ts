/** The published JSON Schema (draft 2020-12) of a runbook, built from the step catalogue. */
import type { Catalogue } from "../../steps/step-type.ts";
import type { JsonSchema } from "../../util/json.ts";
import type { RunbookKind } from "../runbook.ts";
import { cel, choice, doc, evidenceNodes, flag, listOf, mapOf, record, span, text, whenKnown } from "./nodes.ts";
import { stepDefinitions } from "./step-schema.ts";

const runbookSchemaId = "urn:runbook:schema:runbook.v1";
export const namePattern = "^[a-z][a-z0-9-]{0,62}$";
/** https://semver.org, without leading zeros; pre-release and build parts allowed. */
const semverPattern =
  "^(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)(-[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*)?(\\+[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*)?$";
const variablePattern = "^[A-Za-z_][A-Za-z0-9_]*$";
const secretPattern = "^[A-Za-z_][A-Za-z0-9_]*\\??$";

export const kinds: Readonly<Record<RunbookKind, string>> = {
  deploy: "Brings a new version into service.",
  rollback: "Returns to an earlier version.",
  "disaster-recovery": "Rebuilds a service or its data after a loss.",
  "restore-drill": "Proves that a backup can be restored, on a scratch server.",
  backup: "Makes a backup and proves that it is one.",
  "smoke-test": "A few checks that the service works at all.",
  "health-check": "Reads the health of services.",
  audit: "Compares what is with what should be.",
  maintenance: "Planned work on a running service.",
  drill: "Practises a procedure.",
  checklist: "Items that people confirm.",
  incident: "What to do while something is broken.",
};

/** What a value may be: the part of JSON Schema that inputs and their items share. */
const valueProperties = {
  type: choice("Type of the value.", {
    string: "Text.",
    integer: "A whole number.",
    number: "A number.",
    boolean: "true or false.",
    array: "A list.",
    object: "A map.",
  }),
  enum: { type: "array", minItems: 1, ...doc("The values it may have.") },
  pattern: {
    type: "string",
    minLength: 1,
    ...doc("Regular expression the text must match; runs in linear time, so no look-around and no back references."),
  },
  minimum: { type: "number", ...doc("Smallest number.") },
  maximum: { type: "number", ...doc("Largest number.") },
  minLength: { type: "integer", minimum: 0, ...doc("Fewest characters.") },
  items: { $ref: "#/$defs/items" },
  format: choice("Kind of text.", {
    date: "`2026-11-26`",
    "date-time": "`2026-11-26T09:00:00Z`",
    duration: "`90s`, `PT1H30M`",
    email: "An address of mail.",
    hostname: "A host name.",
    ipv4: "An IPv4 address.",
    ipv6: "An IPv6 address.",
    uri: "An absolute URL.",
    uuid: "A UUID.",
  }),
};

const items = record(valueProperties, ["type"], "What each item of a list may be.");

const input = record(
  {
    ...valueProperties,
    default: doc("Value when none is given."),
    description: text("What it is for, for people."),
    required: flag("Whether a run needs it; default false. An absent optional input is `null`."),
    prompt: text("Question asked in a terminal when it is missing."),
    sensitive: flag("Masked everywhere, as a secret is."),
  },
  ["type"],
  "One input: its type and what it may be.",
);

const requirement = {
  type: ["string", "object"],
  minLength: 1,
  additionalProperties: false,
  properties: {
    version: { type: "string", minLength: 1, ...doc("Range of versions.") },
    command: listOf(
      { type: "string", ...doc("One word.") },
      "Command that prints the version; default `[tool, --version]`.",
      { minItems: 1 },
    ),
    pattern: { type: "string", minLength: 1, ...doc("Regular expression whose first group is the version.") },
  },
  ...whenKnown(["version", "command", "pattern"], ["version"]),
  ...doc("A range of versions, or `{ version, command, pattern }`."),
};

const objective = {
  type: "object",
  additionalProperties: false,
  properties: {
    target: span("The promise."),
    measure: cel("CEL of type duration; `rto` defaults to start of run → last verified step."),
  },
  ...whenKnown(["target", "measure"], ["target"]),
  ...doc("A promise about time and how it is measured."),
};

/** Builds the schema of a runbook for the given step types. Pure; the same catalogue gives the same schema. */
export function buildRunbookSchema(catalogue: Catalogue): JsonSchema {
  const definitions = stepDefinitions(catalogue);
  definitions["items"] = items;
  const uses = (definitions["step"] as { properties: Record<string, unknown> }).properties["uses"];
  const steps = (markdown: string) => listOf({ $ref: "#/$defs/step" }, markdown, { minItems: 1 });
  const properties = {
    apiVersion: { const: "runbook/v1", ...doc("Version of the language.") },
    name: {
      type: "string",
      pattern: namePattern,
      patternErrorMessage: "Lower-case letters, digits and -, beginning with a letter, at most 63.",
      ...doc("Name of the runbook, equal to the file name."),
    },
    version: {
      type: "string",
      pattern: semverPattern,
      patternErrorMessage: 'A version has three numbers: "1.0.0".',
      ...doc("SemVer of the procedure, a text."),
    },
    title: text("One line that says what it achieves.", { pattern: "^[^\\r\\n]+$" }),
    owner: text("The team that keeps it true.", { pattern: "^[^\\r\\n]+$" }),
    kind: choice("What kind of procedure this is; the policy of the project decides by it.", kinds),
    description: text("Markdown: when to use it, what it does **not** undo."),
    tags: listOf(text("A tag."), "Words to find it by.", { uniqueItems: true }),
    links: listOf(
      {
        type: ["string", "object"],
        minLength: 1,
        additionalProperties: false,
        properties: { title: text("What the link shows."), url: text("Absolute URL.") },
        ...whenKnown(["title", "url"], ["url"]),
        ...doc("A URL, or `{ title, url }`."),
      },
      "Pages that belong to it.",
    ),
    severity: text("Severity of the incidents it answers."),
    inputs: mapOf(input, "What a run is given with `-i name=value`.", { propertyNames: { pattern: variablePattern } }),
    targets: {
      type: ["array", "object"],
      items: { type: "string", pattern: namePattern, ...doc("Name of a target in `runbook.config.yaml`.") },
      minItems: 1,
      minProperties: 1,
      uniqueItems: true,
      propertyNames: { pattern: namePattern },
      additionalProperties: {
        type: ["object", "null"],
        properties: { protected: false, sandbox: false, name: false },
        ...doc("Extra variables of this runbook for the target."),
      },
      ...doc("Targets it may run against: a list of names, or a map name → extra variables."),
    },
    secrets: listOf(
      {
        type: "string",
        pattern: secretPattern,
        patternErrorMessage: "Letters, digits and _, not beginning with a digit; NAME? for one that may be missing.",
        ...doc("Name of a secret; with a `?` behind it, one that need not be there."),
      },
      "Names of secrets; a provider of the project resolves them. `NAME?` is null when none knows it.",
      { uniqueItems: true },
    ),
    env: mapOf(
      text("Value; may hold holes, `secrets.*` included.", { minLength: 0 }),
      "Environment of every command step.",
      { propertyNames: { pattern: variablePattern } },
    ),
    requires: mapOf(requirement, "Tools with ranges of versions, checked before the first step."),
    concurrency: text(
      "Lock key, may hold holes; one run at a time per key. Default `target/<name>` when there is any write.",
    ),
    budget: span("Our working time; stops while a person decides. Over it the run is marked, never ended."),
    objectives: mapOf(objective, "Promises about time: `rto`, `rpo`, …", {
      propertyNames: { pattern: "^[a-z][a-z0-9_]*$" },
    }),
    onFailure: choice("What a failed step does to the run.", {
      stop: "Stop where it is (default).",
      rollback: "Undo the steps that took effect, newest first.",
      ask: "Ask in a terminal, stop elsewhere.",
    }),
    guards: steps("Read-only steps before the first step, and again before every resume."),
    steps: steps("The procedure, in the order it runs."),
    always: steps("Steps that run at the end whatever happened."),
    notify: listOf(
      {
        type: "object",
        additionalProperties: false,
        properties: {
          on: listOf(
            choice("An event.", {
              waiting: "The run waits for a person.",
              failed: "The run failed.",
              rolled_back: "It failed and was undone.",
              rollback_failed: "It failed and could not be undone: state unknown.",
              succeeded: "It succeeded.",
              escalated: "Also: the third failure in a row, a secret that was found, or a budget that is used up.",
            }),
            "Events it speaks of.",
            { minItems: 1, uniqueItems: true },
          ),
          uses,
          with: { type: "object", ...doc("What the step type is given.") },
        },
        allOf: [whenKnown(["on", "uses", "with"], ["on", "uses"]), { $ref: "#/$defs/withOfType" }],
        ...doc("One notification."),
      },
      "Who is told what; a failing notification never changes the verdict.",
    ),
    evidence: {
      type: "object",
      additionalProperties: false,
      properties: {
        report: text("Handlebars layout of `report.md`, relative to the runbook."),
        ...evidenceNodes,
      },
      ...doc("What is kept of a run, and where."),
    },
    drill: {
      type: "object",
      additionalProperties: false,
      properties: { every: span("How often a successful real run is due.") },
      ...whenKnown(["every"], ["every"]),
      ...doc("Overdue when no successful real run on a listed target is that recent."),
    },
  };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: runbookSchemaId,
    title: "Runbook, apiVersion runbook/v1",
    ...doc("A versioned procedure that is validated, planned, executed and proved."),
    type: "object",
    additionalProperties: false,
    properties,
    ...whenKnown(Object.keys(properties), [
      "apiVersion",
      "name",
      "version",
      "title",
      "owner",
      "kind",
      "description",
      "steps",
    ]),
    $defs: definitions,
  };
}
