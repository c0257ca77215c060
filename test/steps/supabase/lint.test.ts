/** `supabase/lint`: which migration files cannot end well. Looks at files only. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { supabaseLint } from "../../../src/steps/supabase/lint.ts";
import { supabaseMigrate } from "../../../src/steps/supabase/migrate.ts";
import { failureOf, rigHost, runStep } from "../../rig/step-host.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "runbook-migrations-"));
  write("migrations/20260301090000_b.sql", "CREATE TABLE b (id int);");
  write("down/20260301090000_b.sql", "DROP TABLE b;");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const write = (path: string, text: string) => {
  mkdirSync(dirname(join(dir, "supabase", path)), { recursive: true });
  writeFileSync(join(dir, "supabase", path), text);
};
const host = () => rigHost({ workDir: dir });

test("lists the files by version, with their hashes and those of their ways back", async () => {
  write("migrations/20260201090000_a.sql", "-- BEGIN; in a comment\nSELECT 'COMMIT;', $$ ROLLBACK; $$;");
  const { files, withoutDown } = await runStep(supabaseLint, {}, host());
  expect(files.map(({ version, file, down }) => [version, file, down === null])).toEqual([
    ["20260201090000", "20260201090000_a.sql", true],
    ["20260301090000", "20260301090000_b.sql", false],
  ]);
  expect(files[0]?.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(withoutDown).toEqual(["20260201090000_a.sql"]);
});

test.each<[string, Readonly<Record<string, string>>, string]>([
  [
    "two files with one version",
    { "migrations/20260301090000_c.sql": "SELECT 1;" },
    "20260301090000_b.sql and 20260301090000_c.sql have one version",
  ],
  ["a name the CLI leaves out", { "migrations/2026_c.sql": "SELECT 1;" }, "2026_c.sql is not named like"],
  ["a version that is no time", { "migrations/20261301000000_c.sql": "SELECT 1;" }, "20261301000000 is no time"],
  ["a day that is none", { "migrations/20260230000000_c.sql": "SELECT 1;" }, "20260230000000 is no time"],
  ["COMMIT inside", { "migrations/20260302090000_c.sql": "SELECT 1;\nCOMMIT;\nSELECT 2;" }, "line 2: COMMIT inside"],
  ["BEGIN around", { "migrations/20260302090000_c.sql": "begin;\nSELECT 1;\nend;" }, "line 1: BEGIN inside"],
  ["a text that never ends", { "migrations/20260302090000_c.sql": "SELECT $$;" }, "begins and never ends"],
  ["nothing but comments", { "migrations/20260302090000_c.sql": "-- later\n" }, "holds no statement"],
  ["a way back that commits", { "down/20260301090000_b.sql": "DROP TABLE b; COMMIT;" }, "down/20260301090000_b.sql"],
  ["a way back for nothing", { "down/20260302090000_c.sql": "SELECT 1;" }, "undoes no file of that name"],
])("%s is refused, by name", async (_, files, message) => {
  for (const [path, text] of Object.entries(files)) write(path, text);
  const failure = await failureOf(supabaseLint, {}, host());
  expect(failure).toMatchObject({ class: "refused", reason: "migration-files" });
  expect(failure.message).toContain(message);
});

test("a missing way back is refused where it is asked for, and every problem is told at once", async () => {
  write("migrations/20260302090000_c.sql", "SELECT 1;");
  write("migrations/20260303090000_d.sql", "");
  const failure = await failureOf(supabaseLint, { requireDown: true }, host());
  expect(failure.facts["problems"]).toHaveLength(3);
});

test("without a folder there is nothing to look at, and that is no success", async () => {
  rmSync(join(dir, "supabase"), { recursive: true });
  expect(await failureOf(supabaseLint, {}, host())).toMatchObject({ class: "refused", reason: "migrations-missing" });
});

test("files that changed after they were looked at are not applied", async () => {
  const { files } = await runStep(supabaseLint, {}, host());
  const spec = { server: { host: "127.0.0.1", user: "migrator", database: "shop" }, files };
  write("migrations/20260301090000_b.sql", "DROP TABLE orders;");
  const changed = host();
  expect(await failureOf(supabaseMigrate, spec, changed)).toMatchObject({ class: "refused", reason: "files-changed" });
  write("migrations/20260301090000_b.sql", "CREATE TABLE b (id int);");
  write("migrations/20260302090000_c.sql", "SELECT 1;");
  expect((await failureOf(supabaseMigrate, spec, changed)).message).toContain("20260302090000_c.sql");
  rmSync(join(dir, "supabase/migrations/20260301090000_b.sql"));
  expect((await failureOf(supabaseMigrate, spec, changed)).facts["gone"]).toEqual(["20260301090000_b.sql"]);
  expect(changed.calls).toEqual([]);
});
