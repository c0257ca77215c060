/** The addendum as people read it: below the sealed report, which stays as it was. */
import type { Addendum } from "./addendum.ts";
import { htmlFormat } from "./html.ts";
import { markdownFormat } from "./markdown.ts";
import { compileDocument, packagedTemplates } from "./templates.ts";

type Renderer = (view: object) => string;
const packaged: { md: Renderer | null; html: Renderer | null } = { md: null, html: null };

/** Empty when nothing was added. */
export function addendumMarkdown(addendum: Addendum): string {
  if (addendum.entries.length === 0) return "";
  packaged.md ??= compileDocument(packagedTemplates("addendum.md"), markdownFormat);
  return packaged.md(viewOf(addendum));
}

/** The page with the addendum at its end. */
export function withAddendumHtml(page: string, addendum: Addendum): string {
  if (addendum.entries.length === 0) return page;
  packaged.html ??= compileDocument(packagedTemplates("addendum.html"), htmlFormat);
  const end = page.lastIndexOf("</body>");
  return `${page.slice(0, end)}${packaged.html(viewOf(addendum))}${page.slice(end)}`;
}

function viewOf(addendum: Addendum): object {
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
