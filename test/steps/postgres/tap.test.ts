/** `tap`: what counts as proof, first on texts, then with real pgTAP. psql ends with 0 over every one of these. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readTap, tapProblem } from "../../../src/steps/postgres/tap-report.ts";
import { tap } from "../../../src/steps/tap.ts";
import { describeWithPostgres, PostgresRig } from "../../rig/postgres.ts";
import { failureOf, rigHost, runStep } from "../../rig/step-host.ts";

const problem = (output: string) => tapProblem(readTap(output))?.reason ?? null;

describe("a report", () => {
  test.each([
    ["all passed", "1..2\nok 1 - a\nok 2 - b", null],
    ["the plan at the end", "ok 1\nok 2\n1..2", null],
    ["without numbers", "TAP version 14\n1..2\nok - a\nok", null],
    ["not done yet is no failure", "1..2\nok 1\nnot ok 2 - b # TODO next month", null],
    ["some skipped", "1..2\nok 1 # SKIP no zone\nok 2 - b", null],
    ["a subtest counts once", "1..1\n    ok 1 - inner\n    not ok 2 - inner\n    1..2\nok 1 - outer", null],
    ["a failure", "1..2\nok 1 - a\nnot ok 2 - b", "tests-failed"],
    ["a failed one that was skipped", "1..1\nnot ok 1 # SKIP why", "tests-failed"],
    ["fewer than planned", "1..3\nok 1\nok 2", "plan-mismatch"],
    ["more than planned", "1..1\nok 1\nok 2", "plan-mismatch"],
    ["no plan", "ok 1\nok 2", "plan-missing"],
    ["nothing at all", "", "no-tests"],
    ["an empty plan", "1..0", "no-tests"],
    ["everything skipped by plan", "1..0 # SKIP no database", "no-tests"],
    ["everything skipped one by one", "1..2\nok 1 # SKIP a\nok 2 # SKIP b", "no-tests"],
    ["given up", "1..3\nok 1\nBail out! the disk is full", "bailed-out"],
    ["twice the same number", "1..2\nok 1\nok 1", "out-of-order"],
    ["other text only", "Tests: 12 passed", "no-tests"],
    ["a word that begins like ok", "1..1\nokay 1", "no-tests"],
  ])("%s", (_, output, expected) => {
    expect(problem(output)).toBe(expected);
  });

  test("a test carries its name, its directive and what it said", () => {
    const report = readTap("1..2\nnot ok 1 - issue \\#7 # TODO later\n# Failed (TODO) test 1\n#  have: 1\nok 2");
    expect(report.tests[0]).toEqual({
      number: 1,
      ok: false,
      description: "issue #7",
      directive: "todo",
      reason: "later",
      diagnostic: "Failed (TODO) test 1\n have: 1",
    });
  });
});

describe("a command", () => {
  const host = (stdout: string, exitCode = 0) =>
    rigHost({ replies: { prove: { stdout, exitCode, stderr: "it said so" } } });
  const spec = { command: ["prove", "-v"] };

  test("its TAP decides, not its exit code", async () => {
    expect(await runStep(tap, spec, host("1..2\nok 1 - a\nok 2 - b # SKIP why"))).toMatchObject({
      planned: 2,
      passed: 1,
      failed: 0,
      skipped: 1,
    });
    const failure = await failureOf(tap, spec, host("1..2\nok 1 - a\nnot ok 2 - b\n# got 3"));
    expect(failure).toMatchObject({ class: "failed", reason: "tests-failed", result: { passed: 1, failed: 1 } });
    expect(failure.facts["failed"]).toEqual(["2 b\ngot 3"]);
  });

  test("its exit code counts too, and explains a report that is cut short", async () => {
    expect(await failureOf(tap, spec, host("1..1\nok 1", 3))).toMatchObject({ reason: "exit-code" });
    const cut = await failureOf(tap, spec, host("1..5\nok 1", 1));
    expect(cut).toMatchObject({ reason: "exit-code", result: { planned: 5, passed: 1 } });
    expect(cut.message).toContain("it said so");
  });
});

describeWithPostgres(
  "pgTAP",
  () => {
    let rig: PostgresRig;
    beforeAll(async () => {
      rig = await PostgresRig.start();
      await rig.sql("CREATE DATABASE shop; CREATE DATABASE bare; CREATE ROLE anon");
      await rig.sql(
        "CREATE EXTENSION pgtap; CREATE TABLE orders (id int); ALTER TABLE orders ENABLE ROW LEVEL SECURITY; GRANT SELECT ON orders TO anon; INSERT INTO orders VALUES (1)",
        "shop",
      );
    });
    afterAll(() => rig?.end());

    const run = async (text: string, database = "shop") => {
      const host = rigHost({ environment: rig.environment(), files: { "rls.sql": text } });
      const spec = { server: rig.server(database), password: rig.password, file: "rls.sql" };
      return { spec, host };
    };
    const passes = async (text: string) => {
      const { spec, host } = await run(text);
      return await runStep(tap, spec, host);
    };
    const fails = async (text: string, database?: string) => {
      const { spec, host } = await run(text, database);
      return await failureOf(tap, spec, host);
    };
    const wrapped = (count: number, tests: string) =>
      `\\set ECHO none\n\\pset format unaligned\nBEGIN;\nSELECT plan(${count});\n${tests}\nSELECT * FROM finish();\nROLLBACK;\n`;

    test("tests pass, and what they wrote is gone", async () => {
      const result = await passes(
        wrapped(3, "CREATE TABLE mine (a int);\nSELECT has_table('mine');\nSELECT ok(true, 'yes');\nSELECT is(1, 1);"),
      );
      expect(result).toMatchObject({ planned: 3, passed: 3, failed: 0 });
      expect(result.tests.map(({ description }) => description)[1]).toBe("yes");
      expect(await rig.sql("SELECT to_regclass('mine') IS NULL", "shop")).toBe("t");
    });

    test("row security that was lost is seen", async () => {
      const text = wrapped(
        1,
        "SET LOCAL ROLE anon;\nSELECT is_empty('SELECT * FROM orders', 'anon sees no orders');\nRESET ROLE;",
      );
      expect((await passes(text)).passed).toBe(1);
      await rig.sql("ALTER TABLE orders DISABLE ROW LEVEL SECURITY", "shop");
      const failure = await fails(text);
      await rig.sql("ALTER TABLE orders ENABLE ROW LEVEL SECURITY", "shop");
      expect(failure).toMatchObject({ class: "failed", reason: "tests-failed" });
      expect(failure.message).toBe("1 of 1 failed: 1 anon sees no orders.");
      expect(JSON.stringify(failure.facts)).toContain("Unexpected records");
    });

    test("a policy that recurses applies well and fails every query after", async () => {
      await rig.sql("CREATE POLICY loop ON orders FOR SELECT USING (EXISTS (SELECT FROM orders))", "shop");
      const failure = await fails(
        wrapped(1, "SET LOCAL ROLE anon;\nSELECT lives_ok('SELECT * FROM orders', 'anon can ask');\nRESET ROLE;"),
      );
      await rig.sql("DROP POLICY loop ON orders", "shop");
      expect(failure).toMatchObject({ reason: "tests-failed" });
      expect(JSON.stringify(failure.facts)).toContain("infinite recursion");
    });

    test("psql ends with 0 over a failed test, and over a plan that does not fit", async () => {
      const words = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "shop"];
      const plain = await rig.client("psql", words, wrapped(1, "SELECT ok(false, 'no');"));
      expect(plain).toMatchObject({ code: 0 });
      expect(plain.stdout).toContain("not ok 1 - no");
      expect(await fails(wrapped(1, "SELECT ok(false, 'no');"))).toMatchObject({ reason: "tests-failed" });
      expect(await fails(wrapped(2, "SELECT ok(true, 'yes');"))).toMatchObject({ reason: "plan-mismatch" });
      expect(await fails("SELECT 1 AS nothing;")).toMatchObject({ reason: "no-tests" });
    });

    test("broken SQL in the middle is told as what it is", async () => {
      expect(await fails(wrapped(2, "SELECT ok(true);\nSELECT nonsense;"))).toMatchObject({ reason: "sql-error" });
      const missing = await fails(wrapped(1, "SELECT ok(true);"), "bare");
      expect(missing).toMatchObject({ class: "failed", reason: "pgtap-missing" });
      expect(missing.message).toContain("postgresql-15-pgtap");
    });

    test.each([
      ["COMMIT", "INSERT INTO orders VALUES (2); COMMIT; SELECT 1;", "transaction-control"],
      ["END", "END; INSERT INTO orders VALUES (2);", "transaction-control"],
      ["ROLLBACK in the middle", "ROLLBACK; INSERT INTO orders VALUES (2);", "transaction-control"],
      ["another file", "\\i /etc/passwd\nSELECT 1;", "psql-command"],
    ])("a file cannot leave its transaction: %s", async (_, text, reason) => {
      expect(await fails(text)).toMatchObject({ class: "fatal", reason });
      expect(await rig.sql("SELECT count(*) FROM orders", "shop")).toBe("1");
    });
  },
  "pgtap",
);
