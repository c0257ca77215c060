/**
 * Restores a custom-format dump into an empty database of a scratch server, all of it or nothing.
 * https://www.postgresql.org/docs/current/app-pgrestore.html
 */
import { exitFailure, lastLines } from "../command-text.ts";
import { closed, decimal, result, text, truth, whole } from "../schema.ts";
import { defineStepType, StepFailure, type StepHost } from "../step-type.ts";
import { filePath, inspectArchive } from "./archive.ts";
import { jsonRows, psql } from "./psql.ts";
import { connectionFailure, type Login, loginFields, type Place, placeName, placeOf } from "./server.ts";

interface RestoreSpec extends Login {
  readonly file: string;
  readonly requireEmpty?: boolean;
  readonly owners?: boolean;
  readonly privileges?: boolean;
}

interface RestoreResult {
  readonly database: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly tables: number;
  readonly invalidConstraints: number;
  readonly durationMs: number;
}

interface Counted {
  readonly objects: number;
  readonly tables: number;
  readonly invalid: number;
}

export const postgresRestore = defineStepType<RestoreSpec, RestoreResult>({
  type: "postgres/restore",
  summary:
    "Restores a dump into a database of a scratch server in one transaction; refuses any other server and, with `requireEmpty`, a filled database.",
  docs: "https://www.postgresql.org/docs/current/app-pgrestore.html",
  effects: "write",
  timeoutMs: 1_800_000,
  input: closed(
    {
      ...loginFields,
      file: text("The dump: the path of a kept artifact, absolute, or relative to the working directory.", {
        minLength: 1,
      }),
      requireEmpty: truth("Refuse a database in which anything was created; default true."),
      owners: truth("Give objects their owners of the source, who must exist here; default false."),
      privileges: truth("Restore GRANTs, whose roles must exist here; default false."),
    },
    ["server", "file"],
  ),
  examples: [
    {
      server: "${{ target.scratch }}",
      password: "${{ secrets.SCRATCH_PGPASSWORD }}",
      database: "drill_${{ run.slug }}",
      file: "backup.dump",
      requireEmpty: true,
    },
    {
      server: "${{ target.scratch }}",
      database: "drill_${{ run.slug }}",
      file: "backup.dump",
      owners: true,
      privileges: true,
    },
  ],
  result: result({
    database: text("Database that was filled."),
    bytes: whole("Size of the dump."),
    sha256: text("Hash of the dump, hexadecimal."),
    tables: whole("Tables there now."),
    invalidConstraints: whole("Constraints that are there but were not validated against the rows."),
    durationMs: decimal("Milliseconds pg_restore took."),
  }),
  secretFields: ["password"],
  stepKeys: ["cwd"],
  tools: ["psql", "pg_restore"],
  action: (spec) => ({ text: `pg_restore ${spec.file} into ${placeName(spec)}, in one transaction`, argv: null }),
  async run(spec, host) {
    const place = placeOf(spec, host);
    if (spec.server.purpose !== "scratch") {
      throw new StepFailure(
        "refused",
        "not-a-scratch-server",
        `${spec.server.host} is not marked as a scratch server, and nothing is restored over what may be real. If it holds nothing of value, write \`purpose: scratch\` at it in runbook.config.yaml.`,
        { facts: { host: spec.server.host, purpose: spec.server.purpose ?? null } },
      );
    }
    const archive = await inspectArchive(host, await filePath(host, spec.file), { schemaOnly: false });
    const before = await count(host, place);
    if (spec.requireEmpty !== false && before.objects > 0) {
      throw new StepFailure(
        "refused",
        "database-not-empty",
        `${place.name} holds ${before.objects} objects already. Restore into a new database, so that what is compared later came from this dump alone.`,
        { facts: { objects: before.objects } },
      );
    }
    const ended = await host.command(
      [
        "pg_restore",
        "--exit-on-error",
        "--single-transaction",
        "--no-password",
        ...(spec.owners === true ? [] : ["--no-owner"]),
        ...(spec.privileges === true ? [] : ["--no-privileges"]),
        ...place.words,
        archive.path,
      ],
      { env: place.env },
    );
    if (ended.exitCode !== 0) throw restoreFailure(place, exitFailure("pg_restore", ended), ended.stderr, ended);
    const after = await count(host, place);
    if (after.tables - before.tables < archive.tables) {
      throw new StepFailure(
        "failed",
        "tables-missing",
        `The dump defines ${archive.tables} tables, and ${after.tables - before.tables} came into ${place.name}.`,
        { facts: { expected: archive.tables, actual: after.tables - before.tables } },
      );
    }
    return {
      database: place.database,
      bytes: archive.bytes,
      sha256: archive.sha256,
      tables: after.tables,
      invalidConstraints: after.invalid,
      durationMs: ended.durationMs,
    };
  },
});

/** Relations, routines and types that neither the system nor an extension brought. */
async function count(host: StepHost, place: Place): Promise<Counted> {
  const own = (table: string, namespace: string) =>
    `FROM ${table} o JOIN pg_namespace n ON n.oid = o.${namespace}
     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '${table}'::regclass AND d.objid = o.oid AND d.deptype = 'e')`;
  const ended = await psql(
    host,
    place,
    `SELECT json_build_array(json_build_object(
       'objects', (SELECT count(*) ${own("pg_class", "relnamespace")}) + (SELECT count(*) ${own("pg_proc", "pronamespace")})
         + (SELECT count(*) ${own("pg_type", "typnamespace")}),
       'tables', (SELECT count(*) ${own("pg_class", "relnamespace")} AND o.relkind IN ('r', 'p')),
       'invalid', (SELECT count(*) FROM pg_constraint WHERE NOT convalidated)));`,
    { effects: "read" },
  );
  return jsonRows(ended.stdout)[0] as Counted;
}

function restoreFailure(
  place: Place,
  said: StepFailure,
  stderr: string,
  ended: Parameters<typeof connectionFailure>[1],
): StepFailure {
  const noSession = connectionFailure(place, ended);
  if (noSession !== null && !/error: could not execute query/.test(stderr)) return noSession;
  const role = /role "([^"]*)" does not exist/.exec(stderr)?.[1];
  const hint =
    role === undefined ? "" : ` Row security and privileges name roles: CREATE ROLE ${role} on this server first.`;
  return new StepFailure(
    "failed",
    "restore-failed",
    `${said.message}${hint} Nothing was restored: it is one transaction.`,
    {
      facts: { ...said.facts, stderr: lastLines(stderr, 20) },
    },
  );
}
