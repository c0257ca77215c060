/**
 * The report as one HTML file: no script, no network, the timeline as inline SVG. A Content-Security-Policy names the
 * hash of the only style sheet and allows nothing else.
 */
import { createHash } from "node:crypto";
import { durationText } from "./format.ts";
import { report, style } from "./generated/html-report.ts";
import { collected, type Document, documentOf } from "./text-sink.ts";
import type { ReportView } from "./view.ts";

/** What the page shows besides the report's values. */
export interface PageView extends ReportView {
  readonly page: ChartView & {
    readonly policy: string;
    readonly tone: string;
  };
}

/** Where the bars and the time marks stand, in units of the drawing. */
interface ChartView {
  readonly width: number;
  readonly height: number;
  readonly ticks: readonly { readonly x: number; readonly label: string }[];
  readonly limits: readonly { readonly x: number; readonly tip: string }[];
  readonly bars: readonly {
    readonly label: string;
    readonly tip: string;
    readonly state: string;
    readonly x: number;
    readonly y: number;
    readonly textY: number;
    readonly width: number;
  }[];
}

export function renderHtml(view: ReportView): string {
  return collected(htmlDocument(view));
}

export function htmlDocument(view: ReportView): Document {
  return documentOf(report, pageOf(view));
}

export function pageOf(view: ReportView): PageView {
  return { ...view, page: { policy: policy(), tone: toneOf(view), ...chart(view) } };
}

function policy(): string {
  const sheet = createHash("sha256")
    .update(collected(documentOf(style, null)))
    .digest("base64");
  return `default-src 'none'; style-src 'sha256-${sheet}'; base-uri 'none'; form-action 'none'`;
}

function toneOf(view: ReportView): string {
  if (view.result.name === "succeeded") return "passed";
  return ["running", "waiting", "interrupted"].includes(view.result.name) ? "open" : "failed";
}

const labelWidth = 230;
const plotWidth = 730;
const rowHeight = 18;

function chart(view: ReportView): ChartView {
  const { bars, limits, offsets, spanMs } = view.timeline;
  const at = (ms: number) => Math.round((labelWidth + (ms / spanMs) * plotWidth) * 10) / 10;
  return {
    width: labelWidth + plotWidth + 40,
    height: 24 + bars.length * rowHeight,
    ticks: [0, 0.25, 0.5, 0.75, 1].map((share) => ({
      x: at(share * spanMs),
      label: `+${durationText(share * spanMs)}`,
    })),
    // One behind the chart's end is named in the table only.
    limits: limits
      .filter((limit) => limit.fromMs >= 0 && limit.fromMs <= spanMs)
      .map((limit) => ({ x: at(limit.fromMs), tip: `${limit.name} ${limit.at}` })),
    bars: bars.map((bar, index) => {
      const { fromMs = 0, tookMs = 0 } = offsets[index] ?? {};
      const y = 20 + index * rowHeight;
      const label = `${bar.number} ${bar.path}`;
      return {
        label: label.length > 36 ? `${label.slice(0, 35)}…` : label,
        tip: `${bar.path}: ${bar.status}, ${bar.took}`,
        state: bar.state,
        x: at(fromMs),
        y,
        textY: y + 10,
        width: Math.max(2, Math.round((tookMs / spanMs) * plotWidth * 10) / 10),
      };
    }),
  };
}
