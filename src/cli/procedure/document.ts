/**
 * A runbook as the document a person follows: Markdown made from the runbook alone (and, for `show <run>`, from what
 * a run's journal says of each step). Pure: the same runbook gives the same bytes on any machine.
 */
import type { StepRecord } from "../../engine/run-record.ts";
import type { Config } from "../../language/config.ts";
import type { Input, Runbook, Step } from "../../language/runbook.ts";
import { allSteps } from "../../plan/scope.ts";
import { inertLines, markdownCode, markdownText } from "../../report/inert.ts";
import type { Catalogue } from "../../steps/step-type.ts";
import { formatDuration } from "../../util/duration.ts";
import { flowChart } from "./flow.ts";
import { actionText, stepSections, withoutHoles } from "./steps.ts";

export interface ProcedureOptions {
  readonly catalogue: Catalogue;
  /** For whether a target is protected. */
  readonly targets: Config["targets"];
  /** Of the runbook, from the project's root. */
  readonly file: string;
  /** By step path; null = nothing ran. */
  readonly results: ReadonlyMap<string, StepRecord> | null;
}

export function procedureDocument(runbook: Runbook, options: ProcedureOptions): string {
  const parts = [
    `# ${markdownText(runbook.title)}`,
    facts([
      markdownCode(runbook.name),
      `version ${markdownText(runbook.version)}`,
      runbook.kind,
      `owner ${markdownText(runbook.owner)}`,
      ...(runbook.severity === null ? [] : [`severity ${markdownText(runbook.severity)}`]),
      markdownCode(options.file),
    ]),
    inertLines(runbook.description).trim(),
    links(runbook),
    section("Flow", [flowChart(runbook)]),
    section("Inputs", inputs(runbook)),
    section("Where it runs", targets(runbook, options)),
    section("What it needs", needs(runbook)),
    section(
      "Before it starts",
      runbook.guards.length === 0
        ? []
        : [
            "Nothing is changed unless all of these hold; they are asked again before every resume.",
            ...stepSections(runbook.guards, "guards", options),
          ],
    ),
    section("Steps", stepSections(runbook.steps, "steps", options)),
    section("Always at the end", runbook.always.length === 0 ? [] : stepSections(runbook.always, "always", options)),
    section("When a step fails", [onFailure(runbook)]),
    section("Who is told", notifications(runbook, options)),
    section("How to run it", [commands(runbook)]),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function section(title: string, parts: readonly string[]): string {
  const body = parts.filter((part) => part !== "");
  return body.length === 0 ? "" : [`## ${title}`, ...body].join("\n\n");
}

function facts(items: readonly string[]): string {
  return items.join(" · ");
}

function links(runbook: Runbook): string {
  const items = runbook.links.map(({ title, url }) =>
    /^https?:\/\/[^\s<>()]+$/.test(url)
      ? `- [${markdownText(title)}](${url})`
      : `- ${markdownText(title)}: ${markdownCode(url)}`,
  );
  const tags = runbook.tags.length === 0 ? [] : [`Tags: ${runbook.tags.map(markdownCode).join(", ")}`];
  return [...(items.length === 0 ? [] : [items.join("\n")]), ...tags].join("\n\n");
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}

function inputs(runbook: Runbook): string[] {
  const rows = Object.entries(runbook.inputs).map(([name, input]) => [
    markdownCode(name),
    typeText(input),
    input.required ? "**yes**" : "no",
    input.default === undefined ? "" : markdownCode(JSON.stringify(input.default)),
    markdownText(input.description),
  ]);
  return rows.length === 0 ? [] : [table(["Input", "Type", "Required", "Default", "What it is"], rows)];
}

function typeText(input: Input): string {
  const { schema } = input;
  const limits: string[] = [input.type];
  const values = schema["enum"];
  if (Array.isArray(values)) limits.push(values.map((value) => markdownCode(String(value))).join(" "));
  for (const [key, words] of [
    ["pattern", "matches"],
    ["minimum", "at least"],
    ["maximum", "at most"],
    ["minLength", "characters at least"],
    ["format", "format"],
  ] as const) {
    if (schema[key] !== undefined) limits.push(`${words} ${markdownCode(String(schema[key]))}`);
  }
  if (input.sensitive) limits.push("never stored");
  return limits.join(", ");
}

function targets(runbook: Runbook, options: ProcedureOptions): string[] {
  const rows = Object.entries(runbook.targets).map(([name, extra]) => {
    const target = options.targets[name];
    const kind = target?.protected === true ? "protected" : target?.sandbox === true ? "sandbox on this machine" : "";
    const variables = Object.entries(extra).map(([key, value]) => markdownCode(`${key}: ${JSON.stringify(value)}`));
    return [markdownCode(name), kind, variables.join(" ")];
  });
  return rows.length === 0 ? [] : [table(["Target", "", "Set by this runbook"], rows)];
}

function needs(runbook: Runbook): string[] {
  const lines: string[] = [];
  const tools = Object.entries(runbook.requires).map(([name, { range }]) => markdownCode(`${name} ${range}`));
  if (tools.length > 0) lines.push(`- Tools: ${tools.join(", ")}`);
  if (runbook.secrets.length > 0) lines.push(`- Secrets: ${runbook.secrets.map(markdownCode).join(", ")}`);
  if (runbook.concurrency !== null)
    lines.push(`- One run at a time of ${markdownCode(withoutHoles(runbook.concurrency))}`);
  else if (allSteps(runbook).some((step) => step.effects !== "read")) lines.push("- One run at a time per target");
  if (runbook.budgetMs !== null) lines.push(`- Working time: ${formatDuration(runbook.budgetMs)}`);
  for (const [name, { targetMs, measure }] of Object.entries(runbook.objectives))
    lines.push(
      `- Objective ${markdownCode(name)}: ${formatDuration(targetMs)}${measure === null ? ", from the start to the last verified step" : `, measured as ${markdownCode(measure)}`}`,
    );
  if (runbook.drillEveryMs !== null)
    lines.push(`- Rehearsed at least every ${formatDuration(runbook.drillEveryMs).replace(/ 0h$/, "")}`);
  return lines.length === 0 ? [] : [lines.join("\n")];
}

function onFailure(runbook: Runbook): string {
  const undoable = allSteps(runbook).some((step: Step) => step.rollback.length > 0);
  const rest = "A run that stopped goes on with `runbook resume`.";
  switch (runbook.onFailure) {
    case "rollback":
      return `What took effect is undone, newest first, and each way back is verified.${undoable ? "" : " No step has a way back."} If that fails too, the state is unknown: page somebody.`;
    case "ask":
      return `In a terminal the operator is asked whether to stop or to undo; elsewhere the run stops. ${rest}`;
    case "stop":
      return `The run stops where it is; nothing is undone${undoable ? " unless `runbook resume --rollback` is typed" : ""}. ${rest}`;
  }
}

function notifications(runbook: Runbook, options: ProcedureOptions): string[] {
  const lines = runbook.notify.map(
    ({ on, type, with: spec }) =>
      `- ${on.join(", ").replaceAll("_", " ")}: ${markdownCode(actionText({ kind: "uses", type, with: spec }, options.catalogue))}`,
  );
  return lines.length === 0 ? [] : [lines.join("\n")];
}

function commands(runbook: Runbook): string {
  const target = Object.keys(runbook.targets)[0];
  const given = Object.entries(runbook.inputs)
    .filter(([, input]) => input.required)
    .map(([name]) => ` -i ${name}=…`);
  const rest = `${runbook.name}${target === undefined ? "" : ` -t ${target}`}${given.join("")}`;
  return ["```sh", `runbook plan ${rest}`, `runbook run  ${rest}`, "```"].join("\n");
}
