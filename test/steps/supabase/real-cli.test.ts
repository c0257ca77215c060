/** The Supabase types with the real CLI (npm package `supabase`, 3.1) on a real PostgreSQL, where both are there. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { supabaseAdvisors } from "../../../src/steps/supabase/advisors.ts";
import { supabaseList } from "../../../src/steps/supabase/list.ts";
import { supabaseMigrate } from "../../../src/steps/supabase/migrate.ts";
import { missingPostgres, PostgresRig } from "../../rig/postgres.ts";
import { failureOf, rigHost, runStep } from "../../rig/step-host.ts";

const root = join(import.meta.dirname, "../../..");
const folders = [join(root, "node_modules/.bin"), ...(process.env["PATH"] ?? "").split(":")];
const bin = folders.find((folder) => existsSync(join(folder, "supabase")));
const why = bin === undefined ? "the Supabase CLI is not installed (npm package supabase)" : missingPostgres();
if (why !== null) process.stderr.write(`not run: the real Supabase CLI: ${why}\n`);

describe.skipIf(why !== null)("the real Supabase CLI", () => {
  let rig: PostgresRig;
  let dir: string;
  beforeAll(async () => {
    rig = await PostgresRig.start();
    dir = mkdtempSync(join(tmpdir(), "runbook-supabase-"));
    await rig.sql(readFileSync(join(root, "test/fixtures/sql/supabase-on-plain-postgres-shim.sql"), "utf8"));
    mkdirSync(join(dir, "supabase/migrations"), { recursive: true });
    writeFileSync(join(dir, "supabase/config.toml"), 'project_id = "shop"\n');
    migration("20240101000000_a.sql", "create table a (id int primary key);");
  });
  afterAll(async () => {
    await rig?.end();
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  });

  const migration = (name: string, text: string) => writeFileSync(join(dir, "supabase/migrations", name), text);
  const host = () => {
    const { PATH, HOME } = rig.environment();
    return rigHost({ environment: { PATH: `${bin}:${PATH}`, HOME: HOME ?? "" }, workDir: dir });
  };
  const spec = () => ({ server: rig.server("postgres"), password: rig.password });

  test("migrates, finds what lacks row security, and refuses what cannot end well", async () => {
    expect(await runStep(supabaseList, spec(), host())).toMatchObject({ pending: ["20240101000000"], duplicates: [] });
    const first = { applied: ["20240101000000_a.sql"], upToDate: false };
    expect(await runStep(supabaseMigrate, spec(), host())).toEqual(first);
    expect(await runStep(supabaseMigrate, spec(), host())).toEqual({ applied: [], upToDate: true });
    const advised = await runStep(supabaseAdvisors, spec(), host());
    expect(advised.findings).toContainEqual(
      expect.objectContaining({ name: "rls_disabled_in_public", level: "ERROR" }),
    );

    // Push is one transaction per file: what failed left nothing, what stood before it stays.
    migration("20240102000000_b.sql", "create table b (id int primary key);");
    migration("20240103000000_c.sql", "create table c (id int); selekt 1;");
    const broken = await failureOf(supabaseMigrate, spec(), host());
    expect(broken).toMatchObject({ class: "failed", reason: "supabase-error", facts: { code: "DbPushApplyError" } });
    expect((await runStep(supabaseList, spec(), host())).pending).toEqual(["20240103000000"]);
    expect(await rig.sql("SELECT to_regclass('b') IS NOT NULL, to_regclass('c') IS NULL")).toBe("t|t");

    migration("20240103000000_d.sql", "create table d (id int);");
    expect(await failureOf(supabaseMigrate, spec(), host())).toMatchObject({ reason: "duplicate-versions" });
    rmSync(join(dir, "supabase/migrations"), { recursive: true });
    mkdirSync(join(dir, "supabase/migrations"));
    expect(await failureOf(supabaseMigrate, spec(), host())).toMatchObject({ reason: "history-differs" });
  });
});
