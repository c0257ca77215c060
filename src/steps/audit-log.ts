/**
 * One row about this run in an append-only table; when the database is away the row waits in a file and is sent with
 * the next one. A row is known by run and event, so that sending it twice leaves one. The table: `runbooks/sql/audit-log.sql`.
 */
import { dirname, isAbsolute, join } from "node:path";
import type { JsonObject } from "../util/json.ts";
import { exitFailure } from "./command-text.ts";
import { jsonRows, psql } from "./postgres/psql.ts";
import { type Login, loginFields, placeName, placeOf } from "./postgres/server.ts";
import { anything, closed, nullable, result, text, whole } from "./schema.ts";
import { defineStepType, StepFailure, type StepHost } from "./step-type.ts";

interface AuditSpec extends Login {
  readonly event: string;
  readonly sha?: string;
  readonly details?: unknown;
  readonly table?: string;
  readonly fallback?: string;
}

interface AuditResult {
  readonly stored: "database" | "file";
  readonly replayed: number;
  readonly pending: number;
  readonly why: string | null;
}

const defaultTable = "runbook_audit";
const defaultFallback = "artifacts/ops/audit-log.jsonl";

/**
 * Appends the row to the file of those that wait. `>>` writes at the end of the file in one call, so that two runs do
 * not mix their lines (write(2), O_APPEND).
 */
const keep = 'set -e; umask 077; mkdir -p -- "$AUDIT_FOLDER"; printf "%s\\n" "$AUDIT_ROW" >> "$AUDIT_FILE"';

/**
 * Moves the file aside, so that nobody appends to what is being sent, and prints every file that was ever moved aside:
 * a line `# PATH` before each. What a run left that was killed here is sent by the next one.
 */
const claim =
  'set -e; if [ -f "$AUDIT_FILE" ]; then mv -- "$AUDIT_FILE" "$AUDIT_FILE.$AUDIT_RUN.$$"; fi; for f in "$AUDIT_FILE".*; do if [ -f "$f" ]; then printf "# %s\\n" "$f"; cat -- "$f"; fi; done';

/** Only files whose rows are in the database: another run may have moved one aside meanwhile. */
const forget = 'printf "%s\\n" "$AUDIT_SENT" | while IFS= read -r f; do rm -f -- "$f"; done';

export const auditLog = defineStepType<AuditSpec, AuditResult>({
  type: "audit-log",
  summary:
    "Adds one row about this run to an append-only table, and those that waited; keeps it in a file while the database is away.",
  docs: "https://www.postgresql.org/docs/current/sql-insert.html",
  effects: "write",
  timeoutMs: 60_000,
  input: closed(
    {
      ...loginFields,
      event: text("What is recorded, such as `deployed`; once per run.", { minLength: 1, maxLength: 200 }),
      sha: text("Commit or image this is about."),
      details: anything("Anything else, kept as JSON. No secrets."),
      table: text(`Table, default \`${defaultTable}\`; a schema may stand before it.`, {
        pattern: "^[a-z_][a-z0-9_]*(\\.[a-z_][a-z0-9_]*)?$",
      }),
      fallback: text(`File for rows that wait, relative to the project; default \`${defaultFallback}\`.`, {
        minLength: 1,
      }),
    },
    ["server", "event"],
  ),
  examples: [
    {
      server: "${{ target.audit }}",
      password: "${{ secrets.AUDIT_PGPASSWORD }}",
      event: "deployed",
      sha: "${{ inputs.sha }}",
      details: { reason: "${{ inputs.reason }}" },
    },
    {
      server: "${{ target.audit }}",
      event: "drill-ended",
      table: "ops.audit",
      fallback: "artifacts/ops/waiting.jsonl",
    },
  ],
  result: result({
    stored: text("Where the row is now.", { enum: ["database", "file"] }),
    replayed: whole("Rows that had waited and are in the database now."),
    pending: whole("Rows that wait in the file."),
    why: nullable(text("Why the row waits; null when it is stored.")),
  }),
  secretFields: ["password"],
  tools: ["psql"],
  action: (spec) => ({
    text: `add ${JSON.stringify(spec.event)} to ${spec.table ?? defaultTable} in ${placeName(spec)}`,
    argv: null,
  }),
  async run(spec, host) {
    const row = rowOf(spec, host);
    const files = filesOf(spec, host);
    const lines = (await shell(host, claim, files)).stdout.split("\n").filter((line) => line !== "");
    const waiting = rowsOf(lines.filter((line) => !line.startsWith("# ")));
    try {
      const added = await insert(spec, host, [...waiting, row]);
      const sent = lines.filter((line) => line.startsWith("# ")).map((line) => line.slice(2));
      if (sent.length > 0) await shell(host, forget, { AUDIT_SENT: sent.join("\n") });
      return { stored: "database", replayed: added.filter((each) => !isSame(each, row)).length, pending: 0, why: null };
    } catch (error) {
      if (!(error instanceof StepFailure) || !isAway(error)) throw error;
      await shell(host, keep, { ...files, AUDIT_ROW: JSON.stringify(row) });
      return { stored: "file", replayed: 0, pending: waiting.length + 1, why: error.message };
    }
  },
});

interface AuditRow {
  readonly run: string;
  readonly event: string;
  readonly at: string;
  readonly actor: string;
  readonly target: string;
  readonly sha: string | null;
  readonly details: unknown;
}

function rowOf(spec: AuditSpec, host: StepHost): AuditRow & JsonObject {
  const { name } = host.target;
  return {
    run: host.run.id,
    event: spec.event,
    at: host.clock.now().toISOString(),
    actor: host.run.actor,
    target: typeof name === "string" ? name : "",
    sha: spec.sha ?? null,
    details: (spec.details ?? null) as never,
  };
}

function isSame(a: Pick<AuditRow, "run" | "event">, b: AuditRow): boolean {
  return a.run === b.run && a.event === b.event;
}

/** Adds the rows the table does not have yet, and returns those. */
async function insert(
  spec: AuditSpec,
  host: StepHost,
  rows: readonly AuditRow[],
): Promise<readonly Pick<AuditRow, "run" | "event">[]> {
  const place = placeOf(spec, host);
  const table = spec.table ?? defaultTable;
  const ended = await psql(
    host,
    place,
    `SET standard_conforming_strings = on;
WITH added AS (
  INSERT INTO ${table} (run, event, at, actor, target, sha, details)
  SELECT run, event, at, actor, target, sha, details
  FROM json_to_recordset('${JSON.stringify(rows).replaceAll("'", "''")}'::json)
    AS r(run text, event text, at timestamptz, actor text, target text, sha text, details jsonb)
  ON CONFLICT (run, event) DO NOTHING
  RETURNING run, event
)
SELECT coalesce(json_agg(to_json(added)), '[]'::json) FROM added;`,
  );
  return jsonRows(ended.stdout) as readonly AuditRow[];
}

/** The database is away for a while. A missing table or right is not: that must be seen. */
function isAway(error: StepFailure): boolean {
  return error.class === "transient" || error.class === "timeout" || error.reason === "server-not-running";
}

function filesOf(spec: AuditSpec, host: StepHost): Record<string, string> {
  const path = spec.fallback ?? defaultFallback;
  const file = isAbsolute(path) ? path : join(host.files.workDir, path);
  return { AUDIT_FILE: file, AUDIT_FOLDER: dirname(file), AUDIT_RUN: host.run.slug };
}

async function shell(host: StepHost, script: string, env: Readonly<Record<string, string>>) {
  const ended = await host.command(["sh", "-c", script], { env });
  if (ended.exitCode !== 0) throw exitFailure("keeping the rows that wait", ended);
  return ended;
}

/** A line that was cut off by a full disk is reported, not sent. */
function rowsOf(lines: readonly string[]): AuditRow[] {
  return lines.map((line) => {
    try {
      return JSON.parse(line) as AuditRow;
    } catch (cause) {
      throw new StepFailure(
        "failed",
        "fallback-damaged",
        `A row that waits is no JSON: ${line.slice(0, 80)}. Repair or remove that line of the fallback file.`,
        { cause },
      );
    }
  });
}
