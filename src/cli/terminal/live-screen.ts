/**
 * The bottom of a terminal: lines that stay go into the scrollback, a block below them is drawn again in place. No
 * alternate screen, no hidden cursor, no raw mode: whatever ends this process, there is nothing to restore.
 */
import { columnsOf } from "./text-width.ts";

export interface ScreenStream {
  write(text: string): boolean;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** Without a size (a serial line, a test) the classic one. */
const defaultColumns = 80;
const defaultRows = 24;

const up = (lines: number) => (lines > 0 ? `\u001b[${lines}A` : "");
const eraseLineEnd = "\u001b[K";
const eraseBelow = "\u001b[J";
const colorCodes = /\u001b\[[0-9;]*m/g;

export class LiveScreen {
  private readonly stream: ScreenStream;
  private readonly original: ScreenStream["write"];
  private readonly fixedColumns: number | null;
  private block: readonly string[] = [];
  private drawnColumns = 0;
  /** Rows between the block and the cursor that are not ours. */
  private below = 0;

  /** `fixedColumns`: a width to keep whatever the terminal says. */
  constructor(stream: ScreenStream, fixedColumns: number | null = null) {
    this.stream = stream;
    this.original = stream.write;
    this.fixedColumns = fixedColumns;
    // What others write while the block stands goes above it, as whole lines.
    stream.write = (text: string) => this.above(text);
  }

  get columns(): number {
    return this.fixedColumns ?? (this.stream.columns || defaultColumns);
  }

  get rows(): number {
    return this.stream.rows || defaultRows;
  }

  /** Lines that stay; the block moves below them. */
  print(lines: readonly string[]): void {
    this.redraw(lines, this.block);
  }

  draw(block: readonly string[]): void {
    this.redraw([], block);
  }

  /** The cursor went down by the echo of typed lines. */
  moved(lines: number): void {
    this.below += lines;
  }

  /** The block goes; the stream is its own again. */
  close(): void {
    this.redraw([], []);
    this.stream.write = this.original;
  }

  private above(text: string): boolean {
    const lines = String(text).replace(/\n$/, "").split("\n");
    this.redraw(lines, this.block);
    return true;
  }

  private redraw(above: readonly string[], block: readonly string[]): void {
    const back = this.height() + this.below;
    this.below = 0;
    if (above.length === 0 && block.length === 0 && back === 0) return;
    const lines = [...above, ...block].map((line) => `${line}${eraseLineEnd}\n`);
    // One write a frame: a terminal never shows half of one.
    this.original.call(this.stream, `\r${up(back)}${lines.join("")}${eraseBelow}`);
    this.block = block;
    this.drawnColumns = this.columns;
  }

  /** Rows the block takes now. A terminal made narrower has broken its lines. */
  private height(): number {
    const { columns } = this;
    if (columns >= this.drawnColumns) return this.block.length;
    return this.block.reduce((rows, line) => {
      return rows + Math.max(1, Math.ceil(columnsOf(line.replace(colorCodes, "")) / columns));
    }, 0);
  }
}
