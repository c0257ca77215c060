/** What the project file must define: windows, groups of approvers, plug-ins; and who may be a notification. */
import { nearestHint } from "../../util/closest.ts";
import { compileRegex, rangeProblem } from "../cel/index.ts";
import type { Action, Step } from "../runbook.ts";
import { escapePointer } from "../source.ts";
import type { LintContext } from "./context.ts";
import { allSteps } from "./step-tree.ts";

const notifiers: ReadonlySet<string> = new Set(["slack", "pagerduty", "email", "http"]);

export function lintProject(context: LintContext): void {
  const { runbook, source, findings } = context;
  for (const [step] of allSteps(runbook)) {
    uses(step.action, step.pointer, context);
    if (step.check !== null) uses(step.check.action, `${step.pointer}/check`, context);
    objectives(step, context);
  }
  for (const [i, item] of runbook.notify.entries()) {
    const pointer = `/notify/${i}`;
    uses({ kind: "uses", type: item.type, with: item.with }, pointer, context);
    if (
      item.type === "" ||
      notifiers.has(item.type) ||
      item.type.startsWith("plugin/") ||
      !context.catalogue.has(item.type)
    )
      continue;
    findings.error("notify-type", source.at(`${pointer}/uses`), `"${item.type}" notifies nobody.`, {
      hint: `Use ${[...notifiers].filter((type) => context.catalogue.has(type)).join(", ")}.`,
    });
  }
  requirements(context);
  for (const [name, objective] of Object.entries(runbook.objectives)) {
    if (objective.measure !== null || name === "rto") continue;
    const marks = [...allSteps(runbook)].flatMap(([step]) => step.objective[name] ?? []);
    if (marks.includes("start") && marks.includes("end")) continue;
    findings.error("objective-without-measure", source.keyAt(`/objectives/${name}`), `Nothing measures "${name}".`, {
      hint: `Add measure: with a duration, or mark steps with objective: { ${name}: start } and { ${name}: end }.`,
    });
  }
}

/** Ranges that mean nothing, and patterns that are no regular expression, before `doctor` meets them. */
function requirements({ runbook, source, findings }: LintContext): void {
  for (const [tool, { range, pattern }] of Object.entries(runbook.requires)) {
    const pointer = `/requires/${escapePointer(tool)}`;
    const place = source.has(`${pointer}/version`) ? `${pointer}/version` : pointer;
    if (rangeProblem(range) !== null) {
      findings.error("bad-value", source.at(place), `"${range}" is not a range of versions.`, {
        hint: "Write >=0.3, >=15 <17, ^1.2, ~1.2 or an exact version.",
      });
    }
    const regex = pattern === null ? null : compileRegex(pattern);
    if (typeof regex === "string") {
      findings.error(
        "cel-regex",
        source.at(`${pointer}/pattern`),
        `This regular expression cannot be used: ${regex}.`,
        { hint: "Write it for RE2, which runs in linear time." },
      );
    }
  }
}

function uses(action: Action, pointer: string, { catalogue, source, config, findings }: LintContext): void {
  if (action.kind !== "uses" || config === undefined) return;
  const named = (value: unknown) => typeof value === "string" && !value.includes("${{");
  if (action.type === "window" && named(action.with["name"])) {
    const name = String(action.with["name"]);
    const known = Object.keys(config.windows);
    if (!known.includes(name)) {
      findings.error(
        "unknown-window",
        source.at(`${pointer}/with/name`),
        `There is no window "${name}" in runbook.config.yaml.`,
        {
          hint: nearestHint(name, known) ?? "Define it under windows.",
        },
      );
    }
  }
  if (action.type === "approval" && Array.isArray(action.with["from"])) {
    const known = Object.keys(config.policy.approvers);
    for (const [i, group] of action.with["from"].entries()) {
      if (!named(group) || known.includes(String(group))) continue;
      findings.error(
        "unknown-approver-group",
        source.at(`${pointer}/with/from/${i}`),
        `There is no group "${String(group)}" in policy.approvers.`,
        {
          hint: nearestHint(String(group), known) ?? "Define it under policy.approvers in runbook.config.yaml.",
        },
      );
    }
  }
  if (action.type.startsWith("plugin/") && !catalogue.has(action.type)) {
    const known = [...catalogue.keys()].filter((type) => type.startsWith("plugin/"));
    const message =
      config.plugins.length === 0
        ? "No plug-in is named in runbook.config.yaml."
        : `No plug-in of runbook.config.yaml is ${action.type}.`;
    findings.error("unknown-plugin", source.at(`${pointer}/uses`), message, {
      hint: nearestHint(action.type, known) ?? "Add its module to plugins.",
    });
  }
}

function objectives(step: Step, { runbook, source, findings }: LintContext): void {
  for (const name of Object.keys(step.objective)) {
    if (name in runbook.objectives) continue;
    findings.error(
      "unknown-objective",
      source.keyAt(`${step.pointer}/objective/${name}`),
      `There is no objective "${name}".`,
      {
        hint: nearestHint(name, Object.keys(runbook.objectives)) ?? "Declare it under objectives with its target.",
      },
    );
  }
}
