/**
 * Text of others made inert: what a command printed may not move a cursor, hide itself, reorder the line it stands in,
 * end its fence, start a table column, call a person or speak to a CI runner. Nothing is dropped; it becomes visible.
 *
 * The ranges are written out rather than taken from `\p{Cf}`, whose members change with the Unicode version of the
 * Node that renders: the same record has to give the same bytes.
 */

/** Controls except tab and newline, invisible and direction-changing characters, lone surrogates. */
const hidden = new RegExp(
  "[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f" +
    "\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0e\\ufeff\\uffa0\\ufff0-\\ufffb" +
    "\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}\\ud800-\\udfff]",
  "gu",
);

// Most values are plain, and a long report has a million of them: one look tells so, and nothing has to be replaced.

/** Printable ASCII, in which nothing hides, of one line and of several. */
const plainLine = /^[ -~]*$/;
const plainLines = /^[\t\n -~]*$/;

/** Words, names (`deploy.pre_state`), figures and times that mean nothing to Markdown wherever they stand. */
const plainWords = new RegExp(
  "^(?:\\d+[a-z]*(?:[ :]\\d+[a-z]*)*|[A-Za-z(][A-Za-z0-9,.()'\"%/;]*(?: [A-Za-z0-9(][A-Za-z0-9,.()'\"%/;]*)*" +
    "|[A-Za-z0-9]+(?:[._/][A-Za-z0-9]+|-[A-Za-z][A-Za-z0-9]*)*|\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?Z)?$",
);

/** Text that is a code span between single back-ticks, also in a table: no `#`, back-tick or pipe, no blank or colon first. */
const plainCode = /^[!"$-9;-_a-{}~](?:[ -"$-_a-{}~]*[!"$-_a-{}~])?$/;

/** Printable ASCII without what HTML escapes. */
const plainHtml = /^[\t\n !#-%(-;=?-~]*$/;

function visible(character: string): string {
  if (character === "\r") return "\\r";
  const code = character.codePointAt(0) ?? 0;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** Shows hidden characters as `\u202e`; keeps tabs and newlines. */
export function inert(value: string): string {
  return plainLines.test(value) ? value : value.replace(hidden, visible);
}

/** The same on one line: newlines become ` ⏎ `, tabs blanks. */
export function inertLine(value: string): string {
  if (plainLine.test(value)) return noRunnerCommands(value);
  return noRunnerCommands(inert(value.replace(/\r\n/g, "\n")))
    .replace(/\t/g, " ")
    .replace(/\n$/, " ⏎")
    .replace(/\n/g, " ⏎ ");
}

/** The same over several lines, for a document that its author wrote in Markdown. */
export function inertLines(value: string): string {
  return noRunnerCommands(inert(value));
}

/**
 * No line is a command to a CI runner that prints it (`::set-env …`, `##[error]`). The runner ignores blanks before it, so
 * text that is wrapped after it was made inert needs this once more.
 */
export function noRunnerCommands(text: string): string {
  if (!text.includes("::") && !text.includes("##[")) return text;
  return text.replace(/^(\s*)::/gm, "$1\\u003a:").replace(/##\[/g, "\\u0023#[");
}

/** Words that GitHub and mail programs turn into links or calls: `@name`, `#12`, `GH-12`, `a@b.c`, addresses. */
const linking = /(?:^|[^\p{L}\p{N}_])@[\p{L}\p{N}_]|#\d|\bGH-\d|@[\w-]+\.[\w.-]+|:\/\/|\bwww\.|^(?:mailto|xmpp):/iu;

/** Text for a paragraph, a heading or a table cell. */
export function markdownText(value: string): string {
  if (plainWords.test(value) && !(value.includes(".") && /www\./i.test(value))) return value;
  const line = inertLine(value).trim();
  return line
    .split(/( +)/)
    .map((word) => (linking.test(word) ? markdownCode(word) : escapeWord(word)))
    .join("")
    .replace(/^([-+=]|\d+[.)])(?=\s|$|[-+=])/, startOfBlock);
}

function escapeWord(word: string): string {
  return word
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/[\\`*[\]~#!$]/g, "\\$&")
    .replace(/:(?=[a-z_+-][a-z0-9_+-]*:)/gi, "\\:")
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\_")
    .replace(/\|/g, "&#124;");
}

/** `- x`, `1. x` and `===` mean something only at the start of a line, where a value may stand. */
function startOfBlock(mark: string): string {
  return mark.length === 1 ? `\\${mark}` : `${mark.slice(0, -1)}\\${mark.slice(-1)}`;
}

/** An inline code span that also survives in a table cell. Empty text becomes *empty*. */
export function markdownCode(value: string): string {
  if (plainCode.test(value)) return `\`${value}\``;
  const line = inertLine(value);
  // `\|` is read differently by Markdown programs inside a code span of a table, so such text goes without a span.
  if (line.includes("\\|")) return escapeWord(line);
  return codeSpan(line.replace(/\|/g, "\\|"));
}

/** An inline code span outside tables, where a pipe is just a pipe. */
export function markdownProseCode(value: string): string {
  if (plainCode.test(value)) return `\`${value}\``;
  return codeSpan(inertLine(value));
}

function codeSpan(content: string): string {
  if (content.trim() === "") return content === "" ? "*empty*" : "*blank*";
  const ticks = "`".repeat(longestRun(content, "`") + 1);
  const pad = /^[` ]|[` ]$/.test(content) ? " " : "";
  return `${ticks}${pad}${content}${pad}${ticks}`;
}

/** A fenced block whose fence is longer than any run of back-ticks inside. */
export function markdownFence(value: string, language: string): string {
  const content = fenceText(value);
  const ticks = "`".repeat(Math.max(3, longestRun(content, "`") + 1));
  return `${ticks}${language}\n${content}\n${ticks}`;
}

/** Inert text of several lines. */
export function fenceText(value: string): string {
  return noRunnerCommands(inert(value.replace(/\r\n/g, "\n").replace(/\n$/, "")));
}

function longestRun(text: string, character: string): number {
  if (!text.includes(character)) return 0;
  let longest = 0;
  let run = 0;
  for (const c of text) {
    run = c === character ? run + 1 : 0;
    if (run > longest) longest = run;
  }
  return longest;
}

/** A link to a file beside the report. Anything that could leave the directory is shown without a link. */
export function markdownLink(path: string, label: string): string {
  const target = relativeUrl(path);
  return target === null ? markdownCode(label) : `[${markdownCode(label)}](${target})`;
}

/** The percent-encoded relative URL of a path inside the run directory; null when it would lead elsewhere. */
export function relativeUrl(path: string): string | null {
  if (path === "" || path.startsWith("/") || /(?:^|\/)\.\.(?:\/|$)/.test(path)) return null;
  if (/^[A-Za-z0-9/._-]+$/.test(path)) return path;
  return Array.from(Buffer.from(path, "utf8"), (byte) =>
    /[A-Za-z0-9/._-]/.test(String.fromCharCode(byte))
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
  ).join("");
}

/** A label for a Mermaid chart: a colon, semicolon or hash would end or split the line. */
export function mermaidLabel(value: string): string {
  return inertLine(value)
    .replace(/[^\p{L}\p{N} _.()/+-]/gu, " ")
    .replace(/ +/g, " ")
    .trim()
    .slice(0, 60);
}

/** Text for HTML, in an element or a quoted attribute. */
export function htmlText(value: string): string {
  if (plainHtml.test(value)) return value;
  return inert(value.replace(/\r\n/g, "\n")).replace(
    /[&<>"']/g,
    (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c] ?? c,
  );
}
