/**
 * The report as one HTML file: no script, no network, the timeline as inline SVG. A Content-Security-Policy names the
 * hash of the only style sheet and allows nothing else.
 */
import { createHash } from "node:crypto";
import { durationText } from "./format.ts";
import { fenceText, htmlText, inertLine, relativeUrl } from "./inert.ts";
import { listOf, textOf } from "./markdown.ts";
import { compileDocument, type Format, packagedTemplates } from "./templates.ts";
import type { ReportView } from "./view.ts";

const html = (value: unknown) => htmlText(textOf(value));
const code = (value: unknown) => `<code>${htmlText(inertLine(textOf(value))) || "<i>empty</i>"}</code>`;

export const htmlFormat: Format = {
  bare: html,
  helpers: {
    code: ([value]) => (value === null ? "" : code(value)),
    codes: ([value]) => listOf(value).map(code).join(", "),
    list: ([value]) => htmlText(listOf(value).map(textOf).join(", ")),
    fence: ([value]) => `<pre>${htmlText(fenceText(textOf(value)))}</pre>`,
    file: ([path, label]) => {
      const target = relativeUrl(textOf(path));
      const text = code(label === undefined ? path : label);
      return target === null ? text : `<a href="${target}">${text}</a>`;
    },
    ref: ([seqs]) =>
      (Array.isArray(seqs) ? seqs : [seqs])
        .filter((seq) => typeof seq === "number")
        .flatMap((seq, index, all) => (index > 8 && index < all.length - 1 ? (index === 9 ? ["…"] : []) : [link(seq)]))
        .join(" "),
  },
};

function link(seq: number): string {
  return `<a class="ref" href="journal.ndjson" title="record ${seq} of the journal">#${seq}</a>`;
}

let packaged: { render: (view: object) => string; policy: string } | null = null;

export function renderHtml(view: ReportView): string {
  packaged ??= compilePackaged();
  return packaged.render({ ...view, page: { policy: packaged.policy, tone: toneOf(view), ...chart(view) } });
}

function compilePackaged(): { render: (view: object) => string; policy: string } {
  const set = packagedTemplates("report.html");
  const style = createHash("sha256")
    .update(set.partials["style"] ?? "")
    .digest("base64");
  return {
    render: compileDocument(set, htmlFormat),
    policy: `default-src 'none'; style-src 'sha256-${style}'; base-uri 'none'; form-action 'none'`,
  };
}

function toneOf(view: ReportView): string {
  if (view.result.name === "succeeded") return "passed";
  return ["running", "waiting", "interrupted"].includes(view.result.name) ? "open" : "failed";
}

const labelWidth = 230;
const plotWidth = 730;
const rowHeight = 18;

/** Where the bars and the time marks stand, in units of the drawing. */
function chart(view: ReportView): object {
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
