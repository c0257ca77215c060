/** The steps of a procedure as Markdown: what each does, what is checked, and the way back. */
import type { StepRecord } from "../../engine/run-record.ts";
import type { Action, Phase, Step } from "../../language/runbook.ts";
import { parseTemplate } from "../../language/template.ts";
import { childPath, membersOf } from "../../plan/scope.ts";
import { inertLine, markdownCode, markdownFence, markdownText } from "../../report/inert.ts";
import type { ActionText, Catalogue } from "../../steps/step-type.ts";
import { formatDuration } from "../../util/duration.ts";
import type { ProcedureOptions } from "./document.ts";

/** `v${{ steps.choose.outputs.version }}` → `v‹steps.choose.outputs.version›`. */
export function withoutHoles(text: string): string {
  return parseTemplate(text)
    .parts.map((part) => (part.kind === "text" ? part.text : `‹${part.expression}›`))
    .join("");
}

/** Step types that wait for a person; how long is said where the question is. */
export const people: ReadonlySet<string> = new Set(["approval", "manual", "checkpoint"]);

function withoutHolesIn(value: unknown): unknown {
  if (typeof value === "string") return withoutHoles(value);
  if (Array.isArray(value)) return value.map(withoutHolesIn);
  if (value !== null && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutHolesIn(item)]));
  return value;
}

type LeafAction = Extract<Action, { kind: "run" | "uses" }>;

/** The command or request as one line, its holes named; the plain fields when it cannot say without values. */
export function actionText(action: LeafAction, catalogue: Catalogue): string {
  return describe(action, catalogue).text;
}

function describe(action: LeafAction, catalogue: Catalogue): ActionText {
  const name = action.kind === "run" ? "run" : action.type;
  const type = catalogue.get(name);
  const spec = action.kind === "run" ? { argv: action.argv } : action.with;
  const literals = new Set(type?.literalFields ?? []);
  const shown = Object.fromEntries(
    Object.entries(spec).map(([key, value]) => [key, literals.has(key) ? value : withoutHolesIn(value)]),
  );
  try {
    return type?.action(shown, { target: {} }) ?? { text: name, argv: null };
  } catch {
    return { text: `${name} ${JSON.stringify(shown)}`, argv: null };
  }
}

export function stepSections(steps: readonly Step[], phase: Phase, options: ProcedureOptions): string[] {
  return steps.flatMap((step, at) => stepSection(step, String(at + 1), "", phase, options));
}

function stepSection(step: Step, number: string, parent: string, phase: Phase, options: ProcedureOptions): string[] {
  const path = childPath(parent, step.id);
  const depth = Math.min(6, 3 + number.split(".").length - 1);
  const result = options.results?.get(path);
  const parts = [
    `${"#".repeat(depth)} ${number}. ${markdownText(withoutHoles(step.title))}`,
    headFacts(step),
    step.note === null ? "" : `> ${markdownText(inertLine(step.note.trim()))}`,
    ...actionBlocks(step, options.catalogue),
    checks(step),
    wayBack(step, phase, options.catalogue),
    result === undefined ? "" : resultText(result),
  ];
  return [
    ...parts.filter((part) => part !== ""),
    ...membersOf(step).flatMap((member, at) => stepSection(member, `${number}.${at + 1}`, path, phase, options)),
  ];
}

function headFacts(step: Step): string {
  const { action } = step;
  const items = [markdownCode(step.id)];
  if (action.kind === "uses") items.push(markdownCode(action.type));
  if (action.kind === "runbook") items.push(`runbook ${markdownCode(action.name)}`);
  if (action.kind === "parallel") items.push(action.max === null ? "all at once" : `at once, at most ${action.max}`);
  if (action.kind === "group") items.push("one after the other");
  items.push(step.effects === "read" ? "reads only" : `**${step.effects}s**`.replace("destructives", "destructive"));
  if (step.forEach !== null)
    items.push(`for each ${markdownCode(step.forEach.as)} in ${markdownCode(withoutHoles(step.forEach.in))}`);
  if (step.if !== null) items.push(`only if ${markdownCode(step.if)}`);
  const isAsked = action.kind === "uses" && people.has(action.type);
  if (step.timeoutMs !== null && !isAsked) items.push(`at most ${formatDuration(step.timeoutMs)}`);
  if (step.retry.attempts > 1) items.push(`up to ${step.retry.attempts} attempts`);
  if (step.until !== null)
    items.push(
      `until ${markdownCode(step.until.that)}, every ${formatDuration(step.until.everyMs)} for at most ${formatDuration(step.until.timeoutMs)}`,
    );
  if (step.continueOnFailure) items.push("may fail without failing the run");
  if (step.override === "reason") items.push("may be overridden with a reason");
  return items.join(" · ");
}

function actionBlocks(step: Step, catalogue: Catalogue): string[] {
  const { action } = step;
  if (action.kind === "runbook") {
    const given = Object.entries(action.with).map(
      ([name, value]) => `${markdownCode(name)} = ${markdownCode(String(withoutHolesIn(value)))}`,
    );
    return given.length === 0 ? [] : [`With ${given.join(", ")}`];
  }
  if (action.kind !== "run" && action.kind !== "uses") return [];
  if (action.kind === "uses" && action.type === "eval") return [];
  if (action.kind === "uses" && people.has(action.type)) return [personText(action.with)];
  if (action.kind === "uses" && typeof action.with["script"] === "string") {
    return [markdownFence(action.with["script"], "sh"), ...environment(step)];
  }
  const { text, argv } = describe(action, catalogue);
  return [markdownFence(text, argv === null ? "text" : "sh"), ...environment(step)];
}

function personText(spec: Readonly<Record<string, unknown>>): string {
  const words = [spec["prompt"], spec["instructions"], spec["question"]].filter((text) => typeof text === "string");
  const quoted = words
    .flatMap((text) => withoutHoles(text).trim().split("\n"))
    .map((line) => (line.trim() === "" ? ">" : `> ${markdownText(line)}`));
  const from = Array.isArray(spec["from"])
    ? [`Asked: ${spec["from"].map((group) => markdownCode(String(group))).join(", ")}`]
    : [];
  const confirm =
    typeof spec["confirm"] === "string" ? [`Confirm: ${markdownText(withoutHoles(spec["confirm"]))}`] : [];
  const evidence =
    spec["evidence"] === "note" || spec["evidence"] === "file" ? [`Evidence to give: a ${spec["evidence"]}`] : [];
  const expires = typeof spec["expires"] === "string" ? [`Expires after ${markdownText(spec["expires"])}`] : [];
  return [
    quoted.join("\n"),
    ...[[...from, ...confirm, ...evidence, ...expires].join(" · ")].filter((line) => line !== ""),
  ].join("\n\n");
}

function environment(step: Step): string[] {
  const names = Object.keys(step.env);
  return names.length === 0 ? [] : [`Environment: ${names.map(markdownCode).join(", ")}`];
}

function checks(step: Step): string {
  const lines = step.verify.map(({ that, message, severity }) => {
    const words = message === null ? "" : `: ${markdownText(withoutHoles(message))}`;
    return `- ${markdownCode(that)}${severity === "warning" ? " (warning)" : ""}${words}`;
  });
  return lines.length === 0 ? "" : ["Checked:", "", ...lines].join("\n");
}

function wayBack(step: Step, phase: Phase, catalogue: Catalogue): string {
  if (step.rollback.length > 0) {
    const lines = step.rollback.flatMap((undo, at) => [
      `${at + 1}. ${markdownText(withoutHoles(undo.title))}${leafText(undo, catalogue)}`,
      ...undo.verify.map(({ that }) => `   - checked: ${markdownCode(that)}`),
    ]);
    return ["Way back:", "", ...lines].join("\n");
  }
  if (step.irreversible !== null) return `No way back: ${markdownText(step.irreversible.trim())}`;
  if (step.idempotent && step.effects !== "read") return "No way back is needed: repeating it is harmless.";
  return phase === "steps" && step.effects !== "read" && membersOf(step).length === 0 ? "No way back." : "";
}

function leafText(step: Step, catalogue: Catalogue): string {
  const { action } = step;
  return action.kind === "run" || action.kind === "uses" ? `: ${markdownCode(actionText(action, catalogue))}` : "";
}

function resultText(result: StepRecord): string {
  const words = [`**${result.status.replaceAll("_", " ")}**`];
  if (result.durationMs !== null) words.push(formatDuration(result.durationMs));
  if (result.attempts.length > 1) words.push(`${result.attempts.length} attempts`);
  if (result.why !== null) words.push(markdownText(result.why));
  const checked = result.checks.map(
    ({ that, status, expected, actual }) =>
      `- ${status.replaceAll("_", " ")}: ${markdownCode(that)}${status === "met" ? "" : `, expected ${markdownCode(expected ?? "")}, was ${markdownCode(actual ?? "")}`}`,
  );
  const failed = result.failure === null ? [] : [`- failed: ${markdownText(result.failure.message)}`];
  const lines = [...checked, ...failed];
  return [`Result: ${words.join(" · ")}`, ...(lines.length === 0 ? [] : ["", ...lines])].join("\n");
}
