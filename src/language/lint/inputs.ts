/** Inputs that contradict themselves, inputs of used runbooks, names nothing reads. */
import { nearestHint } from "../../util/closest.ts";
import { compileRegex } from "../cel/index.ts";
import { inputProblems } from "../input-value.ts";
import type { Input, Runbook } from "../runbook.ts";
import { escapePointer } from "../source.ts";
import type { LintContext } from "./context.ts";
import type { Use } from "./expression-checker.ts";
import { allSteps } from "./step-tree.ts";

export function lintInputs(context: LintContext, use: Use): void {
  const { runbook, source, findings } = context;
  for (const [name, input] of Object.entries(runbook.inputs)) {
    const pointer = `/inputs/${escapePointer(name)}`;
    contradictions(input, pointer, context);
    // An input that only documents why a run was made is read by the report.
    if (use.allInputs || use.inputs.has(name) || name === "reason") continue;
    findings.warning("unused-input", source.keyAt(pointer), `Nothing reads the input "${name}".`, {
      hint: `Remove it, or use it as \${{ inputs.${name} }}.`,
    });
  }
  const passedOn = new Set(
    [...allSteps(runbook)].flatMap(([step]) => (step.action.kind === "runbook" ? step.action.runbook.secrets : [])),
  );
  for (const [i, name] of runbook.secrets.entries()) {
    if (use.secrets.has(name) || passedOn.has(name)) continue;
    findings.warning("unused-secret", source.at(`/secrets/${i}`), `Nothing reads the secret "${name}".`, {
      hint: "Remove it: a run should be given no more secrets than it needs.",
    });
  }
  for (const [step] of allSteps(runbook)) {
    if (step.action.kind !== "runbook") continue;
    const given = Object.keys(step.action.with);
    const inputs = step.action.runbook.inputs;
    for (const name of given) {
      if (name in inputs) continue;
      findings.error(
        "unknown-input",
        source.keyAt(`${step.pointer}/with/${escapePointer(name)}`),
        `"${step.action.name}" has no input "${name}".`,
        { hint: Object.keys(inputs).length === 0 ? "It takes none." : nearestHint(name, Object.keys(inputs)) },
      );
    }
    for (const [name, value] of Object.entries(step.action.with)) {
      const input = inputs[name];
      if (input === undefined || (typeof value === "string" && value.includes("${{"))) continue;
      const problem = value === null ? undefined : inputProblems(value, input.schema)[0];
      if (problem === undefined) continue;
      findings.error("bad-value", source.at(`${step.pointer}/with/${escapePointer(name)}`), `${problem}.`, {
        hint: `"${name}" is an input of runbook/${step.action.name}.`,
      });
    }
    lintTargetsOf(step.action.runbook, step.action.name, step.pointer, context);
    const missing = Object.keys(inputs).filter(
      (name) => inputs[name]!.required && inputs[name]!.default === undefined && !given.includes(name),
    );
    if (missing.length > 0) {
      findings.error(
        "missing-input",
        source.at(`${step.pointer}/uses`),
        `"${step.action.name}" needs ${missing.map((name) => `"${name}"`).join(", ")}.`,
        { hint: `Add with: { ${missing.map((name) => `${name}: …`).join(", ")} }.` },
      );
    }
  }
}

/** A used runbook runs against the same target, so it must be written for each of ours, and we must set its variables. */
function lintTargetsOf(used: Runbook, name: string, pointer: string, context: LintContext): void {
  const { runbook, config, source, findings } = context;
  for (const [target, variables] of Object.entries(runbook.targets)) {
    const set = { ...config?.targets[target]?.variables, ...variables };
    const missing = Object.keys(used.targets[target] ?? {}).filter((variable) => !(variable in set));
    if (config === undefined || missing.length === 0) continue;
    findings.error(
      "target-variable",
      source.at(`${pointer}/uses`),
      `"${name}" reads ${missing.map((variable) => `target.${variable}`).join(", ")}, which ${target} does not set here.`,
      {
        hint: `Set it under targets: ${target}, as "${name}" does; a used runbook sees the target of the one that uses it.`,
      },
    );
  }
  const theirs = Object.keys(used.targets);
  const others = Object.keys(runbook.targets).filter((target) => !theirs.includes(target));
  if (theirs.length === 0 || others.length === 0) return;
  findings.error("unknown-target", source.at(`${pointer}/uses`), `"${name}" is not written for ${others.join(", ")}.`, {
    hint: `Its targets are ${theirs.join(", ")}.`,
  });
}

/** Which types a limit says something about. */
const limits: Readonly<Record<string, readonly Input["type"][]>> = {
  pattern: ["string"],
  minLength: ["string"],
  format: ["string"],
  minimum: ["integer", "number"],
  maximum: ["integer", "number"],
  items: ["array"],
};

function misplacedLimits({ type, schema }: Input, pointer: string, { source, findings }: LintContext): void {
  for (const [keyword, types] of Object.entries(limits)) {
    if (!(keyword in schema) || types.includes(type)) continue;
    findings.error(
      "bad-input",
      source.keyAt(`${pointer}/${keyword}`),
      `"${keyword}" says nothing about a value of type ${type}.`,
      { hint: `It belongs to ${types.join(" and ")}; remove it, or change the type.` },
    );
  }
  const { minimum, maximum } = schema;
  if (typeof minimum !== "number" || typeof maximum !== "number" || minimum <= maximum) return;
  findings.error(
    "bad-input",
    source.at(`${pointer}/maximum`),
    `No number is at least ${minimum} and at most ${maximum}.`,
    {
      hint: "Exchange the two.",
    },
  );
}

function contradictions(input: Input, pointer: string, context: LintContext): void {
  const { source, findings } = context;
  const { schema } = input;
  misplacedLimits(input, pointer, context);
  const pattern = schema["pattern"];
  if (typeof pattern === "string") {
    const regex = compileRegex(pattern);
    if (typeof regex === "string")
      findings.error(
        "bad-input",
        source.at(`${pointer}/pattern`),
        `This regular expression cannot be used: ${regex}.`,
        {
          hint: "Write it for RE2, which runs in linear time.",
        },
      );
  }
  const values: readonly (readonly [unknown, string])[] = [
    ...(input.default === undefined || input.default === null ? [] : [[input.default, `${pointer}/default`] as const]),
    ...(Array.isArray(schema["enum"])
      ? schema["enum"].map((value, i) => [value, `${pointer}/enum/${i}`] as const)
      : []),
  ];
  for (const [value, place] of values) {
    const isDefault = place.endsWith("/default");
    const problem = inputProblems(value, isDefault ? schema : { type: schema["type"] })[0];
    if (problem === undefined) continue;
    findings.error("bad-input", source.at(place), isDefault ? `The default ${problem}.` : `${problem}.`);
  }
  if (input.required && input.default !== undefined) {
    findings.error("bad-input", source.keyAt(`${pointer}/required`), "An input with a default is never missing.", {
      hint: "Remove required or default.",
    });
  }
}
