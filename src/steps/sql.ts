/** SQL in one transaction, read-only unless the step says that it writes. */
import { framed, jsonRows, psql, refuseBareValues, type SqlSource } from "./postgres/psql.ts";
import { type Login, loginFields, placeName, placeOf } from "./postgres/server.ts";
import { anything, choice, closed, either, listOf, result, text, whole } from "./schema.ts";
import { defineStepType, StepFailure, type StepHost } from "./step-type.ts";

interface SqlSpec extends Login {
  readonly file?: string;
  readonly query?: string;
  readonly values?: Readonly<Record<string, unknown>>;
  readonly transaction?: "one" | "each";
}

interface SqlResult {
  readonly rows: readonly unknown[];
  readonly rowCount: number;
}

export const sql = defineStepType<SqlSpec, SqlResult>({
  type: "sql",
  summary:
    "Runs SQL on PostgreSQL in one transaction, read-only unless `effects: write`; gives the rows of the last statement.",
  docs: "https://www.postgresql.org/docs/current/app-psql.html",
  effects: "read",
  timeoutMs: 60_000,
  input: closed(
    {
      ...loginFields,
      query: text("SQL, without holes: give it `values`. Longer text belongs in a `file`.", { minLength: 1 }),
      file: text("Path of an SQL file, relative to the runbook file; the copy sealed with the run is executed.", {
        minLength: 1,
      }),
      values: {
        type: "object",
        description: "Values the SQL reads as `:'name'` (a text, quoted by psql) or `:\"name\"` (a name). No secrets.",
        propertyNames: { pattern: "^[a-z][a-z0-9_]{0,62}$" },
        additionalProperties: { type: ["string", "number", "boolean"] },
      },
      transaction: choice("How statements are bracketed, default `one`.", {
        one: "All or nothing; BEGIN or COMMIT in the text are refused (default).",
        each: "Every statement by itself, as CREATE DATABASE needs it; only with `effects: write`.",
      }),
    },
    ["server"],
    either("query", "file"),
  ),
  examples: [
    {
      server: "${{ target.source }}",
      password: "${{ secrets.SOURCE_PGPASSWORD }}",
      query: "select count(*) as orders from orders where created_at > :'since'",
      values: { since: "2026-11-01" },
    },
    { server: "${{ target.scratch }}", database: "shop", file: "sql/vacuum.sql", transaction: "each" },
  ],
  result: result({
    rows: listOf(
      anything("Column → value; times are RFC 3339 in UTC, whole numbers beyond 2^53 texts."),
      "Rows of the last statement, when it gives any.",
    ),
    rowCount: whole("How many rows it gave, or changed."),
  }),
  secretFields: ["password"],
  literalFields: ["query"],
  fileFields: ["file"],
  tools: ["psql"],
  action: (spec) => ({
    text: `psql ${placeName(spec)}: ${spec.file ?? oneLine(spec.query ?? "")}`,
    argv: null,
  }),
  async run(spec, host) {
    const source = sourceOf(spec, host);
    const values = spec.values ?? {};
    refuseBareValues(source, values);
    if (spec.transaction === "each" && host.effects === "read") {
      throw new StepFailure(
        "fatal",
        "transaction-each",
        "`transaction: each` needs `effects: write`: a step that only reads runs in one read-only transaction.",
      );
    }
    const place = placeOf(spec, host);
    const framing = host.effects === "read" ? "read" : (spec.transaction ?? "one");
    const script = framed(source, framing, host.remainingMs());
    const ended = await psql(host, place, script.script, {
      source: script,
      values: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)])),
    });
    if (!script.answersRows) return { rows: [], rowCount: countOf(ended.stdout) };
    const rows = jsonRows(ended.stdout);
    return { rows, rowCount: rows.length };
  },
});

function sourceOf(spec: SqlSpec, host: StepHost): SqlSource {
  if (spec.file !== undefined) return { name: spec.file, text: host.files.readSealed(spec.file) };
  return { name: "the query", text: spec.query ?? "" };
}

/** The command tag: `INSERT 0 3`, `UPDATE 12`; 0 for commands that count nothing. */
function countOf(stdout: string): number {
  return Number(
    /^(?:INSERT \d+|UPDATE|DELETE|MERGE|SELECT|COPY) (\d+)$/.exec(stdout.split("\n").at(-1) ?? "")?.[1] ?? 0,
  );
}

function oneLine(query: string): string {
  return query.trim().replace(/\s+/g, " ");
}
