/** Names: the runbook's own, ids of steps, targets. */
import { nearestHint } from "../../util/closest.ts";
import { nameOfFile } from "../file-name.ts";
import { type Data, mapAt } from "../plain-data.ts";
import type { Step } from "../runbook.ts";
import { escapePointer } from "../source.ts";
import type { LintContext } from "./context.ts";
import { allSteps, membersOf } from "./step-tree.ts";

/** Words of CEL (https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax) that cannot be a field name. */
const literals: ReadonlySet<string> = new Set(["true", "false", "null", "in"]);
/** Reserved for use as identifiers; an `as` name is one. */
const reserved: ReadonlySet<string> = new Set(
  "as break const continue else for function if import let loop package namespace return var void while".split(" "),
);
const ownNames: ReadonlySet<string> = new Set(
  "inputs target steps run secrets result outputs artifacts index json csv lines diff percentile semver size has all exists exists_one filter map duration timestamp string int uint double bool bytes type dyn".split(
    " ",
  ),
);

/** A name that cannot be one is a mistake of its own. */
const namePattern = /^[a-z][a-z0-9-]{0,62}$/;

export function lintNames(context: LintContext): void {
  const { runbook, source, findings } = context;
  const expected = nameOfFile(source.file);
  if (/\.ya?ml$/.test(source.file) && namePattern.test(runbook.name) && runbook.name !== expected) {
    findings.error("name-not-file-name", source.at("/name"), `"${runbook.name}" is not the name of the file.`, {
      hint: `Write "${expected}", or rename the file to ${runbook.name}.yaml.`,
    });
  }
  siblings([...runbook.guards, ...runbook.steps, ...runbook.always], context);
  for (const [step] of allSteps(runbook)) {
    siblings(membersOf(step), context);
    siblings(step.rollback, context);
    badId(step, context);
  }
  lintTargets(context);
}

function siblings(steps: readonly Step[], { source, findings }: LintContext): void {
  const first = new Map<string, Step>();
  for (const step of steps) {
    const other = first.get(step.id);
    if (step.id === "") continue;
    if (other === undefined) {
      first.set(step.id, step);
      continue;
    }
    findings.error("duplicate-id", source.at(`${step.pointer}/id`), `The id "${step.id}" is taken.`, {
      hint: "Guards, steps and always are one list; choose another id.",
      related: [{ message: `"${step.id}" is this step.`, at: source.at(`${other.pointer}/id`) }],
    });
  }
}

function badId(step: Step, { source, findings }: LintContext): void {
  if (literals.has(step.id)) {
    findings.error("bad-id", source.at(`${step.pointer}/id`), `"${step.id}" is a word of the expression language.`, {
      hint: `Write ${step.id}_step, or say what it does.`,
    });
  }
  const as = step.forEach?.as;
  if (as !== undefined && (literals.has(as) || reserved.has(as) || ownNames.has(as))) {
    findings.error("bad-id", source.at(`${step.pointer}/forEach/as`), `"${as}" has a meaning in expressions already.`, {
      hint: "Choose another name for the item.",
    });
  }
}

function lintTargets({ runbook, source, config, findings }: LintContext): void {
  if (config === undefined) return;
  const known = Object.keys(config.targets);
  const isMap = !Array.isArray((source.data as Data)["targets"]);
  for (const [i, name] of Object.keys(runbook.targets).entries()) {
    const place = isMap ? `/targets/${escapePointer(name)}` : `/targets/${i}`;
    const at = isMap ? source.keyAt(place) : source.at(place);
    const target = config.targets[name];
    if (target === undefined) {
      findings.error("unknown-target", at, `There is no target "${name}" in runbook.config.yaml.`, {
        hint: nearestHint(name, known),
      });
      continue;
    }
    for (const variable of Object.keys(mapAt(runbook.targets as Data, name))) {
      if (!(variable in target.variables)) continue;
      findings.error(
        "duplicate-variable",
        source.keyAt(`${place}/${escapePointer(variable)}`),
        `"${variable}" of ${name} is set in runbook.config.yaml already.`,
        { hint: "Keep one of the two." },
      );
    }
  }
}
