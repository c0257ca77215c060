/**
 * What was set where and when, one JSON object a line: the stores give no value back, so their digest at that time is what
 * a later one is compared with. Lines are only ever added.
 */
import { dirname, isAbsolute, join } from "node:path";
import type { JsonSchema } from "../../util/json.ts";
import { exitFailure } from "../command-text.ts";
import { textOf } from "../file-tree.ts";
import { anObject, aText, aTruth, or, ShapeMismatch } from "../fly/shape.ts";
import { text } from "../schema.ts";
import { StepFailure, type StepHost } from "../step-type.ts";

export interface SetRecord {
  /** RFC 3339. */
  readonly at: string;
  readonly run: string;
  /** `fly shop`, `github shop/web production` */
  readonly place: string;
  readonly name: string;
  readonly digest: string | null;
  readonly updatedAt: string | null;
  /** True = what was recorded before does not hold either: nobody knows when it was set. */
  readonly isVoid?: boolean;
}

const record = anObject<Required<SetRecord>>({
  at: aText,
  run: aText,
  place: aText,
  name: aText,
  digest: or(aText, null),
  updatedAt: or(aText, null),
  isVoid: or(aTruth, false),
});

const defaultRecords = "artifacts/ops/secrets.ndjson";

export const recordsField: JsonSchema = text(
  `File of what was set when, relative to the project; default \`${defaultRecords}\`. It holds names and digests.`,
  { minLength: 1, examples: [defaultRecords] },
);

/** `>>` writes at the end of the file in one call, so that two runs do not mix their lines (write(2), O_APPEND). */
const append = 'set -e; umask 077; mkdir -p -- "$RECORDS_FOLDER"; printf "%s\\n" "$RECORDS_LINES" >> "$RECORDS_FILE"';

export async function addRecords(host: StepHost, file: string | undefined, rows: readonly SetRecord[]): Promise<void> {
  const path = pathOf(host, file);
  const lines = rows.map((row) => JSON.stringify(row)).join("\n");
  const ended = await host.command(["sh", "-c", append], {
    env: { RECORDS_FOLDER: dirname(path), RECORDS_FILE: path, RECORDS_LINES: lines },
  });
  if (ended.exitCode !== 0) throw exitFailure(`adding to ${path}`, ended);
}

/** The newest record of each place and name, of those that `isOf` takes; none when there is no file yet. */
export function lastRecords(
  host: StepHost,
  file: string | undefined,
  isOf: (row: SetRecord) => boolean = () => true,
): Map<string, SetRecord> {
  const path = pathOf(host, file);
  const lines = (textOf(path) ?? "").split("\n");
  const last = new Map<string, SetRecord>();
  for (const [index, line] of lines.entries()) {
    if (line === "") continue;
    const row = rowOf(path, index + 1, line);
    if (!isOf(row)) continue;
    if (row.isVoid === true) last.delete(keyOf(row.place, row.name));
    else last.set(keyOf(row.place, row.name), row);
  }
  return last;
}

export function keyOf(place: string, name: string): string {
  return `${place}\0${name}`;
}

function rowOf(path: string, number: number, line: string): SetRecord {
  try {
    return record(JSON.parse(line), "");
  } catch (error) {
    const why = error instanceof ShapeMismatch ? error.message : "it is no JSON";
    throw new StepFailure(
      "failed",
      "records-damaged",
      `Line ${number} of ${path} cannot be read: ${why}. Repair or remove that line.`,
      { facts: { file: path, line: number } },
    );
  }
}

function pathOf(host: StepHost, file = defaultRecords): string {
  return isAbsolute(file) ? file : join(host.files.workDir, file);
}
