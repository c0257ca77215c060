/** `supabase-migrate-staging` with the real Supabase CLI on a real PostgreSQL: it passes, and fails the way it must. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { databaseSecrets, opsSql, rolesSql, shopSql } from "../../sandbox/postgres-seed.ts";
import { CliRig, type RunDocument } from "../rig/cli-rig.ts";
import { PostgresRig } from "../rig/postgres.ts";
import { missingSupabase, supabaseFolder } from "../rig/supabase-cli.ts";

const root = join(import.meta.dirname, "../..");
const why = missingSupabase("pgtap");
if (why !== null) process.stderr.write(`not run: supabase-migrate-staging: ${why}\n`);
const passwords = {
  backup_reader: "reader-password-1",
  drill: "drill-password-2",
  seeder: "seeder-password-3",
  migrator: "migrator-password-4",
  auditor: "auditor-password-5",
};
const reviews = "20260301090000";
const next = "20260302090000";

describe.skipIf(why !== null)("supabase-migrate-staging", () => {
  let postgres: PostgresRig;
  let rig: CliRig;
  beforeAll(async () => {
    postgres = await PostgresRig.start();
    await postgres.sql(rolesSql(passwords));
  });
  afterAll(() => postgres?.end());
  beforeEach(async () => {
    await postgres.sql("DROP DATABASE IF EXISTS shop; CREATE DATABASE shop");
    await postgres.sql("DROP DATABASE IF EXISTS ops; CREATE DATABASE ops");
    await postgres.sql(shopSql, "shop");
    await postgres.sql(opsSql, "ops");
    rig = new CliRig({ shipped: ["supabase-migrate-staging", "rls-checks"] });
    for (const name of ["runbooks/sql", "supabase"])
      cpSync(join(root, name), join(rig.project, name), { recursive: true });
    rig.write(
      "runbook.config.yaml",
      "apiVersion: runbook/v1\ntargets: { local: {}, staging: {}, production: { protected: true } }\nsecrets: [{ type: env, prefix: RUNBOOK_SECRET_ }]\n",
    );
    for (const name of ["supabase-migrate-staging", "rls-checks"]) {
      const file = join(rig.project, `runbooks/${name}.yaml`);
      writeFileSync(file, readFileSync(file, "utf8").replaceAll("port: 0,", `port: ${postgres.port},`));
    }
  });
  afterEach(() => rig.end());

  const env = (bin = supabaseFolder ?? "") => ({
    PATH: `${bin}:${postgres.environment()["PATH"] ?? ""}`,
    ...Object.fromEntries(
      Object.entries(databaseSecrets).map(([role, name]) => [
        `RUNBOOK_SECRET_${name}`,
        passwords[role as keyof typeof passwords],
      ]),
    ),
  });
  const run = () => rig.json(["run", "supabase-migrate-staging", "-t", "local"], { env: env() });
  const step = (document: RunDocument, path: string) => document.steps.find((item) => item.path === path);
  const migration = (name: string, up: string, down: string | null = "SELECT 1;") => {
    rig.write(`supabase/migrations/${name}.sql`, up);
    if (down !== null) rig.write(`supabase/down/${name}.sql`, down);
  };
  const history = () =>
    postgres.sql(
      "SELECT coalesce(string_agg(version, ',' ORDER BY version), '') FROM supabase_migrations.schema_migrations",
      "shop",
    );
  const isThere = (table: string) => postgres.sql(`SELECT to_regclass('${table}') IS NOT NULL`, "shop");

  test("applies what is pending, proves it, and finds nothing to do the next time", async () => {
    const first = await run();
    expect(first.code, JSON.stringify(first.document.steps, null, 1)).toBe(0);
    expect(step(first.document, "plan")?.outputs).toEqual({ pending: [`${reviews}_reviews.sql`] });
    expect(step(first.document, "push")?.outputs).toEqual({ applied: [`${reviews}_reviews.sql`] });
    expect(step(first.document, "row_security.tests")?.outputs).toEqual({ planned: 16, passed: 16 });
    expect(await history()).toBe(reviews);
    expect(await rig.problems(first.document.run)).toEqual([]);
    const second = await run();
    expect(second.code, JSON.stringify(second.document.steps, null, 1)).toBe(0);
    expect(step(second.document, "push")?.outputs).toEqual({ applied: [] });
    const rows = await postgres.sql("SELECT event || ' ' || (details->>'push') FROM runbook_audit", "ops");
    expect(rows.split("\n")).toEqual(["migrated succeeded", "migrated succeeded"]);
    for (const name of ["journal.ndjson", "report.md"])
      for (const password of Object.values(passwords))
        expect(rig.file(first.document.run, name)).not.toContain(password);
  });

  test("files that cannot be applied are refused before the database is asked", async () => {
    migration(`${reviews}_orders`, "SELECT 1;");
    const { code, document } = await run();
    expect(code).toBe(4);
    expect(document.result).toBe("refused");
    expect(step(document, "files")?.failure?.message).toContain("have one version");
    expect(rig.journal(document.run).filter(({ type }) => type === "command.started")).toEqual([]);
  });

  test("a migration that breaks takes the ones before it back, and nothing of it stays", async () => {
    migration(`${next}_broken`, "CREATE TABLE half (id int); selekt 1;", "DROP TABLE half;");
    const { code, document } = await run();
    expect(code, JSON.stringify(document.steps, null, 1)).toBe(6);
    expect(step(document, "push")?.failure?.message).toContain('syntax error at or near "selekt"');
    expect([await isThere("half"), await isThere("reviews"), await history()]).toEqual(["f", "f", ""]);
    const rows = await postgres.sql("SELECT details->>'push' FROM runbook_audit", "ops");
    expect(rows).toBe("undone");
  });

  test.each([
    [
      "applies and then fails every query",
      "CREATE POLICY loop ON public.orders FOR SELECT TO authenticated USING (EXISTS (SELECT FROM public.orders));",
      "DROP POLICY loop ON public.orders;",
      "row_security.tests",
      "public.orders answers authenticated",
    ],
    [
      "forgets row security",
      "CREATE TABLE public.terms (body text); GRANT SELECT ON public.terms TO anon;",
      "DROP TABLE public.terms;",
      "row_security.tables",
      "public.terms",
    ],
    [
      "goes round row security by a view",
      "CREATE VIEW public.everything AS SELECT * FROM public.orders; GRANT SELECT ON public.everything TO anon;",
      "DROP VIEW public.everything;",
      "findings_after",
      "security_definer_view",
    ],
  ])("a migration that %s is taken back", async (_, up, down, path, message) => {
    migration(`${next}_change`, up, down);
    const { code, document } = await run();
    expect(code, JSON.stringify(document.steps, null, 1)).toBe(6);
    expect(step(document, path)?.failure?.message).toContain(message);
    expect(await history()).toBe("");
    expect(await postgres.sql("SELECT count(*) FROM pg_policies WHERE schemaname = 'public'", "shop")).toBe("2");
  });

  test("a way back that loses row security is not called one", async () => {
    migration(`${next}_broken`, "selekt 1;");
    rig.write(
      `supabase/down/${reviews}_reviews.sql`,
      "DROP TABLE reviews; ALTER TABLE orders DISABLE ROW LEVEL SECURITY;",
    );
    const { code, document } = await run();
    expect(code).toBe(7);
    expect(document.result).toBe("rollback_failed");
    const asserted = document.steps.find(({ path }) => path.endsWith("still_protected"));
    expect(asserted?.failure?.message).toContain("public.orders");
  });

  test("a history that differs from the files is told before anything is applied", async () => {
    // As the CLI keeps it; applied from another checkout.
    await postgres.sql(
      `SET ROLE migrator; CREATE SCHEMA supabase_migrations;
       CREATE TABLE supabase_migrations.schema_migrations (version text PRIMARY KEY, statements text[], name text);
       INSERT INTO supabase_migrations.schema_migrations VALUES ('${reviews}', '{SELECT 1}', 'reviews');`,
      "shop",
    );
    rmSync(join(rig.project, `supabase/migrations/${reviews}_reviews.sql`));
    rmSync(join(rig.project, `supabase/down/${reviews}_reviews.sql`));
    migration("20260101000000_older", "SELECT 1;");
    const { document } = await run();
    expect(document.result).toBe("failed");
    expect(step(document, "before")?.failure?.message).toContain(reviews);
    expect(step(document, "push")?.status).toBe("pending");
  });

  test("kill -9 of the executor while it applies, then resume: each migration is applied once", async () => {
    const gate = rig.gate("middle");
    const quoted = (path: string) => `'${path.replaceAll("'", `'\\''`)}'`;
    const bin = join(rig.dir, "bin");
    mkdirSync(bin);
    writeFileSync(
      join(bin, "supabase"),
      `#!/bin/sh
case " $* " in *" push --yes"*)
  echo push >> ${quoted(rig.ledgerFile)}
  read -r _ < ${quoted(join(rig.dir, "gates/middle"))};;
esac
exec ${quoted(join(supabaseFolder ?? "", "supabase"))} "$@"
`,
      { mode: 0o755 },
    );
    const started = rig.start(["run", "supabase-migrate-staging", "-t", "local", "--no-input"], { env: env(bin) });
    await started.waitForLedger("push");
    await started.kill9Executor();
    await started.ended;
    const id = await started.run();
    gate.open();
    const { code, document } = await rig.json(["resume", id], { env: env(bin) });
    expect(code, JSON.stringify(document.steps, null, 1)).toBe(0);
    expect(rig.ledger()).toEqual(["push"]);
    expect(await history()).toBe(reviews);
    expect(await rig.problems(id)).toEqual([]);
  });
});
