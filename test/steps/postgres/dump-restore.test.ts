/** Dumps and what may be wrong with them, on a real server: each looks like a success and is none. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { postgresDump } from "../../../src/steps/postgres/dump.ts";
import { postgresInspect } from "../../../src/steps/postgres/inspect.ts";
import { postgresRestore } from "../../../src/steps/postgres/restore.ts";
import { sql } from "../../../src/steps/sql.ts";
import { describeWithPostgres, PostgresRig } from "../../rig/postgres.ts";
import { failureOf, type RigOptions, rigHost, runStep } from "../../rig/step-host.ts";

const root = join(import.meta.dirname, "../../..");
const manifestSql = readFileSync(join(root, "runbooks/sql/manifest.sql"), "utf8");
/** Its first statements make the database and connect to it, which is done here already. */
const chinook = readFileSync(join(root, "test/fixtures/sql/chinook-1.4.5.postgres.sql"), "utf8").replace(
  /^[\s\S]*\\c chinook;/,
  "",
);

interface Row {
  readonly table: string;
  readonly rows: number;
  readonly checksum: string;
  readonly rls: string;
  readonly constraints: string;
}

describeWithPostgres("dump and restore", () => {
  let rig: PostgresRig;
  let dir: string;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "runbook dump' "));
    rig = await PostgresRig.start();
    await rig.sql("CREATE DATABASE chinook; CREATE DATABASE empty; CREATE ROLE reader");
    await rig.sql(chinook, "chinook");
    await rig.sql(
      "ALTER TABLE customer ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON customer FOR SELECT TO reader USING (customer_id = 1)",
      "chinook",
    );
    const made = await runStep(postgresDump, dumpSpec(), host());
    expect(made.tables).toBe(11);
  });
  afterAll(async () => {
    await rig?.end();
    rmSync(dir, { recursive: true, force: true });
  });
  beforeEach(() => rig.sql("DROP DATABASE IF EXISTS scratch; CREATE DATABASE scratch"));

  const host = (more: RigOptions = {}) => ({
    ...rigHost({
      environment: rig.environment(),
      workDir: dir,
      files: { "sql/manifest.sql": manifestSql },
      sealedDir: join(dir, "run/files"),
      attemptMs: 600_000,
      ...more,
    }),
    effects: "read" as const,
  });
  const dumpSpec = (more: object = {}) => ({
    server: rig.server("chinook"),
    password: rig.password,
    file: "backup.dump",
    manifest: "sql/manifest.sql",
    ...more,
  });
  const scratch = (more: object = {}) => ({
    server: rig.server("scratch", { purpose: "scratch" }),
    password: rig.password,
    file: "backup.dump",
    ...more,
  });
  const manifestOf = async (database: string) =>
    (await runStep(sql, { server: rig.server(database), password: rig.password, file: "sql/manifest.sql" }, host()))
      .rows as readonly Row[];
  const file = (name: string) => join(dir, name);

  test("dump, restore, compare: rows, checksums, row security and constraints are the same", async () => {
    const dumped = await runStep(postgresDump, dumpSpec(), host());
    const manifest = dumped.manifest as readonly Row[];
    expect(manifest).toHaveLength(11);
    expect(manifest.find(({ table }) => table === "public.track")).toMatchObject({ rows: 3503, rls: "off" });
    expect(manifest.find(({ table }) => table === "public.invoice_line")?.rows).toBe(2240);
    expect(manifest.find(({ table }) => table === "public.customer")?.rls).toMatch(/^on, 1 policies [0-9a-f]{32}$/);
    expect(dumped.bytes).toBe(statSync(file("backup.dump")).size);
    expect(statSync(file("backup.dump")).mode & 0o777).toBe(0o600);
    expect(Math.abs(Date.parse(dumped.takenAt) - Date.now())).toBeLessThan(60_000);
    expect(existsSync(file("backup.dump.partial"))).toBe(false);

    const restored = await runStep(postgresRestore, scratch(), host());
    expect(restored).toMatchObject({ database: "scratch", tables: 11, invalidConstraints: 0, sha256: dumped.sha256 });
    expect(await manifestOf("scratch")).toEqual(manifest);
    expect(await rig.sql("SELECT sum(total) FROM invoice", "scratch")).toBe("2328.60");
  });

  test("the manifest tells apart what a count does not", async () => {
    await runStep(postgresRestore, scratch(), host());
    const before = await manifestOf("scratch");
    const changed = async (change: string) => {
      await rig.sql(change, "scratch");
      const after = await manifestOf("scratch");
      return after
        .filter((row, index) => JSON.stringify(row) !== JSON.stringify(before[index]))
        .map(({ table }) => table);
    };
    expect(await changed("UPDATE artist SET name = 'somebody else' WHERE artist_id = 7")).toEqual(["public.artist"]);
    expect(await changed("UPDATE artist SET name = (SELECT 'Apocalyptica') WHERE artist_id = 7")).toEqual([]);
    expect(await changed("ALTER TABLE customer DISABLE ROW LEVEL SECURITY")).toEqual(["public.customer"]);
    await rig.sql("ALTER TABLE customer ENABLE ROW LEVEL SECURITY", "scratch");
    expect(await changed("ALTER POLICY own ON customer USING (true)")).toEqual(["public.customer"]);
    expect(await changed("ALTER TABLE track DROP CONSTRAINT track_genre_id_fkey")).toEqual([
      "public.customer",
      "public.track",
    ]);
  });

  test("dump and manifest are of one snapshot, whatever is written meanwhile", async () => {
    // pg_dump of this PATH writes a row to the source before the real one reads.
    const bin = join(dir, "bin");
    mkdirSync(bin, { recursive: true });
    const real = `PATH="${rig.environment()["PATH"]}"`;
    writeFileSync(
      join(bin, "pg_dump"),
      `#!/bin/sh\n${real}\npsql -X -q -c "INSERT INTO genre VALUES (99, 'late')" || exit 9\nexec pg_dump "$@"\n`,
      { mode: 0o755 },
    );
    const environment = { ...rig.environment(), PATH: `${bin}:${rig.environment()["PATH"]}` };
    const dumped = await runStep(postgresDump, dumpSpec({ file: "late.dump" }), host({ environment }));
    expect(await rig.sql("SELECT count(*) FROM genre WHERE genre_id = 99", "chinook")).toBe("1");
    await rig.sql("DELETE FROM genre WHERE genre_id = 99", "chinook");
    await runStep(postgresRestore, scratch({ file: "late.dump" }), host());
    expect(await manifestOf("scratch")).toEqual(dumped.manifest);
    expect(await rig.sql("SELECT count(*) FROM genre WHERE genre_id = 99", "scratch")).toBe("0");
  });

  test("a dump that fails leaves no file and says what pg_dump said", async () => {
    await rig.sql("CREATE ROLE limited LOGIN PASSWORD 'limited-password'");
    const server = { ...rig.server("chinook"), user: "limited" };
    const failure = await failureOf(
      postgresDump,
      { ...dumpSpec({ file: "denied.dump", password: "limited-password" }), server, manifest: "one.sql" },
      host({ files: { "one.sql": "SELECT 1 AS one" } }),
    );
    expect(failure).toMatchObject({ class: "failed", reason: "dump-failed" });
    expect(failure.message).toContain("permission denied for table");
    expect([existsSync(file("denied.dump")), existsSync(file("denied.dump.partial"))]).toEqual([false, false]);
  });

  test("a database without tables is no backup", async () => {
    const failure = await failureOf(postgresDump, dumpSpec({ server: rig.server("empty"), file: "none.dump" }), host());
    expect(failure).toMatchObject({ class: "failed", reason: "archive-empty" });
    expect([existsSync(file("none.dump")), existsSync(file("none.dump.partial"))]).toEqual([false, false]);
  });

  test("only the schemas that were asked for", async () => {
    await rig.sql("CREATE SCHEMA other; CREATE TABLE other.t AS SELECT 1 AS a", "chinook");
    const only = await runStep(postgresDump, dumpSpec({ file: "some.dump", schemas: ["other", "nowhere"] }), host());
    expect(only.tables).toBe(1);
    await rig.sql("DROP SCHEMA other CASCADE", "chinook");
  });

  test("a manifest must be one query, and a probe never dumps", async () => {
    const files = { "two.sql": "SELECT 1; SELECT 2", "write.sql": "DELETE FROM genre" };
    for (const manifest of Object.keys(files)) {
      const failure = await failureOf(postgresDump, dumpSpec({ manifest }), host({ files }));
      expect(failure).toMatchObject({ class: "fatal", reason: "not-a-query" });
    }
    const probe = { ...host(), run: { id: "probe", slug: "probe", actor: "operator@example" } };
    expect(await failureOf(postgresDump, dumpSpec(), probe)).toMatchObject({ reason: "not-probed" });
    expect(probe.calls).toEqual([]);
  });

  const spoiled: readonly (readonly [string, string, () => void | Promise<void>])[] = [
    ["zero bytes", "archive-empty", () => writeFileSync(file("bad.dump"), "")],
    ["missing", "archive-missing", () => rmSync(file("bad.dump"), { force: true })],
    [
      "truncated by a tenth",
      "archive-damaged",
      () => {
        copyFileSync(file("backup.dump"), file("bad.dump"));
        truncateSync(file("bad.dump"), Math.floor(statSync(file("bad.dump")).size * 0.9));
      },
    ],
    [
      "gzip taken for a custom dump",
      "archive-format",
      () => writeFileSync(file("bad.dump"), gzipSync(readFileSync(file("backup.dump")))),
    ],
    ["plain SQL", "archive-format", () => writeFileSync(file("bad.dump"), "--\n-- PostgreSQL database dump\n--\n")],
    ["noise", "archive-format", () => writeFileSync(file("bad.dump"), "no dump at all")],
    [
      "a header and nothing",
      "archive-damaged",
      () => writeFileSync(file("bad.dump"), readFileSync(file("backup.dump")).subarray(0, 60)),
    ],
    [
      "schema only",
      "archive-without-data",
      async () => {
        const made = await rig.client("pg_dump", ["-Fc", "--schema-only", "-f", file("bad.dump"), "chinook"]);
        expect(made.code).toBe(0);
      },
    ],
  ];
  test.each(spoiled)("%s: neither a backup nor restorable", async (_, reason, spoil) => {
    await spoil();
    const inspected = await failureOf(postgresInspect, { file: "bad.dump" }, host());
    expect(inspected).toMatchObject({ class: "failed", reason });
    expect(inspected.message).toContain("bad.dump");
    const failure = await failureOf(postgresRestore, scratch({ file: "bad.dump" }), host());
    expect(failure).toMatchObject({ class: "failed", reason });
    expect(await rig.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace", "scratch")).toBe(
      "0",
    );
  });

  test("a truncated dump passes pg_restore --list, and a schema-only one is right when it is asked for", async () => {
    copyFileSync(file("backup.dump"), file("bad.dump"));
    truncateSync(file("bad.dump"), Math.floor(statSync(file("bad.dump")).size * 0.9));
    expect((await rig.client("pg_restore", ["--list", file("bad.dump")])).code).toBe(0);
    await rig.client("pg_dump", ["-Fc", "--schema-only", "-f", file("schema.dump"), "chinook"]);
    expect(await runStep(postgresInspect, { file: "schema.dump", schemaOnly: true }, host())).toMatchObject({
      tables: 11,
      tablesWithData: 0,
      database: "chinook",
    });
  });

  test.each([
    ["no purpose", {}],
    ["another purpose", { purpose: "production" }],
  ])("anything but a scratch server is refused before anything is looked at: %s", async (_, more) => {
    const used = host();
    const failure = await failureOf(postgresRestore, scratch({ server: rig.server("scratch", more) }), used);
    expect(failure).toMatchObject({ class: "refused", reason: "not-a-scratch-server" });
    expect(used.calls).toEqual([]);
  });

  test.each([
    ["a table", "CREATE TABLE left_over (a int)"],
    ["a function", "CREATE FUNCTION left_over() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
    ["a type", "CREATE TYPE left_over AS ENUM ('a')"],
  ])("a database that holds %s is not empty", async (_, left) => {
    await rig.sql(left, "scratch");
    expect(await failureOf(postgresRestore, scratch(), host())).toMatchObject({
      class: "refused",
      reason: "database-not-empty",
    });
  });

  test("an extension alone leaves a database empty; a failure half-way leaves nothing", async () => {
    await rig.sql("CREATE EXTENSION pgcrypto", "scratch");
    await runStep(postgresRestore, scratch(), host());
    await rig.sql("DROP DATABASE scratch; CREATE DATABASE scratch");
    // The policy names a role, and roles are not part of a dump.
    await rig.sql("ALTER ROLE reader RENAME TO someone_else");
    const failure = await failureOf(postgresRestore, scratch(), host());
    await rig.sql("ALTER ROLE someone_else RENAME TO reader");
    // The role is there again under its name, and the source's policy with it.
    expect(failure).toMatchObject({ class: "failed", reason: "restore-failed" });
    expect(failure.message).toContain("CREATE ROLE reader on this server first");
    expect(await rig.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace", "scratch")).toBe(
      "0",
    );
  });

  test("a kept artifact is found by its path in the run", async () => {
    mkdirSync(join(dir, "run/files"), { recursive: true });
    mkdirSync(join(dir, "run/artifacts/backup"), { recursive: true });
    copyFileSync(file("backup.dump"), join(dir, "run/artifacts/backup/backup.dump"));
    const kept = await runStep(postgresInspect, { file: "artifacts/backup/backup.dump" }, host());
    expect(kept).toMatchObject({ database: "chinook", tables: 11 });
  });
});
