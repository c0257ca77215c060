/** Runs tests that report by the Test Anything Protocol: a pgTAP file, or any command. Exit code 0 proves nothing here. */
import { commandText, exitFailure } from "./command-text.ts";
import { psql } from "./postgres/psql.ts";
import { type Login, loginFields, placeName, placeOf } from "./postgres/server.ts";
import { type Statement, splitStatements } from "./postgres/statements.ts";
import { hasFailed, readTap, type TapReport, type TapTest, tapProblem } from "./postgres/tap-report.ts";
import { closed, listOf, nullable, result, text, truth, whole } from "./schema.ts";
import { defineStepType, StepFailure, type StepHost } from "./step-type.ts";

interface TapSpec extends Partial<Login> {
  readonly file?: string;
  readonly command?: readonly string[];
}

interface TapResult {
  readonly planned: number | null;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly todo: number;
  readonly tests: readonly TapTest[];
}

export const tap = defineStepType<TapSpec, TapResult>({
  type: "tap",
  summary:
    "Runs a pgTAP file in a transaction that is rolled back, or a command that prints TAP; fails unless every planned test ran and passed.",
  docs: "https://pgtap.org/documentation.html",
  effects: "read",
  timeoutMs: 300_000,
  input: closed(
    {
      ...loginFields,
      file: text("Path of a pgTAP file, relative to the runbook file; the copy sealed with the run is executed.", {
        minLength: 1,
      }),
      command: listOf({ type: "string" }, "A command that prints TAP, without a shell.", { minItems: 1 }),
    },
    [],
    {
      if: { required: ["command"] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
      then: { properties: { file: false, server: false, database: false, password: false } },
      else: { required: ["file", "server"] },
    },
  ),
  examples: [
    { server: "${{ target.db }}", password: "${{ secrets.PGPASSWORD }}", file: "sql/rls-test.sql" },
    { command: ["prove", "--verbose", "t/smoke.t"] },
  ],
  result: result({
    planned: nullable(whole("Tests announced by `1..N`; null when there was no plan.")),
    passed: whole("Tests that passed, those skipped or to be done left out."),
    failed: whole("Tests that failed."),
    skipped: whole("Tests that were skipped."),
    todo: whole("Tests that are known not to pass yet."),
    tests: listOf(
      result({
        number: whole("Number, 1-based."),
        ok: truth("What the line said."),
        description: text("Name of the test."),
        directive: nullable(text("`skip` or `todo`.", { enum: ["skip", "todo", null] })),
        reason: text("Why it is skipped or to be done."),
        diagnostic: text("What the test said below its line."),
      }),
      "Every test, in order.",
    ),
  }),
  secretFields: ["password"],
  fileFields: ["file"],
  stepKeys: ["env", "cwd"],
  action: (spec) =>
    spec.command === undefined
      ? { text: `psql ${placeName(spec as Login)}: pgTAP ${spec.file}, rolled back`, argv: null }
      : { text: commandText(spec.command), argv: spec.command },
  async run(spec, host) {
    const { output, failure } =
      spec.command === undefined ? await runFile(spec, host) : await runCommand(spec.command, host);
    const report = readTap(output);
    const facts = factsOf(report);
    // A program that failed by itself explains a missing plan better than the plan does.
    const problem = tapProblem(report);
    const own = problem !== null && !["plan-missing", "plan-mismatch", "no-tests"].includes(problem.reason);
    if (failure !== null && !own) {
      throw new StepFailure(failure.class, failure.reason, failure.message, { facts: failure.facts, result: facts });
    }
    if (problem !== null) {
      throw new StepFailure("failed", problem.reason, problem.message, {
        facts: { failed: report.tests.filter(hasFailed).slice(0, 20).map(shown) },
        result: facts,
      });
    }
    return facts;
  },
});

interface Output {
  readonly output: string;
  readonly failure: StepFailure | null;
}

async function runCommand(command: readonly string[], host: StepHost): Promise<Output> {
  const [program, ...words] = command;
  if (program === undefined || program === "") {
    throw new StepFailure("fatal", "command-empty", "The command is empty: its first word, the program, is missing.");
  }
  const ended = await host.command([program, ...words]);
  return { output: ended.stdout, failure: ended.exitCode === 0 ? null : exitFailure(program, ended) };
}

/** pgTAP writes into temporary tables, so the transaction may write; nothing in the file may end it but its last line. */
async function runFile(spec: TapSpec, host: StepHost): Promise<Output> {
  const name = spec.file ?? "";
  const { server } = spec;
  if (server === undefined) throw new StepFailure("fatal", "server-missing", "The step names no server.");
  const place = placeOf({ ...spec, server }, host);
  const script = testScript(name, host.files.readSealed(name));
  const prefix = `SET statement_timeout = ${Math.max(1, Math.ceil(host.remainingMs()))};\nSET client_min_messages = warning;\n`;
  const ended = await psql(host, place, `${prefix}BEGIN;\n${script}\nROLLBACK;`);
  return { output: ended.stdout, failure: null };
}

/** psql's settings that pgTAP files set for plain output; they are set already. */
const harmlessMetas = new Set(["\\set", "\\unset", "\\pset", "\\timing", "\\t", "\\a", "\\x", "\\encoding"]);

function testScript(name: string, source: string): string {
  const sql = splitStatements(source);
  if (sql.open !== null) {
    throw new StepFailure(
      "fatal",
      "sql-unfinished",
      `${name}, line ${sql.open.line}: ${sql.open.what} begins and never ends.`,
    );
  }
  const meta = sql.metas.find(({ text: line }) => !harmlessMetas.has(line.split(/\s/)[0] ?? ""));
  if (meta !== undefined) {
    throw new StepFailure(
      "fatal",
      "psql-command",
      `${name}, line ${meta.line}: ${meta.text.split(/\s/)[0]} is a command of psql that could leave the test; remove it.`,
    );
  }
  const last = sql.statements.at(-1);
  const commit = sql.statements.find((statement) => ends(statement) && !(statement === last && rollsBack(statement)));
  if (commit !== undefined) {
    throw new StepFailure(
      "fatal",
      "transaction-control",
      `${name}, line ${commit.line}: ${commit.words[0]?.toUpperCase()} would end the transaction in which the tests run, and what follows would stay. Only a ROLLBACK at the very end is right.`,
      { facts: { line: commit.line } },
    );
  }
  const own = new Set(["begin", "start", "rollback", "abort"]);
  return sql.statements
    .filter((statement) => !(own.has(statement.words[0] ?? "") && !keepsGoing(statement)))
    .map((statement) => `${statement.text};`)
    .join("\n");
}

/** `ROLLBACK TO savepoint` ends nothing. */
function keepsGoing({ words }: Statement): boolean {
  return words[0] === "rollback" && (words[1] === "to" || words[2] === "to");
}

function ends(statement: Statement): boolean {
  const [first = "", second = ""] = statement.words;
  if (first === "prepare") return second === "transaction";
  return ["commit", "end", "rollback", "abort"].includes(first) && !keepsGoing(statement);
}

function rollsBack({ words }: Statement): boolean {
  return words[0] === "rollback" || words[0] === "abort";
}

function factsOf({ planned, tests }: TapReport): TapResult {
  const by = (directive: TapTest["directive"]) => tests.filter((test) => test.directive === directive);
  return {
    planned,
    passed: by(null).filter((test) => test.ok).length,
    failed: tests.filter(hasFailed).length,
    skipped: by("skip").length,
    todo: by("todo").length,
    tests,
  };
}

function shown({ number, description, diagnostic }: TapTest): string {
  return `${number} ${description}${diagnostic === "" ? "" : `\n${diagnostic}`}`;
}
