/** A trend as a document with Mermaid charts, and as one SVG. */
import { durationText, plural } from "./format.ts";
import { htmlText, markdownText, mermaidLabel } from "./inert.ts";
import type { Trend } from "./trend.ts";

type Objective = Trend["objectives"][number];

/** `restore-drill: last 4 drills, 3 met every target, RTO improving`. */
export function trendTitle(trend: Trend): string {
  const ways = trend.objectives
    .filter((objective) => objective.direction !== "unknown")
    .map((objective) => `${objective.name.toUpperCase()} ${objective.direction}`);
  if (trend.drills.length === 0) return `${trend.runbook}: no data, no run has finished`;
  const count = plural(trend.drills.length, "run");
  return [`${trend.runbook}: last ${count}, ${trend.metAll} met every target`, ...ways].join(", ");
}

export function trendMarkdown(trend: Trend): string {
  const cell = markdownText;
  const names = trend.objectives.map((objective) => objective.name);
  const rows = [...trend.drills].reverse().map((drill) => {
    const missed = drill.objectives.filter((objective) => objective.met === false).map((o) => o.name.toUpperCase());
    const word = missed.length > 0 ? `**missed ${missed.join(", ")}**` : drill.result.replace("_", " ");
    const figures = names.flatMap((name) => {
      const found = drill.objectives.find((objective) => objective.name === name);
      if (found === undefined) return ["", ""];
      return [found.actualMs === null ? "not measured" : durationText(found.actualMs), durationText(found.targetMs)];
    });
    const from = drill.source === "run" ? "its journal is here" : "register";
    return [drill.finishedAt.slice(0, 10), word, ...figures, drill.deviations, cell(drill.version), drill.run, from];
  });
  const head = ["Run", "Result", ...names.flatMap((name) => [name.toUpperCase(), "Target"]), "Deviations", "Runbook"];
  const parts = [
    `# ${cell(trendTitle(trend))}`,
    trend.daysSinceProven === null
      ? "It was never proven: no run succeeded."
      : `Last proven ${trend.lastSuccessAt?.slice(0, 10)}, ${plural(trend.daysSinceProven, "day")} ago.`,
    ...trend.objectives.filter((o) => o.points.some((p) => p.actualMs !== null)).map(chart),
    ...(rows.length === 0 ? ["No run has finished."] : [table([...head, "Id", "Evidence"], rows)]),
    "## Slowest steps",
    trend.slowest.length === 0
      ? "No journal is here."
      : table(
          ["Step", "Last", "Mean", "Drift", "Runs"],
          trend.slowest.map((s) => [
            cell(s.step),
            durationText(s.lastMs),
            durationText(s.meanMs),
            s.driftMs === null ? "" : `${s.driftMs > 0 ? "+" : ""}${durationText(s.driftMs)}`,
            s.runs,
          ]),
        ),
    "## Steps ever skipped",
    trend.skipped.length === 0
      ? "None."
      : table(
          ["Step", "Skipped", "Last in"],
          trend.skipped.map((s) => [cell(s.step), `${s.times} of ${s.runs}`, s.lastRun]),
        ),
  ];
  return `${parts.join("\n\n")}\n`;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

interface Unit {
  readonly name: string;
  readonly ms: number;
}

function unitFor(maxMs: number): Unit {
  if (maxMs >= 3 * 3_600_000) return { name: "hours", ms: 3_600_000 };
  if (maxMs >= 180_000) return { name: "minutes", ms: 60_000 };
  return { name: "seconds", ms: 1000 };
}

function scaled(ms: number, unit: Unit): number {
  return Math.round((ms / unit.ms) * 10) / 10;
}

function maxOf(objective: Objective): number {
  return Math.max(1, ...objective.points.flatMap((point) => [point.actualMs ?? 0, point.targetMs]));
}

function chart(objective: Objective): string {
  const unit = unitFor(maxOf(objective));
  const points = objective.points.filter((point) => point.actualMs !== null);
  const name = mermaidLabel(objective.name.toUpperCase());
  return [
    "```mermaid",
    "xychart-beta",
    `    title "${name} actual (bars) and target (line), ${unit.name}"`,
    `    x-axis [${points.map((point, index) => `"${index + 1} ${point.at.slice(0, 10)}"`).join(", ")}]`,
    `    y-axis "${unit.name}" 0 --> ${Math.ceil(scaled(maxOf(objective), unit) * 1.1)}`,
    `    bar [${points.map((point) => scaled(point.actualMs ?? 0, unit)).join(", ")}]`,
    `    line [${points.map((point) => scaled(point.targetMs, unit)).join(", ")}]`,
    "```",
  ].join("\n");
}

const width = 720;
const chartHeight = 180;
const left = 60;

/** One self-contained SVG: a chart below the other, bars for what was reached, a line for what is allowed. */
export function trendSvg(trend: Trend): string {
  const shown = trend.objectives.filter((objective) => objective.points.length > 0);
  const height = 30 + Math.max(1, shown.length) * chartHeight;
  const parts = shown.map((objective, index) => svgChart(objective, 30 + index * chartHeight));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" font-family="system-ui, sans-serif" font-size="11">`,
    `<title>${htmlText(trendTitle(trend))}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="8" y="18" font-size="13" font-weight="600">${htmlText(trendTitle(trend))}</text>`,
    ...(parts.length === 0 ? ['<text x="8" y="60">No objective was measured.</text>'] : parts),
    "</svg>",
    "",
  ].join("\n");
}

function svgChart(objective: Objective, top: number): string {
  const max = maxOf(objective) * 1.1;
  const floor = top + chartHeight - 30;
  const room = chartHeight - 50;
  const slot = (width - left - 20) / objective.points.length;
  const barWidth = Math.min(40, slot * 0.6);
  const y = (ms: number) => Math.round((floor - (ms / max) * room) * 10) / 10;
  const x = (index: number) => Math.round((left + slot * (index + 0.5)) * 10) / 10;
  const bars = objective.points.map((point, index) => {
    const actual = point.actualMs;
    const label = `<text x="${x(index)}" y="${floor + 13}" text-anchor="middle">${htmlText(point.at.slice(0, 10))}</text>`;
    if (actual === null) return label;
    const fill = point.met === false ? "#b42318" : "#2f6fb5";
    const words = `${point.run}: ${durationText(actual)} of ${durationText(point.targetMs)}`;
    return (
      `<rect x="${Math.round((x(index) - barWidth / 2) * 10) / 10}" y="${y(actual)}" width="${Math.round(barWidth * 10) / 10}" ` +
      `height="${Math.round((floor - y(actual)) * 10) / 10}" fill="${fill}"><title>${htmlText(words)}</title></rect>` +
      `<text x="${x(index)}" y="${y(actual) - 4}" text-anchor="middle">${durationText(actual)}</text>${label}`
    );
  });
  const line = objective.points.map((point, index) => `${x(index)},${y(point.targetMs)}`).join(" ");
  return [
    `<text x="8" y="${top + 14}" font-weight="600">${htmlText(objective.name.toUpperCase())}</text>`,
    `<line x1="${left}" y1="${floor}" x2="${width - 20}" y2="${floor}" stroke="#999999"/>`,
    ...bars,
    `<polyline points="${line}" fill="none" stroke="#9a6700" stroke-width="2" stroke-dasharray="5 3"/>`,
    `<text x="${width - 20}" y="${y(objective.points.at(-1)?.targetMs ?? 0) - 5}" text-anchor="end" fill="#9a6700">target ${durationText(objective.targetMs)}</text>`,
  ].join("\n");
}
