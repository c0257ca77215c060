/** Lines and columns of a text, and how wide characters are in a terminal. */

export interface LineColumn {
  /** 1-based. */
  readonly line: number;
  /** 1-based, in UTF-16 code units. */
  readonly column: number;
}

/** Finds lines as far as it is asked, so that an error at the start of a huge text costs nothing. */
export class LineIndex {
  readonly #text: string;
  readonly #starts: number[] = [0];
  #isComplete = false;

  constructor(text: string) {
    this.#text = text;
  }

  positionOf(offset: number): LineColumn {
    const at = Math.max(0, Math.min(offset, this.#text.length));
    this.#find((start) => start > at);
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: at - this.#starts[low]! + 1 };
  }

  /** Offset of the first character of a 1-based line. */
  lineStart(line: number): number {
    this.#find(() => this.#starts.length >= line);
    return this.#starts[line - 1] ?? this.#text.length;
  }

  /** Without its line break. */
  lineText(line: number): string {
    const start = this.lineStart(line);
    this.#find(() => this.#starts.length > line);
    const end = this.#starts[line];
    return this.#text.slice(start, end === undefined ? undefined : end - 1).replace(/\r$/, "");
  }

  #find(isEnough: (lastStart: number) => boolean): void {
    while (!this.#isComplete && !isEnough(this.#starts.at(-1)!)) {
      const newline = this.#text.indexOf("\n", this.#starts.at(-1)!);
      if (newline === -1) this.#isComplete = true;
      else this.#starts.push(newline + 1);
    }
  }
}

// C0, C1, bidirectional marks, zero-width characters, line separators, lone surrogates.
const hostile =
  /[\x00-\x08\x0a-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Text from outside made harmless for a terminal: controls become `\u{1b}`, tabs two blanks; nothing else changes. */
export function inert(text: string): string {
  return text.replaceAll("\t", "  ").replace(hostile, (char) => `\\u{${char.charCodeAt(0).toString(16)}}`);
}

/** Columns a text takes: two for East Asian wide characters and emoji, none for combining marks. */
export function cellWidth(text: string): number {
  let cells = 0;
  for (const char of text) {
    const code = char.codePointAt(0)!;
    if (code < 0x300) cells += 1;
    else if (/\p{Mn}|\p{Me}/u.test(char) || (code >= 0xfe00 && code <= 0xfe0f)) cells += 0;
    else cells += isWide(code) ? 2 : 1;
  }
  return cells;
}

/** Unicode's East_Asian_Width W and F, by block (UAX #11). */
function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0x303e) ||
    (code >= 0x3041 && code <= 0xa4cf) ||
    (code >= 0xa960 && code <= 0xa97c) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1f64f) ||
    (code >= 0x1f680 && code <= 0x1f6ff) ||
    (code >= 0x1f900 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}

/** Lines of at most `width` columns, broken at blanks; a longer word stands alone on its line, cut where it must be. */
export function wrapWords(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (let word of text.split(" ")) {
    if (line !== "" && cellWidth(line) + 1 + cellWidth(word) > width) {
      lines.push(line);
      line = "";
    }
    while (line === "" && cellWidth(word) > width) {
      lines.push(word.slice(0, width));
      word = word.slice(width);
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  if (line !== "") lines.push(line);
  return lines;
}
