/** The verdict of `tap` beside that of pg_prove, pgTAP's own harness, over the same files on the same database. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rolesSql, shopSql } from "../../../sandbox/postgres-seed.ts";
import { tap } from "../../../src/steps/tap.ts";
import { missingPostgres, PostgresRig } from "../../rig/postgres.ts";
import { failureOf, rigHost, runStep } from "../../rig/step-host.ts";

function missing(): string | null {
  const why =
    spawnSync("pg_prove", ["--version"]).status === 0
      ? null
      : "pg_prove is not installed (Debian package libtap-parser-sourcehandler-pgtap-perl)";
  if (why !== null && process.env["RUNBOOK_TEST_REQUIRE"] === "1") throw new Error(why);
  return why ?? missingPostgres("pgtap");
}
const why = missing();
if (why !== null) process.stderr.write(`not run: tap and pg_prove: ${why}\n`);

const wrapped = (count: number | null, tests: string) =>
  `BEGIN;\nSELECT ${count === null ? "* FROM no_plan()" : `plan(${count})`};\n${tests}\nSELECT * FROM finish();\nROLLBACK;\n`;
const shippedTest = readFileSync(join(import.meta.dirname, "../../../runbooks/sql/rls-test.sql"), "utf8");

describe.skipIf(why !== null)("tap and pg_prove", () => {
  let rig: PostgresRig;
  let dir: string;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "runbook-pg-prove-"));
    rig = await PostgresRig.start();
    const none = { backup_reader: "a", drill: "b", seeder: "c", migrator: "d", auditor: "e" };
    await rig.sql(rolesSql(none));
    await rig.sql("CREATE DATABASE shop");
    await rig.sql(shopSql, "shop");
  });
  afterAll(async () => {
    await rig?.end();
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  });

  const prove = (file: string) =>
    new Promise<{ code: number | null; stdout: string; stderr: string }>((done) => {
      const { host, port, user } = rig.server("shop");
      const words = ["--host", host, "--port", String(port), "--username", user, "--dbname", "shop", file];
      const env = { ...rig.environment(), PGPASSWORD: rig.password, LC_ALL: "C" };
      const child = execFile("pg_prove", words, { env }, (_, stdout, stderr) =>
        done({ code: child.exitCode, stdout, stderr }),
      );
    });

  /** Whether each calls the file passed. */
  const verdicts = async (text: string) => {
    writeFileSync(join(dir, "test.sql"), text);
    const proved = await prove(join(dir, "test.sql"));
    const host = rigHost({ environment: rig.environment(), files: { "test.sql": text } });
    const spec = { server: rig.server("shop"), password: rig.password, file: "test.sql" };
    const ours = await runStep(tap, spec, host).then(
      () => true,
      () => false,
    );
    return { ours, theirs: proved.code === 0, said: proved.stdout + proved.stderr };
  };

  test.each<[string, string, boolean]>([
    ["everything passes", wrapped(2, "SELECT ok(true, 'a');\nSELECT is(1, 1, 'b');"), true],
    ["without a plan of its own", wrapped(null, "SELECT pass('a');"), true],
    ["a failure", wrapped(2, "SELECT ok(true, 'a');\nSELECT ok(false, 'b');"), false],
    ["a failure that is to be done", wrapped(1, "SELECT * FROM todo('later', 1);\nSELECT ok(false, 'a');"), true],
    ["one skipped", wrapped(2, "SELECT * FROM skip('no zone', 1);\nSELECT pass('b');"), true],
    ["fewer than planned", wrapped(3, "SELECT pass('a');"), false],
    ["more than planned", wrapped(1, "SELECT pass('a');\nSELECT pass('b');"), false],
    ["nothing at all", "SELECT 1 AS nothing;\n", false],
    ["broken SQL in the middle", wrapped(2, "SELECT pass('a');\nselekt 1;\nSELECT pass('b');"), false],
    ["the shipped row security tests", shippedTest, true],
  ])("%s", async (_, text, passes) => {
    const { ours, theirs, said } = await verdicts(text);
    expect({ ours, theirs }, said).toEqual({ ours: passes, theirs: passes });
  });

  test("row security lost, and a policy that fails every query: both see it", async () => {
    for (const [change, back] of [
      ["ALTER TABLE orders DISABLE ROW LEVEL SECURITY", "ALTER TABLE orders ENABLE ROW LEVEL SECURITY"],
      [
        "CREATE POLICY loop ON orders FOR SELECT TO authenticated USING (EXISTS (SELECT FROM orders))",
        "DROP POLICY loop ON orders",
      ],
    ] as const) {
      await rig.sql(change, "shop");
      const { ours, theirs, said } = await verdicts(shippedTest);
      await rig.sql(back, "shop");
      expect({ ours, theirs }, said).toEqual({ ours: false, theirs: false });
    }
  });

  test("everything skipped passes there and not here: it proves nothing", async () => {
    const text = "SELECT '1..0 # SKIP no database';\n";
    const { theirs, said } = await verdicts(text);
    expect(theirs, said).toBe(true);
    const host = rigHost({ environment: rig.environment(), files: { "test.sql": text } });
    const spec = { server: rig.server("shop"), password: rig.password, file: "test.sql" };
    expect((await failureOf(tap, spec, host)).reason).toBe("no-tests");
  });
});
