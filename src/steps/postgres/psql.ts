/**
 * Runs SQL through psql and reads JSON back. psql alone exits with 0 over broken SQL, commits half a file and leaves a
 * transaction when the file says so; none of that may happen here.
 * https://www.postgresql.org/docs/current/app-psql.html
 */
import { howItEnded, lastLines } from "../command-text.ts";
import { type CommandOptions, type CommandResult, StepFailure, type StepHost } from "../step-type.ts";
import { connectionFailure, type Place } from "./server.ts";
import { isTransactionControl, type SqlText, type Statement, splitStatements, verbOf } from "./statements.ts";

/** psql prints it after the last statement; without it the text ended early, whatever the exit code says. */
const endMark = "runbook: end of script";

export interface SqlSource {
  /** `sql/manifest.sql` or `the query`, for messages. */
  readonly name: string;
  readonly text: string;
}

/** How the statements of one source are framed. */
export type Framing = "read" | "one" | "each";

/** psql without its start-up file, without prompts, stopping at the first error, unaligned without headers. */
function psqlWords(place: Place, values: Readonly<Record<string, string>> = {}): [string, ...string[]] {
  return [
    "psql",
    "--no-psqlrc",
    "--no-password",
    "--quiet",
    "--no-align",
    "--tuples-only",
    "--set=ON_ERROR_STOP=1",
    "--set=VERBOSITY=verbose",
    ...Object.entries(values).map(([name, value]) => `--set=${name}=${value}`),
    ...place.words,
    "--file=-",
  ];
}

/** Runs psql over a script. Resolves for exit 0 with everything executed; throws a `StepFailure` otherwise. */
export async function psql(
  host: StepHost,
  place: Place,
  script: string,
  more: CommandOptions & { readonly values?: Readonly<Record<string, string>>; readonly source?: Framed } = {},
): Promise<CommandResult> {
  const { values, source, env, ...options } = more;
  const ended = await host.command(psqlWords(place, values), {
    ...options,
    env: { ...place.env, ...env },
    stdin: `${script}\n\\echo ${endMark}\n`,
  });
  if (ended.exitCode !== 0) throw psqlFailure(place, ended, source ?? null);
  const stdout = ended.stdout.trimEnd();
  if (!stdout.endsWith(endMark)) {
    throw new StepFailure(
      "failed",
      "script-incomplete",
      Buffer.byteLength(stdout) >= 8 * 1024 * 1024 - 4
        ? "The answer is larger than 8 MiB; select less, or count on the server."
        : "psql ended with exit code 0 before the last statement.",
      { facts: { stderr: lastLines(ended.stderr, 20) } },
    );
  }
  return { ...ended, stdout: stdout.slice(0, -endMark.length).trimEnd() };
}

/** A script made of a source, with where its statements went. */
export interface Framed {
  readonly script: string;
  readonly name: string;
  /** Line of the script at which a statement begins → its line in the source. */
  readonly lines: readonly { readonly script: number; readonly source: number }[];
  /** Whether stdout will be the rows of the last statement as JSON. */
  readonly answersRows: boolean;
}

/** The script of a source. Throws a `fatal` failure for what would leave the frame. */
export function framed(source: SqlSource, framing: Framing, remainingMs: number): Framed {
  const sql = splitStatements(source.text);
  refuseOpen(source, sql);
  refuseMetas(source, sql);
  if (framing !== "each") refuseTransactions(source, sql);
  const lines: { script: number; source: number }[] = [];
  const out: string[] = [];
  let height = 1;
  const add = (text: string, line?: number) => {
    if (line !== undefined) lines.push({ script: height, source: line });
    out.push(text);
    height += text.split("\n").length;
  };
  // The server ends a statement whose client was killed only at its next answer, so it gets the limit too.
  add(`SET statement_timeout = ${Math.max(1, Math.min(2_147_483_647, Math.ceil(remainingMs)))};`);
  if (framing === "read") {
    add("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;");
  } else if (framing === "one") add("BEGIN;");
  add("\\o /dev/null");
  // After the first statement a transaction cannot be made read-write any more.
  if (framing === "read") add("SELECT 1;");
  const last = sql.statements.at(-1);
  for (const statement of sql.statements.slice(0, -1)) add(`${statement.text};`, statement.line);
  add("\\o");
  const answersRows = last !== undefined && isRowSource(last);
  if (last !== undefined) {
    if (!answersRows) add("\\set QUIET off");
    add(answersRows ? asJson(last) : `${last.text}\n;`, last.line);
    if (!answersRows) add("\\set QUIET on");
  }
  if (framing !== "each") add("COMMIT;");
  return { script: out.join("\n"), name: source.name, lines, answersRows };
}

function isRowSource(statement: Statement): boolean {
  const verb = verbOf(statement);
  if (["select", "values", "table"].includes(verb)) return !statement.words.includes("into");
  return ["insert", "update", "delete", "merge"].includes(verb) && statement.words.includes("returning");
}

/** One JSON array of the statement's rows. A change must stand in a WITH, a query may stand in FROM. */
function asJson(statement: Statement): string {
  const rows = "coalesce(json_agg(to_json(runbook_row)), '[]'::json)";
  return ["select", "values", "table"].includes(verbOf(statement))
    ? `SELECT ${rows} FROM (\n${statement.text}\n) AS runbook_row;`
    : `WITH runbook_row AS (\n${statement.text}\n) SELECT ${rows} FROM runbook_row;`;
}

/** A query as one JSON array, for scripts put together elsewhere. Throws a `fatal` failure when it is no single query. */
export function queryAsJson(source: SqlSource): string {
  const sql = splitStatements(source.text);
  refuseOpen(source, sql);
  refuseMetas(source, sql);
  const [query, more] = sql.statements;
  if (query === undefined || more !== undefined || !["select", "values", "table"].includes(verbOf(query))) {
    throw new StepFailure("fatal", "not-a-query", `${source.name} must be exactly one query (SELECT, WITH … SELECT).`);
  }
  return asJson(query);
}

/** What psql printed as rows; whole numbers that a double cannot hold stay texts. */
export function jsonRows(stdout: string): readonly unknown[] {
  const exact = stdout.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
    /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token,
  );
  let value: unknown;
  try {
    value = JSON.parse(exact);
  } catch (cause) {
    throw new StepFailure("failed", "unexpected-output", `psql printed no JSON but ${stdout.slice(0, 80)}`, { cause });
  }
  if (!Array.isArray(value)) throw new StepFailure("failed", "unexpected-output", "psql printed no list of rows");
  return value;
}

/** Names that may stand in `values`, and that the SQL may only use quoted: `:'since'`, `:"table"`. */
export function refuseBareValues(source: SqlSource, values: Readonly<Record<string, unknown>>): void {
  const { variables } = splitStatements(source.text);
  const bare = variables.find((each) => !each.isQuoted && Object.hasOwn(values, each.name));
  if (bare !== undefined) {
    throw new StepFailure(
      "fatal",
      "value-unquoted",
      `${source.name}, line ${bare.line}: a value must not become SQL. Write :'${bare.name}' for a text (with ::int for a number) or :"${bare.name}" for a name.`,
    );
  }
}

function refuseOpen({ name }: SqlSource, { open, statements }: SqlText): void {
  if (open !== null) {
    throw new StepFailure("fatal", "sql-unfinished", `${name}, line ${open.line}: ${open.what} begins and never ends.`);
  }
  if (statements.length === 0) throw new StepFailure("fatal", "sql-empty", `${name} holds no statement.`);
}

function refuseMetas({ name }: SqlSource, { metas, statements }: SqlText): void {
  const [meta] = metas;
  if (meta !== undefined) {
    const command = meta.text.split(/\s/)[0] ?? "";
    throw new StepFailure(
      "fatal",
      "psql-command",
      `${name}, line ${meta.line}: ${command} is a command of psql, not SQL. It could connect elsewhere, read other files or start programs; remove it.`,
      { facts: { line: meta.line, command } },
    );
  }
  const copy = statements.find(({ words }) => words[0] === "copy" && words.includes("stdin"));
  if (copy !== undefined) {
    throw new StepFailure(
      "fatal",
      "copy-from-stdin",
      `${name}, line ${copy.line}: COPY … FROM stdin carries its data in the script. Use INSERT, or a custom-format dump and postgres/restore.`,
    );
  }
}

function refuseTransactions({ name }: SqlSource, { statements }: SqlText): void {
  const control = statements.find(isTransactionControl);
  if (control === undefined) return;
  throw new StepFailure(
    "fatal",
    "transaction-control",
    `${name}, line ${control.line}: ${control.words.slice(0, 2).join(" ").toUpperCase()} inside a text that runs as one transaction would end it half-way. Remove it, or say \`transaction: each\` in a step with \`effects: write\`: then what ran before a failure stays.`,
    { facts: { line: control.line } },
  );
}

interface SqlError {
  readonly line: number | null;
  readonly state: string;
  readonly text: string;
}

/** `psql:<stdin>:7: ERROR:  42P01: relation "x" does not exist` */
function sqlErrorOf(stderr: string): SqlError | null {
  const found = /^(?:psql:[^\n]*?:(\d+): )?(?:ERROR|FATAL): {1,2}([0-9A-Z]{5}): (.*)$/m.exec(stderr);
  if (found === null) return null;
  return { line: found[1] === undefined ? null : Number(found[1]), state: found[2] ?? "", text: found[3] ?? "" };
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const passingStates = /^(?:08|40|53|57P0[123]|55P03)/;

function psqlFailure(place: Place, ended: CommandResult, source: Framed | null): StepFailure {
  const error = sqlErrorOf(ended.stderr);
  const facts = {
    exitCode: ended.exitCode,
    sqlState: error?.state ?? null,
    stderr: lastLines(ended.stderr.replace(/^LOCATION:.*\n?/gm, ""), 20),
  };
  if (error === null) {
    const noSession = connectionFailure(place, ended);
    if (noSession !== null) return noSession;
    return new StepFailure("failed", "exit-code", `psql ${howItEnded(ended)}: ${lastLines(ended.stderr, 5)}`, {
      facts,
    });
  }
  const where = source === null || error.line === null ? "" : `${source.name}${lineIn(source, error.line)}: `;
  const message = `${where}${error.text} (${error.state})`;
  if (error.state === "57014")
    return new StepFailure("timeout", "statement-timeout", `${message}: the step's time was over`, { facts });
  if (error.state === "25006") {
    return new StepFailure(
      "failed",
      "read-only",
      `${message}. The step only reads: say \`effects: write\` if it shall write.`,
      {
        facts,
      },
    );
  }
  if (error.state === "42883" && /function (?:plan|no_plan|finish)\(/.test(error.text)) {
    return new StepFailure(
      "failed",
      "pgtap-missing",
      `${message}. pgTAP is not in ${place.database}: CREATE EXTENSION pgtap (Debian package postgresql-15-pgtap).`,
      { facts },
    );
  }
  return new StepFailure(passingStates.test(error.state) ? "transient" : "failed", "sql-error", message, { facts });
}

/** psql names the line at which a statement ends; the source is known by where statements begin. */
function lineIn({ lines }: Framed, scriptLine: number): string {
  const statement = lines.filter(({ script }) => script <= scriptLine).at(-1);
  return statement === undefined ? "" : `, statement at line ${statement.source}`;
}
