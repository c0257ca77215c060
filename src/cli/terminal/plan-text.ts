/** The plan screen: where, what would run, what is not known yet and who will provide it, the way back. */
import type { Plan, PlannedStep } from "../../plan/plan.ts";
import { inertLine } from "../../report/inert.ts";
import { formatDuration } from "../../util/duration.ts";
import { legible, paint, type Terminal } from "./terminal.ts";
import { columnsOf, padEnd } from "./text-width.ts";

/** Narrower than this, an action stands below its step instead of beside it. */
const roomyColumns = 60;
const effectColumns = 7;
const widestLabel = 20;

export function planText(plan: Plan, terminal: Terminal): string {
  const color = terminal.colorOut;
  const strong = (text: string) => (color ? paint(text, "strong") : text);
  const head = `${plan.runbook} ${plan.version} → ${plan.target}${plan.protected ? " (protected)" : ""}`;
  const executed = plan.probed ? "only read steps were executed" : "nothing was executed";
  const gap = terminal.width - 3 - columnsOf(head) - executed.length;
  const lines =
    gap >= 2
      ? [`  ${strong(head)}${" ".repeat(gap)}${executed}`]
      : [...wrap(head, terminal.width, 2, 4).map(strong), `  ${executed}`];
  lines.push("");
  const inputs = plan.inputs.map((input) => {
    const given = "value" in input && input.source !== "none";
    return `${input.name}${given ? `=${showValue(input.value)} (${input.source})` : " not given"}`;
  });
  if (inputs.length > 0) lines.push(...labelled("inputs", inputs.join("   "), terminal.width));
  for (const step of plan.steps.filter((item) => item.phase === "guards")) {
    const blocker = plan.blocked.find((item) => item.message.startsWith(`${step.path}: `));
    const next = blocker?.next ? `needs ${blocker.next}` : "";
    lines.push(
      ...labelled(
        `guard ${step.path}`,
        blocker ? `${blocker.message}  ${terminal.symbols.failed} ${next}` : step.action,
        terminal.width,
      ),
    );
  }
  if (plan.lock !== null) lines.push(...labelled("lock", plan.lock, terminal.width));
  lines.push("", ...stepTable(plan, terminal), "", ...wrap(summary(plan), terminal.width, 2, 2));
  for (const blocker of plan.blocked) {
    const way = blocker.next ? `  (${blocker.next})` : "";
    const text = `${terminal.symbols.failed} blocked: ${inertLine(blocker.message)}${way}`;
    lines.push(...wrap(text, terminal.width, 2, 4));
  }
  lines.push(`  Plan digest ${plan.planDigest.slice(0, 19)}…`);
  if (!plan.probed) {
    lines.push(...wrap("Add --probe to run the read steps and fill the unknowns.", terminal.width, 2, 2));
  }
  const text = `${lines.join("\n")}\n`;
  return legible(terminal.symbols, text);
}

interface TableRow {
  readonly number: string;
  readonly label: string;
  readonly step: PlannedStep;
}

function stepTable(plan: Plan, terminal: Terminal): string[] {
  const rows: TableRow[] = [];
  let number = 0;
  for (const step of plan.steps.filter((item) => item.phase !== "guards")) {
    const nested = step.path.includes(".");
    const label = nested ? `  ${step.path.slice(step.path.indexOf(".") + 1)}` : step.path;
    rows.push({ number: nested ? "" : String(++number), label, step });
    for (const undo of step.undo)
      rows.push({ number: "", label: `  undo ${terminal.symbols.undone} ${undo.id}`, step: undo });
  }
  const labelWidth = Math.min(widestLabel, Math.max(4, ...rows.map((row) => columnsOf(row.label))));
  if (terminal.width < roomyColumns) return rows.flatMap((row) => stackedRow(row, labelWidth, terminal));
  const header = `  ${"#".padStart(2)} ${padEnd("step", labelWidth)} ${padEnd("effect", effectColumns)} what it would do`;
  return [header, ...rows.flatMap((row) => besideRow(row, labelWidth, terminal))];
}

function besideRow({ number, label, step }: TableRow, labelWidth: number, terminal: Terminal): string[] {
  const indent = 5 + labelWidth + 1;
  const [first = "", ...rest] = wrap(whatOf(step), terminal.width, 0, 0, indent + effectColumns + 1);
  const overlong = columnsOf(label) > labelWidth ? `\n${" ".repeat(indent)}` : " ";
  return [
    `  ${number.padStart(2)} ${padEnd(label, labelWidth)}${overlong}${effectOf(step, terminal.colorOut)} ${first}`,
    ...rest.map((line) => " ".repeat(indent + effectColumns + 1) + line),
  ];
}

function stackedRow({ number, label, step }: TableRow, labelWidth: number, terminal: Terminal): string[] {
  const head = `  ${number.padStart(2)} ${padEnd(label, labelWidth)} ${effectOf(step, terminal.colorOut)}`;
  return [head.trimEnd(), ...wrap(whatOf(step), terminal.width, 8, 8)];
}

function effectOf(step: PlannedStep, color: boolean): string {
  const person = step.type === "approval" || step.type === "manual" || step.type === "checkpoint";
  const effect = person ? "wait" : step.effects === "read" ? "read" : step.effects.toUpperCase();
  const shown = padEnd(effect, effectColumns);
  return color && effect !== "read" ? paint(shown, step.effects === "read" ? "place" : "warning") : shown;
}

function whatOf(step: PlannedStep): string {
  const { condition, checks } = step;
  if (condition?.status === "not_met") return inertLine(`skipped: ${condition.expr} is false`);
  const when = condition === null ? "" : `if ${condition.expr}: `;
  const outputs = step.outputs === null ? "" : `  (read: ${JSON.stringify(step.outputs)})`;
  return inertLine(`${when}${step.action || step.title}${checksText(checks)}${outputs}`);
}

function checksText(checks: PlannedStep["checks"]): string {
  if (checks.length === 0) return "";
  const undecided = checks.filter((check) => check.status === "undecided").length;
  const failing = checks.filter((check) => check.status === "not_met").length;
  const open = undecided === 0 ? "" : `, ${undecided === checks.length ? "" : `${undecided} `}not decidable yet`;
  return `; ${checks.length} check${checks.length === 1 ? "" : "s"}${open}${failing > 0 ? `, ${failing} NOT MET` : ""}`;
}

function summary(plan: Plan): string {
  const tools = plan.tools.map(
    (tool) => `${tool.name} ${tool.found === null ? "missing" : "found"}${tool.version ? ` ${tool.version}` : ""}`,
  );
  const found = plan.secrets.filter((secret) => secret.status === "found").length;
  const parts = [
    `${plan.writes} write${plan.writes === 1 ? "" : "s"}, ${plan.destructive} destructive, ${plan.approvals} approval${plan.approvals === 1 ? "" : "s"}`,
    `worst case ${formatDuration(plan.worstCaseMs)} + waiting`,
  ];
  if (tools.length > 0) parts.push(`tools: ${tools.join(", ")}`);
  if (plan.secrets.length > 0) parts.push(`secrets: ${found} of ${plan.secrets.length} found`);
  return parts.join(" · ");
}

function showValue(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function labelled(label: string, text: string, width: number): string[] {
  return wrap(`${label.padEnd(16)} ${inertLine(text)}`, width, 2, width < roomyColumns ? 4 : 19);
}

/** Breaks at blanks; `first` and `rest` are the indents, `taken` columns are used by the caller. */
export function wrap(text: string, width: number, first: number, rest: number, taken = 0): string[] {
  const lines: string[] = [];
  let line = " ".repeat(first);
  let empty = true;
  for (const word of text.split(" ")) {
    if (!empty && columnsOf(line) + 1 + columnsOf(word) > width - taken - 1) {
      lines.push(line);
      line = " ".repeat(rest);
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  lines.push(line);
  return lines.map((text) => text.trimEnd());
}
