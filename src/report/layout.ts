/** A report in a runbook's own layout: a Handlebars template over the report's values and its packaged parts. */
import { TemplateError } from "./format-values.ts";
import * as packaged from "./generated/markdown-report.ts";
import { markdownText } from "./inert.ts";
import { markdownFormat } from "./markdown-format.ts";
import { sampleView } from "./sample-view.ts";
import { compileDocument, type Parts, partsPlaced } from "./templates.ts";
import { collected, documentOf } from "./text-sink.ts";
import type { ReportView } from "./view.ts";

/**
 * `layout` is the template's text: it replaces the arrangement, parts and helpers stay available to it. One that cannot
 * be used costs the layout, not the report, which then says so at its top.
 */
export function renderInLayout(view: ReportView, layout: string): string {
  try {
    return rendererOf(layout)(view);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    const note = `> The runbook's own layout was not used: ${markdownText(error.message)}.`;
    return collected(documentOf(packaged.report, view)).replace("\n", `\n\n${note.replaceAll("$", "$$$$")}\n`);
  }
}

/** What is wrong with a layout, found without a run; null = nothing. */
export function layoutProblem(layout: string): string | null {
  try {
    rendererOf(layout)(sampleView);
    return null;
  } catch (error) {
    if (error instanceof TemplateError) return `${error.message.replace(/^template: /, "")}.`;
    throw error;
  }
}

function rendererOf(layout: string): (view: ReportView) => string {
  requireParts(layout);
  const render = compileDocument(layout, parts, markdownFormat);
  return (view) => {
    const lists = { steps: [...view.steps], details: [...view.details] };
    return `${render({ ...view, ...lists })
      .replace(/^\n+/, "")
      .trimEnd()}\n`;
  };
}

/** A layout may leave out what it likes, but not who, what, which verdict and which deviations. */
function requireParts(layout: string): void {
  const placed = partsPlaced(layout);
  if (!placed.has("summary")) throw new TemplateError("it never places {{> summary}} outside of conditions");
  if (!placed.has("deviations") && !placed.has("people")) {
    throw new TemplateError("it never places {{> deviations}} or {{> people}} outside of conditions");
  }
}

const { summary, steps, people, deviations, outcome, appendix } = packaged;

const parts: Parts = Object.fromEntries(
  Object.entries({ summary, steps, people, deviations, outcome, appendix }).map(([name, part]) => [
    name,
    (value: unknown) => {
      if ((value as Partial<ReportView> | null)?.format !== sampleView.format) {
        throw new TemplateError(`{{> ${name}}} has no place inside {{#each}} or {{#with}}`);
      }
      return collected(documentOf(part, value as ReportView));
    },
  ]),
);
