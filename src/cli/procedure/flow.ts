/**
 * The flow of a runbook as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html). Labels are stripped of
 * everything that could end them; the numbered steps say the same for readers without pictures.
 */
import type { Runbook, Step } from "../../language/runbook.ts";
import { membersOf } from "../../plan/scope.ts";
import { markdownFence, mermaidLabel } from "../../report/inert.ts";
import { people, withoutHoles } from "./steps.ts";

export function flowChart(runbook: Runbook): string {
  const chart = new Chart();
  chart.line("flowchart TD");
  chart.line('  start(["start"])');
  let last = chart.chain(runbook.guards, "start", "  ");
  last = chart.chain(runbook.steps, last, "  ");
  last = chart.chain(runbook.always, last, "  ");
  chart.line('  finish(["finish"])');
  chart.line(`  ${last} --> finish`);
  chart.line("  classDef write stroke-width:3px");
  chart.line("  classDef destructive stroke-width:5px");
  chart.line("  classDef undo stroke-dasharray:5 5");
  return markdownFence(chart.text(), "mermaid");
}

class Chart {
  private readonly lines: string[] = [];
  private nodes = 0;

  line(text: string): void {
    this.lines.push(text);
  }

  text(): string {
    return this.lines.join("\n");
  }

  /** One step after the other; returns the last node. */
  chain(steps: readonly Step[], from: string, indent: string): string {
    let last = from;
    for (const step of steps) {
      const node = this.step(step, indent);
      const condition = step.if === null ? "" : `|"if ${mermaidLabel(step.if)}"|`;
      this.line(`${indent}${last} -->${condition} ${node}`);
      last = node;
    }
    return last;
  }

  private step(step: Step, indent: string): string {
    const node = `n${++this.nodes}`;
    const members = membersOf(step);
    const label = mermaidLabel(withoutHoles(step.title)) || step.id;
    if (members.length > 0) {
      const kind = step.action.kind === "parallel" ? "all at once" : "";
      this.line(`${indent}subgraph ${node}["${kind === "" ? label : `${label} (${kind})`}"]`);
      const inner = `${indent}  `;
      if (step.action.kind === "parallel") for (const member of members) this.step(member, inner);
      else {
        const [first, ...rest] = members;
        if (first !== undefined) this.chain(rest, this.step(first, inner), inner);
      }
      this.line(`${indent}end`);
      return node;
    }
    const isAsked = step.action.kind === "uses" && people.has(step.action.type);
    this.line(`${indent}${node}${isAsked ? `{{"${label}"}}` : `["${label}"]`}`);
    if (step.effects !== "read") this.line(`${indent}class ${node} ${step.effects}`);
    let before = node;
    for (const undo of step.rollback) {
      const back = `n${++this.nodes}`;
      this.line(`${indent}${back}["${mermaidLabel(withoutHoles(undo.title)) || undo.id}"]`);
      this.line(`${indent}class ${back} undo`);
      this.line(`${indent}${before} -. undo .-> ${back}`);
      before = back;
    }
    return node;
  }
}
