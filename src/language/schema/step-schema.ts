/** The schema of a step: its keys, its one action, and `with` as each step type of the catalogue asks for it. */
import type { Catalogue, StepType } from "../../steps/step-type.ts";
import type { JsonSchema } from "../../util/json.ts";
import {
  cel,
  choice,
  doc,
  documented,
  duration,
  flag,
  listOf,
  mapOf,
  record,
  span,
  text,
  when,
  whenKnown,
  withHoles,
} from "./nodes.ts";

type Node = Record<string, unknown>;

/** Keys of a step that groups, `parallel` and nested runbooks understand; everything else belongs to one action. */
export const groupKeys = [
  "id",
  "title",
  "note",
  "if",
  "forEach",
  "budget",
  "timeout",
  "continueOnFailure",
  "objective",
] as const;

const idPattern = "^[a-z][a-z0-9_]*$";

const effects = choice(
  "What the step may do to the world. Required on `run` and `script`; elsewhere only to name a stronger one than the type's own.",
  {
    read: "Looks, changes nothing: may run in `plan --probe` and again after an interruption.",
    write: "Changes something: needs a way back, and is not repeated blindly.",
    destructive: "Removes something that cannot be had again.",
  },
);

const steps = (markdown: string, more: Node = {}) =>
  listOf({ $ref: "#/$defs/step" }, markdown, { minItems: 1, ...more });

const run: Node = {
  type: ["string", "array"],
  minLength: 1,
  minItems: 1,
  items: { type: "string", ...doc("One word of the command, passed as it is.") },
  ...doc(
    "One command **without a shell**: words are split here, quotes group, a hole never splits or adds a word. For pipes and variables use `uses: script`.",
  ),
};

const environment = mapOf(
  text("Value; may hold holes, `secrets.*` included.", { minLength: 0 }),
  "Environment variables of the command.",
  {
    propertyNames: { pattern: "^[A-Za-z_][A-Za-z0-9_]*$" },
  },
);

const verification: Node = {
  ...record(
    {
      that: cel("What must be true."),
      message: text("Shown when it is not met; may hold holes."),
      severity: choice("Whether the step fails.", {
        error: "The step fails (default).",
        warning: "Recorded, the step goes on.",
      }),
      show: cel("Value shown in the report when it is not met."),
    },
    ["that"],
    "A condition the step must meet: CEL, or `{ that, message, severity, show }`.",
  ),
  type: ["string", "object"],
  minLength: 1,
};
// `propertyNames` and `required` look at objects only, so the text form passes untouched.

const retry: Node = {
  ...record(
    {
      attempts: { type: "integer", minimum: 1, maximum: 100, ...doc("Attempts in all.") },
      delay: duration("Pause before the second attempt."),
      backoff: { type: "number", minimum: 1, maximum: 10, ...doc("Factor by which each pause grows.") },
      jitter: flag("Vary each pause a little, so that many runs do not meet."),
      on: listOf(
        {
          type: "string",
          pattern: "^(transient|timeout|exit:([1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))$",
          patternErrorMessage: "Write transient, timeout, or an exit code such as exit:75.",
          ...doc("A class of failure, or an exit code."),
        },
        "Failures that are tried again.",
        { minItems: 1, uniqueItems: true },
      ),
    },
    ["attempts"],
    "Attempts in all (`3`), or `{ attempts, delay, backoff, jitter, on }`. Capped by policy. On a write it needs `check`, `idempotent` or `onInterrupted: retry`.",
  ),
  type: ["integer", "object"],
  minimum: 1,
  maximum: 100,
};

function stepProperties(uses: Node): Node {
  return {
    id: {
      type: "string",
      pattern: idPattern,
      maxLength: 63,
      patternErrorMessage: "Lower-case letters, digits and _; in an expression - means minus.",
      ...doc("Name in expressions and paths, unique among its siblings."),
    },
    title: text("What the step does, for people. May hold holes."),
    note: text("Shown to the operator before the step and kept in the report."),
    run,
    uses,
    with: { type: "object", ...doc("What the step type is given.") },
    parallel: steps("Steps that run at once; waits for all, then fails."),
    max: { type: "integer", minimum: 1, maximum: 1000, ...doc("How many steps of `parallel` run at a time.") },
    steps: steps("A group of steps: one phase."),
    if: cel("False skips the step, and the report says why."),
    effects,
    check: {
      ...record(
        {
          run,
          uses,
          with: { type: "object", ...doc("What the step type is given.") },
          that: cel("True: already done."),
        },
        ["that"],
        "A read action and a condition: is it already done? Used before a retry, on resume and by `plan --probe`.",
      ),
      allOf: [
        when(
          { required: ["run"] },
          { properties: { uses: false, with: false } },
          whenKnown(["run", "uses", "with", "that"], ["uses"]),
        ),
        { $ref: "#/$defs/withOfType" },
      ],
    },
    onInterrupted: choice("What a resume does with this step when its outcome is unknown.", {
      retry: "Run it again.",
      check: "Ask `check` first.",
      ask: "Ask a person.",
    }),
    idempotent: flag("The author's promise that repeating is harmless."),
    retry,
    timeout: span("Limit of one attempt; of a group, of the whole."),
    until: record(
      {
        that: cel("Repeat until this is true."),
        every: span("Pause between two looks."),
        timeout: span("When to give up."),
        backoff: { type: "number", minimum: 1, maximum: 10, ...doc("Factor by which each pause grows.") },
      },
      ["that", "timeout"],
      "Repeat a read action until a condition holds; waiting is not failing.",
    ),
    verify: listOf(verification, "The step is ok only if every condition of severity `error` holds.", { minItems: 1 }),
    outputs: mapOf(cel("CEL over `result`."), "Name → value kept for later steps and the report.", {
      propertyNames: { pattern: "^[A-Za-z_][A-Za-z0-9_]*$" },
    }),
    artifacts: listOf(text("Glob relative to the step's working directory."), "Files to keep with their hashes.", {
      minItems: 1,
    }),
    rollback: steps("Steps that undo this one, in the order they run."),
    irreversible: text("Why it cannot or need not be undone."),
    continueOnFailure: flag("The step may fail without failing the run; the report carries a warning."),
    forEach: record(
      {
        in: {
          type: "string",
          pattern: "^\\s*\\$\\{\\{[\\s\\S]*\\}\\}\\s*$",
          patternErrorMessage: "Write one hole that gives a list.",
          ...doc("The list, as one hole."),
        },
        as: { type: "string", pattern: idPattern, ...doc("Name of the item in expressions.") },
        max: {
          type: "integer",
          minimum: 1,
          maximum: 1000,
          ...doc("How many items run at a time; default one after the other."),
        },
        maxFailures: {
          type: ["integer", "string"],
          minimum: 0,
          pattern: "^(100|[0-9]{1,2})%$",
          patternErrorMessage: "Write a count such as 1, or a share such as 5%.",
          ...doc("Items that may fail, as a count or a share."),
        },
      },
      ["in", "as"],
      "Once per item of a list; outputs become a list in input order.",
    ),
    env: environment,
    cwd: text("Working directory of the command."),
    stdin: text("Text the command reads.", { minLength: 0 }),
    override: choice("Whether an operator may go past this step with `--override`.", {
      reason: "With a reason, recorded as a deviation.",
      never: "Never (default).",
    }),
    objective: mapOf(
      choice("Which end of the clock.", {
        start: "The clock starts with this step.",
        end: "The clock stops when this step is verified.",
      }),
      "Marks the clock of a named objective.",
      { minProperties: 1 },
    ),
    budget: span("Our working time for the group; over it the run is marked, never ended."),
  };
}

/** `$defs` of the runbook schema that depend on the catalogue. */
export function stepDefinitions(catalogue: Catalogue): Record<string, JsonSchema> {
  // `run` has its own key; `uses: run` would be a second spelling.
  const types = [...catalogue.keys()].filter((type) => type !== "run").sort();
  const uses: Node = {
    type: "string",
    ...when(
      { pattern: "^(runbook|plugin)/" },
      {
        pattern: "^(runbook|plugin)/[a-z][a-z0-9-]{0,62}$",
        patternErrorMessage: "Write runbook/NAME or plugin/NAME.",
      },
      listedTypes(catalogue, types),
    ),
    ...doc("A step type, another runbook (`runbook/NAME`) or a plug-in (`plugin/NAME`)."),
  };
  const properties = stepProperties(uses);
  const known = Object.keys(properties);
  const never = (allowed: readonly string[]) =>
    Object.fromEntries(known.filter((k) => !allowed.includes(k)).map((k) => [k, false]));
  const definitions: Record<string, JsonSchema> = {
    step: {
      type: "object",
      additionalProperties: false,
      properties,
      allOf: [whenKnown(known, ["id", "title"]), oneAction(known, never), { $ref: "#/$defs/withOfType" }],
      ...doc("One step: `id`, `title` and exactly one action (`run`, `uses`, `parallel` or `steps`)."),
    },
    withOfType: {
      allOf: types.map((type) => {
        const condition = { type: "object", properties: { uses: { const: type } }, required: ["uses"] };
        return withLazy({ if: condition }, "then", () => withOf(catalogue, type));
      }),
    },
  };
  for (const type of types) withLazy(definitions, definitionName(type), () => definitionOf(catalogue.get(type)!));
  return definitions;
}

function listedTypes(catalogue: Catalogue, types: readonly string[]): Node {
  const summaries = () => types.map((type) => catalogue.get(type)!.summary);
  const listed: Node = { enum: types };
  withLazy(listed, "enumDescriptions", () => summaries().map((summary) => summary.replace(/`|\*\*/g, "")));
  return withLazy(listed, "markdownEnumDescriptions", summaries);
}

function definitionOf(step: StepType): JsonSchema {
  return {
    type: "object",
    ...documented(inputWithHoles(step.input, step.literalFields)),
    ...doc(`${step.summary}\n\n[${step.type}](${step.docs})`),
  };
}

/** Adds a member that is made when first looked at: a runbook looks at the few types it uses. */
function withLazy<Holder extends object>(object: Holder, name: string, make: () => unknown): Holder {
  let value: unknown;
  return Object.defineProperty(object, name, { enumerable: true, get: () => (value ??= make()) });
}

export function definitionName(type: string): string {
  return `with.${type.replaceAll("/", ".")}`;
}

function withOf(catalogue: Catalogue, type: string): JsonSchema {
  const required = catalogue.get(type)!.input["required"];
  const needed = Array.isArray(required) && required.length > 0;
  // A second action is a mistake of its own; what its `with` lacks does not matter then.
  const single = { propertyNames: { not: { enum: ["run", "parallel", "steps"] } } };
  return {
    properties: { with: { $ref: `#/$defs/${definitionName(type)}` } },
    ...(needed ? when(single, { required: ["with"] }) : {}),
  };
}

function oneAction(known: readonly string[], never: (allowed: readonly string[]) => Node): Node {
  const forbid = (...keys: string[]) => ({ properties: Object.fromEntries(keys.map((k) => [k, false])) });
  const nested = { properties: { uses: { pattern: "^runbook/" } }, required: ["uses"] };
  const has = (key: string) => ({ required: [key] });
  const noAction = when(
    { propertyNames: { enum: known } },
    { required: ["run"], errorMessage: "A step needs one action: run, uses, parallel or steps." },
  );
  const group = when(has("steps"), { properties: never([...groupKeys, "steps"]) }, noAction);
  const parallel = when(has("parallel"), { properties: never([...groupKeys, "parallel", "max"]) }, group);
  const inRunbook = { properties: never([...groupKeys, "uses", "with"]) };
  const leaf = forbid("parallel", "steps", "max", "budget");
  const uses = when(has("uses"), when(nested, inRunbook, leaf), parallel);
  // Beside a second action `with` is no mistake of its own.
  const withAlone = when(has("uses"), {}, forbid("with"));
  return when(has("run"), { properties: { ...leaf.properties, uses: false }, ...withAlone }, uses);
}

/** Adds holes to each member of `with`; members that are literal text or CEL stay as they are. */
function inputWithHoles(input: JsonSchema, literalFields: readonly string[]): JsonSchema {
  const properties = (input["properties"] ?? {}) as Record<string, JsonSchema>;
  const out: Node = { ...input };
  out["properties"] = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, withHoles(schema, literalFields.includes(name))]),
  );
  const required = input["required"];
  if (Array.isArray(required) && required.length > 0 && input["additionalProperties"] === false && !("if" in input)) {
    delete out["required"];
    Object.assign(out, whenKnown(Object.keys(properties), required as string[]));
  }
  return out;
}
