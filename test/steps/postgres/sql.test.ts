/** `sql` on a real server: exit code 0 is not success, a reading step cannot write, a text stays in its transaction. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { sql } from "../../../src/steps/sql.ts";
import { describeWithPostgres, PostgresRig } from "../../rig/postgres.ts";
import { failureOf, type RigOptions, rigHost, runStep } from "../../rig/step-host.ts";

const fixture = (name: string) => readFileSync(join(import.meta.dirname, "../../fixtures/sql", name), "utf8");

describeWithPostgres("sql", () => {
  let rig: PostgresRig;
  beforeAll(async () => {
    rig = await PostgresRig.start();
    await rig.sql("CREATE DATABASE shop");
  });
  afterAll(() => rig?.end());
  beforeEach(() => rig.sql("DROP TABLE IF EXISTS orders; CREATE TABLE orders (id int PRIMARY KEY, note text)", "shop"));

  const host = (effects: "read" | "write" = "read", more: RigOptions = {}) => ({
    ...rigHost({ environment: rig.environment(), ...more }),
    effects,
  });
  const spec = (query: string, more: object = {}) => ({
    server: rig.server("shop"),
    password: rig.password,
    query,
    ...more,
  });
  const count = () => rig.sql("SELECT count(*) FROM orders", "shop");

  test("rows keep their types", async () => {
    const query = `SELECT 1 AS whole, 2.50::numeric AS exact, true AS yes, NULL AS nothing, 'a;b' AS text,
      '{"a":[1]}'::jsonb AS json, ARRAY[1,2] AS list, 9007199254740993 AS big, '2026-11-20 10:00:00.5+01'::timestamptz AS at`;
    expect(await runStep(sql, spec(query), host())).toEqual({
      rowCount: 1,
      rows: [
        {
          whole: 1,
          exact: 2.5,
          yes: true,
          nothing: null,
          text: "a;b",
          json: { a: [1] },
          list: [1, 2],
          big: "9007199254740993",
          at: "2026-11-20T09:00:00.5+00:00",
        },
      ],
    });
    expect(await runStep(sql, spec("SELECT * FROM orders"), host())).toEqual({ rows: [], rowCount: 0 });
    expect((await runStep(sql, spec("VALUES (1), (2); VALUES (3)"), host())).rows).toEqual([{ column1: 3 }]);
  });

  test("broken SQL fails, names its place, and leaves nothing of what stood before it", async () => {
    const broken = "INSERT INTO orders VALUES (1, 'a');\n\nSELEKT 1;\nINSERT INTO orders VALUES (2, 'b')";
    const failure = await failureOf(sql, spec(broken), host("write"));
    expect(failure).toMatchObject({ class: "failed", reason: "sql-error", facts: { sqlState: "42601" } });
    expect(failure.message).toContain("the query, statement at line 3: syntax error");
    expect(await count()).toBe("0");
  });

  test("a write counts what it changed and gives what it returns", async () => {
    const insert = "INSERT INTO orders VALUES (1, 'a'), (2, 'b')";
    expect(await runStep(sql, spec(insert), host("write"))).toEqual({ rows: [], rowCount: 2 });
    const update = "UPDATE orders SET note = 'c' WHERE id = 2 RETURNING id, note";
    expect(await runStep(sql, spec(update), host("write"))).toEqual({ rows: [{ id: 2, note: "c" }], rowCount: 1 });
    expect(await runStep(sql, spec("CREATE INDEX ON orders (note)"), host("write"))).toEqual({ rows: [], rowCount: 0 });
  });

  test.each([
    ["an insert", "INSERT INTO orders VALUES (1)", "read-only"],
    ["an insert in a query", "WITH x AS (INSERT INTO orders VALUES (1) RETURNING id) SELECT 1", null],
    ["switched on by a setting", "SET LOCAL transaction_read_only = off; INSERT INTO orders VALUES (1)", null],
    [
      "switched on by a function",
      "SELECT set_config('transaction_read_only', 'off', true); INSERT INTO orders VALUES (1)",
      null,
    ],
    [
      "switched on for the transaction",
      "SET TRANSACTION READ WRITE; INSERT INTO orders VALUES (1)",
      "transaction-control",
    ],
    ["after a commit", "COMMIT; INSERT INTO orders VALUES (1)", "transaction-control"],
    ["a shell", "\\! touch /tmp/never\nSELECT 1", "psql-command"],
  ])("a reading step does not write: %s", async (_, query, reason) => {
    const failure = await failureOf(sql, spec(query), host());
    if (reason !== null) expect(failure.reason).toBe(reason);
    expect(await count()).toBe("0");
  });

  test("begin and commit inside a file that runs as one transaction are refused before anything ran", async () => {
    const files = { "init.sql": fixture("slack-clone-init.sql") };
    const file = { server: rig.server("shop"), password: rig.password, file: "init.sql" };
    const begun = host("write", { files });
    const failure = await failureOf(sql, file, begun);
    expect(failure).toMatchObject({ class: "fatal", reason: "transaction-control" });
    expect(failure.message).toMatch(/^init\.sql, line \d+: BEGIN inside a text that runs as one transaction/);
    expect(begun.calls).toEqual([]);
    // With `each` the file has its own transactions, and the migration applies to a server that knows Supabase's roles.
    await rig.sql("CREATE DATABASE slack");
    await rig.sql(fixture("supabase-on-plain-postgres-shim.sql"), "slack");
    const each = { ...file, server: rig.server("slack"), transaction: "each" as const };
    await runStep(sql, each, host("write", { files }));
    expect(await rig.sql("SELECT count(*) FROM pg_policies WHERE schemaname = 'public'", "slack")).not.toBe("0");
    expect(await failureOf(sql, each, host("read", { files }))).toMatchObject({ reason: "transaction-each" });
  });

  test("with `each` what ran before a failure stays, and commands that no transaction takes work", async () => {
    const query = "INSERT INTO orders VALUES (1, 'a'); VACUUM orders; SELECT 1 / 0";
    expect(await failureOf(sql, spec(query, { transaction: "each" }), host("write"))).toMatchObject({
      reason: "sql-error",
      facts: { sqlState: "22012" },
    });
    expect(await count()).toBe("1");
    expect((await failureOf(sql, spec("VACUUM orders"), host("write"))).message).toContain("VACUUM cannot run inside");
  });

  test("a value stays a value, whatever it says", async () => {
    const hostile = `x'; DROP TABLE orders; -- \\! "`;
    const query = "INSERT INTO orders VALUES (:'id'::int, :'note') RETURNING note";
    const done = await runStep(sql, spec(query, { values: { id: 7, note: hostile } }), host("write"));
    expect(done.rows).toEqual([{ note: hostile }]);
    const bare = await failureOf(sql, spec("SELECT :note", { values: { note: hostile } }), host("write"));
    expect(bare).toMatchObject({ class: "fatal", reason: "value-unquoted" });
  });

  test("a text that never ends does not swallow the commit", async () => {
    const failure = await failureOf(sql, spec("INSERT INTO orders VALUES (1, 'a);"), host("write"));
    expect(failure).toMatchObject({ class: "fatal", reason: "sql-unfinished" });
    expect(failure.message).toContain("a string begins and never ends");
  });

  test("the password reaches psql by environment only", async () => {
    const used = host();
    await runStep(sql, spec("SELECT 1"), used);
    expect(used.calls.flatMap(({ argv }) => argv).join(" ")).not.toContain(rig.password);
    expect(sql.secretFields).toEqual(["password"]);
  });

  test.each<[string, { password?: string; database?: string; server?: object }, string, string]>([
    ["a wrong password", { password: "wrong" }, "failed", "not-authorised"],
    ["no such database", { database: "nowhere" }, "failed", "database-missing"],
    ["no such role", { server: { user: "nobody-here" } }, "failed", "not-authorised"],
    ["nobody listens here", { server: { port: 1 } }, "refused", "server-not-running"],
    ["nobody listens there", { server: { host: "nowhere.invalid" } }, "transient", "server-unreachable"],
  ])("no session: %s", async (_, more, failureClass, reason) => {
    const failure = await failureOf(
      sql,
      { ...spec("SELECT 1"), ...more, server: { ...rig.server("shop"), ...more.server } },
      host(),
    );
    expect(failure).toMatchObject({ class: failureClass, reason });
    expect(failure.message).not.toContain(rig.password);
  });

  test("the server ends a statement whose step has no time left", async () => {
    const failure = await failureOf(sql, spec("SELECT pg_sleep(30)"), host("read", { attemptMs: 200 }));
    expect(failure).toMatchObject({ class: "timeout", reason: "statement-timeout" });
  });

  test("psql itself calls broken SQL a success, which is why this type exists", async () => {
    const plain = await rig.client("psql", ["-X", "-q", "shop"], "SELEKT 1; SELECT 2;");
    expect(plain.code).toBe(0);
    expect(plain.stderr).toContain("syntax error");
  });
});
