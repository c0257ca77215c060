/** Values in HTML: the helpers of its templates. */
import { type Format, listOf, refs, textOf } from "./format-values.ts";
import { fenceText, htmlText, inertLine, relativeUrl } from "./inert.ts";

const code = (value: unknown) => `<code>${htmlText(inertLine(textOf(value))) || "<i>empty</i>"}</code>`;

export const htmlFormat = {
  bare: (value) => htmlText(textOf(value)),
  code: (value) => (value === null ? "" : code(value)),
  codes: (value) => listOf(value).map(code).join(", "),
  list: (value) => htmlText(listOf(value).map(textOf).join(", ")),
  fence: (value) => `<pre>${htmlText(fenceText(textOf(value)))}</pre>`,
  file: (path, label = path) => {
    const target = relativeUrl(textOf(path));
    const text = code(label);
    return target === null ? text : `<a href="${target}">${text}</a>`;
  },
  ref: (seqs) =>
    refs(seqs, (seq) => `<a class="ref" href="journal.ndjson" title="record ${seq} of the journal">#${seq}</a>`),
} satisfies Format;
