/** Rows of text in columns, and counted words. */
import { cellWidth, wrapWords } from "../../language/text-layout.ts";
import { inertLine, noRunnerCommands } from "../../report/inert.ts";

/**
 * Columns as wide as their longest cell, two blanks apart; the last one is not padded, and wrapped when there is a
 * width for the whole line. Cells become inert.
 */
export function textTable(rows: readonly (readonly string[])[], indent = "", widthColumns = 0): string {
  const cells = rows.map((row) => row.map(inertLine));
  const widths: number[] = [];
  for (const row of cells)
    row.forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 0, cellWidth(cell));
    });
  return noRunnerCommands(cells.flatMap((row) => tableRow(row, widths, indent, widthColumns)).join("\n"));
}

function tableRow(row: readonly string[], widths: readonly number[], indent: string, widthColumns: number): string[] {
  const head = row.slice(0, -1).map((cell, at) => `${cell}${" ".repeat((widths[at] ?? 0) - cellWidth(cell))}  `);
  const start = indent + head.join("");
  const last = row.at(-1) ?? "";
  const room = widthColumns - cellWidth(start);
  const [first = "", ...rest] = room > 20 ? wrapWords(last, room) : [last];
  return [start + first, ...rest.map((line) => " ".repeat(cellWidth(start)) + line)].map((line) => line.trimEnd());
}

/** `1 file`, `2 files`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}
