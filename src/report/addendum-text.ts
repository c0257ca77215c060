/** The addendum as people read it: below the sealed report, which stays as it was. */
import type { Addendum } from "./addendum.ts";
import * as html from "./generated/html-report.ts";
import * as markdown from "./generated/markdown-report.ts";
import { collected, type Document, documentOf } from "./text-sink.ts";

export interface AddendumView {
  readonly rows: readonly {
    readonly number: number;
    readonly kind: string;
    readonly text: string;
    readonly who: string;
    readonly at: string;
    readonly signature: string;
  }[];
  readonly headHash: string;
}

/** The report with the addendum below it. */
export function withAddendumMarkdown(report: Document, addendum: Addendum): Document {
  if (addendum.entries.length === 0) return report;
  return (write) => {
    report(write);
    documentOf(markdown.addendum, viewOf(addendum))(write);
  };
}

/** The page with the addendum at its end. */
export function withAddendumHtml(report: Document, addendum: Addendum): Document {
  if (addendum.entries.length === 0) return report;
  return (write) => {
    const page = collected(report);
    const end = page.lastIndexOf("</body>");
    write(page.slice(0, end));
    documentOf(html.addendum, viewOf(addendum))(write);
    write(page.slice(end));
  };
}

function viewOf(addendum: Addendum): AddendumView {
  const rows = addendum.entries.map((entry) => ({
    number: entry.seq,
    at: entry.at,
    who: entry.by.name,
    signature: signatureText(entry),
    ...what(entry),
  }));
  return { rows, headHash: addendum.headHash };
}

function signatureText({ signatureState, signer }: Addendum["entries"][number]): string {
  const words = {
    valid: "signed",
    untrusted: "signed, key not listed",
    absent: "not signed",
    invalid: "SIGNATURE WRONG",
  };
  return `${words[signatureState]}${signer === null ? "" : ` (${signer.keyId})`}`;
}

function what(entry: Addendum["entries"][number]): { readonly kind: string; readonly text: string } {
  switch (entry.type) {
    case "finding.added":
      return { kind: "Finding", text: entry.text };
    case "action.added": {
      const parts = [entry.owner && `owner ${entry.owner}`, entry.due && `due ${entry.due}`, entry.ticket];
      const known = parts.filter((part) => part !== null && part !== "");
      return { kind: "Corrective action", text: `${entry.text}${known.length === 0 ? "" : ` (${known.join(", ")})`}` };
    }
    case "field.added":
      return { kind: entry.name.replaceAll("_", " "), text: entry.text };
    case "signoff.added":
      return { kind: "Sign-off", text: `as ${entry.role}` };
  }
}
