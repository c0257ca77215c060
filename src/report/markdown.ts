/** The report as Markdown (CommonMark with GitHub's tables): the packaged template or the runbook's own over a view. */
import { inertLine, markdownCode, markdownFence, markdownLink, markdownProseCode, markdownText } from "./inert.ts";
import { sampleView } from "./sample-view.ts";
import {
  compileDocument,
  type Format,
  packagedTemplates,
  partsPlaced,
  TemplateError,
  type TemplateSet,
} from "./templates.ts";
import type { ReportView } from "./view.ts";

/**
 * Writes the report. `layout` is the text of the runbook's own: it replaces the arrangement, partials and helpers stay
 * available to it. One that cannot be used costs the layout, not the report, which then says so at its top.
 */
export function renderMarkdown(view: ReportView, layout?: string | null): string {
  packagedRenderer ??= markdownRenderer();
  if (layout == null) return packagedRenderer(view);
  try {
    requireParts(layout);
    return markdownRenderer(layout)(view);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    const note = `> The runbook's own layout was not used: ${markdownText(error.message)}.`;
    return packagedRenderer(view).replace("\n", `\n\n${note.replaceAll("$", "$$$$")}\n`);
  }
}

/** What is wrong with a layout, found without a run; null = nothing. */
export function layoutProblem(layout: string): string | null {
  try {
    requireParts(layout);
    const render = markdownRenderer(layout);
    render(sampleView);
    return null;
  } catch (error) {
    if (error instanceof TemplateError) return `${error.message.replace(/^template: /, "")}.`;
    throw error;
  }
}

/** A layout may leave out what it likes, but not who, what, which verdict and which deviations. */
function requireParts(layout: string): void {
  const placed = partsPlaced(layout);
  if (!placed.has("summary")) throw new TemplateError("it never places {{> summary}} outside of conditions");
  if (!placed.has("deviations") && !placed.has("people")) {
    throw new TemplateError("it never places {{> deviations}} or {{> people}} outside of conditions");
  }
}

let packagedRenderer: ((view: ReportView) => string) | null = null;

/** Compiles once, for many reports. */
export function markdownRenderer(template?: string): (view: ReportView) => string {
  const packaged = packagedTemplates("report.md");
  const set: TemplateSet = template === undefined ? packaged : { main: template, partials: packaged.partials };
  const render = compileDocument(set, markdownFormat);
  return (view) => `${render(view).replace(/^\n+/, "").trimEnd()}\n`;
}

export const markdownFormat: Format = {
  bare: (value) => markdownText(textOf(value)),
  helpers: {
    /** Inline code outside tables. */
    proseCode: ([value]) => (value === null ? "" : markdownProseCode(textOf(value))),
    /** Inline code that is safe in a table; nothing for null. */
    code: ([value]) => (value === null ? "" : markdownCode(textOf(value))),
    /** A list of names as inline code. */
    codes: ([value]) =>
      listOf(value)
        .map((item) => markdownCode(textOf(item)))
        .join(", "),
    /** A list as text. */
    list: ([value]) => markdownText(listOf(value).map(textOf).join(", ")),
    fence: ([value], { language }) => markdownFence(textOf(value), language === undefined ? "text" : textOf(language)),
    /** A link to a file of the run directory. */
    file: ([path, label]) => markdownLink(textOf(path), textOf(label === undefined ? path : label)),
    /** Where a figure comes from: `[#7](journal.ndjson#L7)`; record n is line n of the journal. */
    ref: ([seqs]) =>
      (Array.isArray(seqs) ? seqs : [seqs])
        .filter((seq) => typeof seq === "number")
        .flatMap((seq, index, all) => (index > 8 && index < all.length - 1 ? (index === 9 ? ["…"] : []) : [link(seq)]))
        .join(" "),
    /** Text of a heading of level one. */
    headline: ([value]) => markdownText(inertLine(textOf(value)).slice(0, 300)),
  },
};

function link(seq: number): string {
  return `[#${seq}](journal.ndjson#L${seq})`;
}

export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (value === null) return "";
  throw new TemplateError(`a ${Array.isArray(value) ? "list" : typeof value} cannot stand in the text`);
}

export function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TemplateError("this is not a list");
}
