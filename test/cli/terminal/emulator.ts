/**
 * As much of a terminal as the live view speaks to: text, carriage return, newline, cursor up, erase line and screen,
 * colours. Keeps everything that scrolled out. Made narrower, it breaks long rows anew, as tmux and most others do.
 * Anything else it is told is an error: the view may not need more of a terminal than this.
 */
import { columnsOf } from "../../../src/cli/terminal/text-width.ts";

interface Row {
  cells: string[];
  /** The line goes on in the next row because this one was full. */
  full: boolean;
}

const wideRest = "";

export class Emulator {
  columns: number;
  readonly rows: number;
  private lines: Row[] = [{ cells: [], full: false }];
  private at = 0;
  private column = 0;
  private rest = "";

  constructor(columns: number, rows = 24) {
    this.columns = columns;
    this.rows = rows;
  }

  /** All rows from the first ever printed, without blanks at their ends. */
  get text(): string[] {
    const rows = this.lines.map((row) => row.cells.join("").trimEnd());
    while (rows.at(-1) === "") rows.pop();
    return rows;
  }

  write(text: string): boolean {
    let input = this.rest + text;
    this.rest = "";
    while (input !== "") {
      if (input.startsWith("\u001b")) {
        const found = /^\u001b\[([\d;]*)([A-Za-z])/.exec(input);
        if (found === null) {
          if (/^\u001b(\[[\d;]*)?$/.test(input)) {
            this.rest = input;
            return true;
          }
          throw new Error(`this terminal knows nothing of ${JSON.stringify(input.slice(0, 12))}`);
        }
        this.control(found[2] ?? "", Number(found[1] || 0));
        input = input.slice(found[0].length);
        continue;
      }
      const next = input.indexOf("\u001b");
      const plain = next < 0 ? input : input.slice(0, next);
      this.type(plain);
      input = input.slice(plain.length);
    }
    return true;
  }

  resize(columns: number): void {
    const logical: { text: string[]; hasCursor: boolean }[] = [];
    let open = false;
    for (const [index, row] of this.lines.entries()) {
      if (!open) logical.push({ text: [], hasCursor: false });
      const last = logical.at(-1);
      if (last === undefined) continue;
      last.text.push(...(row.full ? row.cells : trimmed(row.cells)));
      if (index === this.at) last.hasCursor = true;
      open = row.full;
    }
    this.columns = columns;
    this.lines = [];
    for (const { text, hasCursor } of logical) {
      for (let from = 0; from === 0 || from < text.length; from += columns) {
        this.lines.push({ cells: text.slice(from, from + columns), full: from + columns < text.length });
      }
      if (hasCursor) this.at = this.lines.length - 1;
    }
  }

  private control(letter: string, count: number): void {
    const row = this.lines[this.at];
    if (row === undefined) throw new Error("the cursor left the screen");
    // A terminal stops at its upper edge; what scrolled out cannot be drawn over.
    if (letter === "A") this.at = Math.max(0, this.lines.length - this.rows, this.at - count);
    else if (letter === "K") row.cells.length = Math.min(row.cells.length, this.column);
    else if (letter === "J") {
      row.cells.length = Math.min(row.cells.length, this.column);
      this.lines.length = this.at + 1;
    } else if (letter !== "m") throw new Error(`this terminal knows no control ${letter}`);
  }

  private type(text: string): void {
    for (const { segment } of new Intl.Segmenter("en", { granularity: "grapheme" }).segment(text)) {
      for (const character of segment === "\r\n" ? ["\r", "\n"] : [segment]) this.put(character);
    }
  }

  private put(character: string): void {
    if (character === "\r") this.column = 0;
    else if (character === "\n") this.feed(false);
    else {
      const width = columnsOf(character);
      if (this.column + width > this.columns) this.feed(true);
      const row = this.lines[this.at];
      if (row === undefined) throw new Error("the cursor left the screen");
      while (row.cells.length < this.column) row.cells.push(" ");
      row.cells[this.column] = character;
      if (width === 2) row.cells[this.column + 1] = wideRest;
      this.column += width;
    }
  }

  private feed(full: boolean): void {
    const row = this.lines[this.at];
    if (row !== undefined) row.full = full;
    this.at++;
    if (this.at === this.lines.length) this.lines.push({ cells: [], full: false });
    this.column = 0;
  }
}

function trimmed(cells: readonly string[]): string[] {
  let end = cells.length;
  while (end > 0 && cells[end - 1] === " ") end--;
  return cells.slice(0, end);
}
