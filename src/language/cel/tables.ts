/** Readers behind the functions `json`, `csv`, `lines`, `diff` and `percentile`. */
import { EvaluationError } from "./evaluation-error.ts";

/**
 * JSON text as data; whole numbers (to 41 digits) that a JS number would round become BigInt. Throws as `JSON.parse`
 * does, and `RangeError` for such numbers inside data nested thousands of levels deep.
 * JSON.parse shows revivers no source text on Node 20, so such numbers are marked as strings before parsing.
 */
export function parseJsonExactly(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const mark = unusedMark(text);
  const marked = text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g, (token) =>
    token.length >= 16 && /^-?[1-9]\d{0,40}$/.test(token) && !Number.isSafeInteger(Number(token))
      ? `"${mark}${token}"`
      : token,
  );
  return JSON.parse(marked, (_key, value: unknown) =>
    typeof value === "string" && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value,
  );
}

/** A prefix that no string of the JSON text begins with, however it is escaped. */
function unusedMark(text: string): string {
  const plain = text.replace(/\\u([0-9a-fA-F]{4})/g, (_escape, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  let count = 0;
  while (plain.includes(`int${count}:`)) count++;
  return `int${count}:`;
}

/** Lines without their ends (LF or CRLF); a final line end makes no empty line. */
export function splitLines(text: string): string[] {
  if (text === "") return [];
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** CSV with a header row (RFC 4180) as a list of maps from column name to text. */
export function parseCsv(text: string): Record<string, string>[] {
  const [header, ...rows] = csvRecords(text.replace(/^\uFEFF/, ""));
  if (header === undefined) return [];
  const twice = header.fields.find((name, at) => header.fields.indexOf(name) !== at);
  if (twice !== undefined) throw new EvaluationError("bad-value", `csv(): the column "${twice}" appears twice.`);
  return rows.map(({ fields, line }) => {
    if (fields.length !== header.fields.length) {
      const counts = `${fields.length} fields, the header has ${header.fields.length}`;
      throw new EvaluationError("bad-value", `csv(): line ${line} has ${counts}.`);
    }
    return Object.fromEntries(header.fields.map((name, at) => [name, fields[at]!]));
  });
}

interface CsvRecord {
  readonly fields: string[];
  /** 1-based line where it begins. */
  readonly line: number;
}

function csvRecords(text: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  const field = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/y;
  let line = 1;
  let record: CsvRecord = { fields: [], line };
  while (field.lastIndex < text.length || record.fields.length > 0) {
    const at = field.lastIndex;
    const match = field.exec(text);
    if (match === null) {
      const unclosed = text[at] === '"' && !/^"[^"]*(?:""[^"]*)*"/.test(text.slice(at));
      const what = unclosed ? "a quote is not closed" : "a quote stands inside a field or after one";
      throw new EvaluationError("bad-value", `csv(): line ${line}: ${what}.`);
    }
    record.fields.push(match[1]?.replaceAll('""', '"') ?? match[2]!);
    line += match[0].split("\n").length - 1;
    if (match[3] === ",") continue;
    // A blank line is no record.
    if (record.fields.length > 1 || match[1] !== undefined || match[2] !== "") records.push(record);
    record = { fields: [], line };
  }
  return records;
}

/** Nearest-rank percentile (always one of the values): the smallest value that `p` per cent do not exceed. */
export function nearestRank(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)]!;
}
