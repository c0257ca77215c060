/** Whether a file is a dump that can be restored: whole, in custom format, with data. Needs no server. */
import { anything, closed, listOf, nullable, result, text, truth, whole } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { filePath, inspectArchive } from "./archive.ts";
import { readBackupRecord } from "./backup-record.ts";

interface InspectSpec {
  readonly file: string;
  readonly schemaOnly?: boolean;
}

interface InspectResult {
  readonly bytes: number;
  readonly sha256: string;
  readonly modifiedAt: string;
  readonly serverVersion: string;
  readonly database: string;
  readonly entries: number;
  readonly tables: number;
  readonly tablesWithData: number;
  readonly takenAt: string;
  readonly recorded: { readonly sha256: string; readonly bytes: number } | null;
  readonly manifest: readonly unknown[];
  readonly earlierBytes: readonly number[];
}

export const postgresInspect = defineStepType<InspectSpec, InspectResult>({
  type: "postgres/inspect",
  summary:
    "Reads a custom-format dump from end to end; fails when it is empty, truncated, of another format or without data.",
  docs: "https://www.postgresql.org/docs/current/app-pgrestore.html",
  effects: "read",
  timeoutMs: 600_000,
  input: closed(
    {
      file: text("The dump: absolute, relative to the working directory, or the path of a kept artifact.", {
        minLength: 1,
      }),
      schemaOnly: truth("Whether a dump without rows is right."),
    },
    ["file"],
  ),
  examples: [{ file: "backups/latest.dump" }, { file: "schema.dump", schemaOnly: true }],
  result: result({
    bytes: whole("Size."),
    sha256: text("Hash of the file, hexadecimal."),
    modifiedAt: text("When it was last written.", { format: "date-time" }),
    serverVersion: text("Version of the server it was taken from."),
    database: text("Database it was taken from."),
    entries: whole("Everything that would be restored."),
    tables: whole("Tables defined in it."),
    tablesWithData: whole("Tables whose rows are in it."),
    takenAt: text("Time of the snapshot by its record; without one when the file was last written.", {
      format: "date-time",
    }),
    recorded: nullable({
      ...result({ sha256: text("Hash it had."), bytes: whole("Size it had.") }),
      description: "What `FILE.json` says of it, as `postgres/dump` wrote it; null without one.",
    }),
    manifest: listOf(anything("Column → value."), "Rows of the manifest in its record; empty without one."),
    earlierBytes: listOf({ type: "integer" }, "Sizes of the dumps before it by its record, newest first."),
  }),
  stepKeys: ["cwd"],
  tools: ["pg_restore"],
  action: ({ file }) => ({ text: `pg_restore --list ${file}, and read it through`, argv: null }),
  async run(spec, host) {
    const file = await filePath(host, spec.file);
    const {
      path: _,
      modifiedAt,
      ...facts
    } = await inspectArchive(host, file, {
      schemaOnly: spec.schemaOnly ?? false,
    });
    const record = await readBackupRecord(host, file);
    return {
      ...facts,
      modifiedAt: modifiedAt.toISOString(),
      takenAt: record?.takenAt ?? modifiedAt.toISOString(),
      recorded: record === null ? null : { sha256: record.sha256, bytes: record.bytes },
      manifest: record?.manifest ?? [],
      earlierBytes: record?.earlier.map(({ bytes }) => bytes) ?? [],
    };
  },
});
