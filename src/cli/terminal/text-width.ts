/** How many columns text takes in a terminal, and how to fit it into a number of them. Text must be inert already. */

/** East Asian wide and full-width characters and emoji take two columns (Unicode UAX 11, UTS 51). */
const wide =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{17000}-\u{18aff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}])/u;
/** Printable ASCII and the signs of our own screens: one column each, and nothing joins. */
const plain = /^[ -~·×…‹›→↩↷⏎│]*$/;
let segmenter: Intl.Segmenter | undefined;

/** Made at the first text that needs it: that takes longer than a short command. */
function graphemesOf(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  return segmenter.segment(text);
}

export function columnsOf(text: string): number {
  if (plain.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of graphemesOf(text)) columns += columnsOfGrapheme(segment);
  return columns;
}

function columnsOfGrapheme(grapheme: string): number {
  if (/^\p{M}+$/u.test(grapheme)) return 0;
  return wide.test(grapheme) ? 2 : 1;
}

/** The text, or its beginning and `mark` when it takes more than `columns`. */
export function clip(text: string, columns: number, mark: string): string {
  if (columnsOf(text) <= columns) return text;
  const room = columns - columnsOf(mark);
  return room <= 0 ? take(text, Math.max(0, columns)) : `${take(text, room).trimEnd()}${mark}`;
}

function take(text: string, columns: number): string {
  // One more, so that no mark joins the last.
  if (plain.test(text.slice(0, columns + 1))) return text.slice(0, columns);
  let taken = "";
  let used = 0;
  for (const { segment } of graphemesOf(text)) {
    used += columnsOfGrapheme(segment);
    if (used > columns) break;
    taken += segment;
  }
  return taken;
}

export function padEnd(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - columnsOf(text)));
}

/** Breaks at blanks; a word longer than a line is cut. At least one line. */
export function wrapWords(text: string, columns: number): string[] {
  const room = Math.max(1, columns);
  const lines: string[] = [];
  let line = "";
  for (let word of text.split(" ")) {
    const joined = line === "" ? word : `${line} ${word}`;
    if (columnsOf(joined) <= room) {
      line = joined;
      continue;
    }
    if (line !== "") lines.push(line);
    for (let part = take(word, room); part !== word; part = take(word, room)) {
      part ||= word.slice(0, 1);
      lines.push(part);
      word = word.slice(part.length);
    }
    line = word;
  }
  lines.push(line);
  return lines;
}

const asciiFor: Readonly<Record<string, string>> = {
  "→": "->",
  "…": "...",
  "·": "-",
  "‹": "<",
  "›": ">",
  "×": "x",
  "│": "|",
  "⏎": "/",
};

/** The same words for a terminal that shows no more than ASCII; letters of others stay as they are. */
export function inAscii(text: string): string {
  return text.replace(/[→…·‹›×│⏎]/g, (character) => asciiFor[character] ?? character);
}
