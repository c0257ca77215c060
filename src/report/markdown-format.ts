/** Values in Markdown (CommonMark with GitHub's tables): the helpers of its templates. */
import { type Format, listOf, refs, textOf } from "./format-values.ts";
import { inertLine, markdownCode, markdownFence, markdownLink, markdownProseCode, markdownText } from "./inert.ts";

export const markdownFormat = {
  bare: (value) => markdownText(textOf(value)),
  /** Inline code outside tables. */
  proseCode: (value) => (value === null ? "" : markdownProseCode(textOf(value))),
  /** Inline code that is safe in a table; nothing for null. */
  code: (value) => (value === null ? "" : markdownCode(textOf(value))),
  /** A list of names as inline code. */
  codes: (value) =>
    listOf(value)
      .map((item) => markdownCode(textOf(item)))
      .join(", "),
  /** A list as text. */
  list: (value) => markdownText(listOf(value).map(textOf).join(", ")),
  fence: (value, named?: unknown) => markdownFence(textOf(value), languageOf(named)),
  /** A link to a file of the run directory. */
  file: (path, label = path) => markdownLink(textOf(path), textOf(label)),
  /** Where a figure comes from: `[#7](journal.ndjson#L7)`; record n is line n of the journal. */
  ref: (seqs) => refs(seqs, (seq) => `[#${seq}](journal.ndjson#L${seq})`),
  /** Text of a heading of level one. */
  headline: (value) => markdownText(inertLine(textOf(value)).slice(0, 300)),
} satisfies Format;

function languageOf(named: unknown): string {
  const { language = "text" } = (named ?? {}) as { readonly language?: unknown };
  return textOf(language);
}
