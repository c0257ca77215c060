/** The plan screen: where, what would run, what is not known yet and who will provide it, the way back. */
import type { Plan, PlannedStep } from "../plan/plan.ts";
import { formatDuration } from "../util/duration.ts";
import { paint, type Terminal } from "./terminal.ts";

export function planText(plan: Plan, terminal: Terminal): string {
  const color = terminal.colorOut;
  const strong = (text: string) => (color ? paint(text, "strong") : text);
  const lines = [
    `  ${strong(`${plan.runbook} ${plan.version}`)} → ${plan.target}${plan.protected ? " (protected)" : ""}          ${plan.probed ? "only read steps were executed" : "nothing was executed"}`,
    "",
  ];
  const inputs = plan.inputs.map(
    (input) => `${input.name}=${"value" in input ? showValue(input.value) : "‹not given›"} (${input.source})`,
  );
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
  lines.push("", "   # step                 effect  what it would do");
  let number = 0;
  for (const step of plan.steps.filter((item) => item.phase !== "guards")) {
    const nested = step.path.includes(".");
    const label = nested ? `  ${step.path.slice(step.path.indexOf(".") + 1)}` : step.path;
    lines.push(...stepLines(nested ? "" : String(++number), label, step, terminal, color));
    for (const undo of step.undo)
      lines.push(...stepLines("", `  undo ${terminal.symbols.undone} ${undo.id}`, undo, terminal, color));
  }
  lines.push("", ...wrap(summary(plan), terminal.width, 2, 2));
  for (const blocker of plan.blocked) {
    lines.push(
      ...wrap(
        `${terminal.symbols.failed} blocked: ${blocker.message}${blocker.next ? `  (${blocker.next})` : ""}`,
        terminal.width,
        2,
        4,
      ),
    );
  }
  const hint = plan.probed ? "" : "   Add --probe to run the read steps and fill the unknowns.";
  lines.push(`  Plan digest ${plan.planDigest.slice(0, 19)}…${hint}`);
  return `${lines.join("\n")}\n`;
}

function stepLines(number: string, label: string, step: PlannedStep, terminal: Terminal, color: boolean): string[] {
  const effect =
    step.type === "approval" || step.type === "manual" || step.type === "checkpoint"
      ? "wait"
      : step.effects === "read"
        ? "read"
        : step.effects.toUpperCase();
  const condition =
    step.condition === null
      ? ""
      : step.condition.status === "not_met"
        ? `skipped: ${step.condition.expr} is false`
        : `if ${step.condition.expr}: `;
  const undecided = step.checks.filter((check) => check.status === "undecided").length;
  const failing = step.checks.filter((check) => check.status === "not_met").length;
  const checks =
    step.checks.length === 0
      ? ""
      : `; ${step.checks.length} check${step.checks.length === 1 ? "" : "s"}${undecided > 0 ? `, ${undecided} not decidable yet` : ""}${failing > 0 ? `, ${failing} NOT MET` : ""}`;
  const skipped = step.condition?.status === "not_met";
  const outputs = step.outputs === null ? "" : `  (read: ${JSON.stringify(step.outputs)})`;
  const what = skipped ? condition : `${condition}${step.action || step.title}${checks}${outputs}`;
  const shownEffect =
    color && effect !== "read"
      ? paint(effect.padEnd(7), step.effects === "read" ? "place" : "warning")
      : effect.padEnd(7);
  const head = `  ${number.padStart(2)} ${label.padEnd(20)} `;
  const indent = 33;
  const [first = "", ...rest] = wrap(what, Math.max(terminal.width, indent + 20), 0, 0, indent);
  return [
    `${head}${label.length > 20 ? `\n${" ".repeat(26)}` : ""}${shownEffect} ${first}`,
    ...rest.map((line) => " ".repeat(indent + 1) + line),
  ];
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
  return wrap(`${label.padEnd(16)} ${text}`, width, 2, 19);
}

/** Breaks at blanks; `first` and `rest` are the indents, `taken` columns are used by the caller. */
export function wrap(text: string, width: number, first: number, rest: number, taken = 0): string[] {
  const lines: string[] = [];
  let line = " ".repeat(first);
  let empty = true;
  for (const word of text.split(" ")) {
    if (!empty && line.length + 1 + word.length > width - taken - 1) {
      lines.push(line);
      line = " ".repeat(rest);
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  lines.push(line);
  return lines;
}
