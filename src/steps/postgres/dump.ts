/**
 * Dumps a database and counts what is in it, both in one snapshot: counting after the dump differs on a server that
 * is written to. psql holds the transaction that exported the snapshot while pg_dump reads in it.
 * https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION
 */
import { join } from "node:path";
import { exitFailure } from "../command-text.ts";
import { anything, closed, listOf, result, text, whole } from "../schema.ts";
import { defineStepType, StepFailure, type StepHost } from "../step-type.ts";
import { inspectArchive } from "./archive.ts";
import { writeBackupRecord } from "./backup-record.ts";
import { jsonRows, psql, queryAsJson } from "./psql.ts";
import { type Login, loginFields, type Place, placeName, placeOf } from "./server.ts";

interface DumpSpec extends Login {
  readonly file: string;
  readonly manifest?: string;
  readonly schemas?: readonly string[];
}

interface DumpResult {
  readonly takenAt: string;
  readonly manifest: readonly unknown[];
  readonly bytes: number;
  readonly sha256: string;
  readonly tables: number;
  readonly serverVersion: string;
}

/** SQLSTATE by which the script says that pg_dump failed; class `RB` is nobody's. */
const dumpFailed = "RB001";

/** Fixed text: what differs from step to step arrives by environment. `--schema` is left out when there is none. */
const dumpCommand = [
  'umask 077; mkdir -p -- "$(dirname -- "$RUNBOOK_DUMP")" &&',
  "pg_dump --format=custom --no-password",
  '--host="$PGHOST" --port="$PGPORT" --username="$PGUSER" --dbname="$PGDATABASE"',
  '--snapshot="$RUNBOOK_SNAPSHOT"',
  '${RUNBOOK_SCHEMAS:+--schema="$RUNBOOK_SCHEMAS"}',
  '--file="$RUNBOOK_DUMP" 1>&2 && echo 1 || { rm -f -- "$RUNBOOK_DUMP"; echo 0; }',
].join(" ");

export const postgresDump = defineStepType<DumpSpec, DumpResult>({
  type: "postgres/dump",
  summary:
    "Dumps a database in custom format and runs a manifest query in the same snapshot; fails unless the dump is whole. Writes its record beside it.",
  docs: "https://www.postgresql.org/docs/current/app-pgdump.html",
  effects: "read",
  timeoutMs: 1_200_000,
  input: closed(
    {
      ...loginFields,
      file: text(
        "File to write, relative to the working directory, with its record in `FILE.json`; name it under `artifacts:` to keep it.",
        {
          pattern: "^[A-Za-z0-9_][A-Za-z0-9_./-]*$",
        },
      ),
      manifest: text(
        "Path of an SQL file with one query, relative to the runbook file; it sees exactly what is dumped.",
        { minLength: 1 },
      ),
      schemas: listOf({ type: "string", pattern: "^[a-z_][a-z0-9_]*$" }, "Only these schemas; default all.", {
        minItems: 1,
      }),
    },
    ["server", "file"],
  ),
  examples: [
    {
      server: "${{ target.source }}",
      password: "${{ secrets.SOURCE_PGPASSWORD }}",
      file: "backup.dump",
      manifest: "sql/manifest.sql",
      schemas: ["public"],
    },
  ],
  result: result({
    takenAt: text("When the snapshot was taken, by the server's clock.", { format: "date-time" }),
    manifest: listOf(anything("Column → value."), "Rows of the manifest query; empty without one."),
    bytes: whole("Size of the dump."),
    sha256: text("Hash of the dump, hexadecimal."),
    tables: whole("Tables in the dump."),
    serverVersion: text("Version of the server."),
  }),
  secretFields: ["password"],
  fileFields: ["manifest"],
  stepKeys: ["cwd", "artifacts"],
  tools: ["psql", "pg_dump", "pg_restore"],
  action: (spec) => ({
    text: `pg_dump ${placeName(spec)} into ${spec.file}${spec.manifest === undefined ? "" : `, and ${spec.manifest} in the same snapshot`}`,
    argv: null,
  }),
  async run(spec, host) {
    refuseProbe(host);
    if (spec.file.split("/").includes("..")) {
      throw new StepFailure("fatal", "file-outside", `${spec.file} leads out of the working directory.`);
    }
    const place = placeOf(spec, host);
    const file = join(host.files.workDir, spec.file);
    // Half a dump never has the name of a dump.
    const partial = `${file}.partial`;
    const manifest =
      spec.manifest === undefined
        ? "SELECT '[]'::json;"
        : queryAsJson({ name: spec.manifest, text: host.files.readSealed(spec.manifest) });
    const { server } = spec;
    const [takenAt = "", ...rows] = await dumped(host, place, manifest, {
      PGHOST: server.host,
      PGPORT: String(server.port ?? 5432),
      PGUSER: server.user,
      PGDATABASE: place.database,
      RUNBOOK_DUMP: partial,
      // One pattern: a regular expression over names that the schema of this step has limited to letters.
      RUNBOOK_SCHEMAS: spec.schemas === undefined ? "" : `(${spec.schemas.join("|")})`,
    });
    try {
      const archive = await inspectArchive(host, partial, { schemaOnly: false });
      const moved = await host.command(["mv", "--", partial, file], { effects: "read" });
      if (moved.exitCode !== 0) throw exitFailure("mv", moved);
      const { bytes, sha256, tables, serverVersion } = archive;
      const counted = jsonRows(rows.join("\n"));
      const { database } = place;
      await writeBackupRecord(host, file, {
        takenAt,
        database,
        serverVersion,
        bytes,
        sha256,
        tables,
        manifest: counted,
      });
      return { takenAt, manifest: counted, bytes, sha256, tables, serverVersion };
    } catch (error) {
      await host.command(["rm", "-f", "--", partial], { effects: "read" });
      throw error;
    }
  },
});

/** Lines psql printed: the time of the snapshot, then the manifest. */
async function dumped(
  host: StepHost,
  place: Place,
  manifest: string,
  env: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  try {
    return (await psql(host, place, scriptOf(manifest), { env })).stdout.split("\n");
  } catch (error) {
    if (!(error instanceof StepFailure) || error.facts["sqlState"] !== dumpFailed) throw error;
    const said = String(error.facts["stderr"])
      .split("\n")
      .filter((line) => line.startsWith("pg_dump: "));
    throw new StepFailure("failed", "dump-failed", `pg_dump of ${place.name} failed: ${said.join("\n")}`, {
      facts: error.facts,
    });
  }
}

/** https://www.postgresql.org/docs/current/app-psql.html: backquotes run a command by /bin/sh and give its output. */
function scriptOf(manifest: string): string {
  return [
    "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;",
    "SELECT pg_export_snapshot() AS runbook_snapshot,",
    `  to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS runbook_taken_at`,
    "\\gset",
    "\\setenv RUNBOOK_SNAPSHOT :runbook_snapshot",
    "\\echo :runbook_taken_at",
    manifest,
    `\\set runbook_dumped \`${dumpCommand}\``,
    "\\if :runbook_dumped",
    "\\else",
    `DO $$ BEGIN RAISE 'pg_dump failed' USING ERRCODE = '${dumpFailed}'; END $$;`,
    "\\endif",
    "COMMIT;",
  ].join("\n");
}

/** A probe shows what is there now; reading a whole database for that is not what anybody expects of it. */
function refuseProbe(host: StepHost): void {
  if (host.run.id === "probe")
    throw new StepFailure("failed", "not-probed", "A probe does not dump: it would read the whole database.");
}
