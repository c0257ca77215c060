/** The report as Markdown (CommonMark with GitHub's tables), in the packaged arrangement or the runbook's own. */
import { report } from "./generated/markdown-report.ts";
import { collected, type Document, documentOf } from "./text-sink.ts";
import type { ReportView } from "./view.ts";

export function renderMarkdown(view: ReportView): string {
  return collected(documentOf(report, view));
}

/** `layout` is the text of the runbook's own: it replaces the arrangement. What renders it is loaded only for one. */
export async function markdownDocument(view: ReportView, layout: string | null): Promise<Document> {
  if (layout === null) return documentOf(report, view);
  const { renderInLayout } = await import("./layout.ts");
  const text = renderInLayout(view, layout);
  return (write) => write(text);
}
