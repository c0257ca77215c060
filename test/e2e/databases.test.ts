/** The database runbooks with the real command on a real PostgreSQL: each passes, and each fails the way it must. */
import { cpSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { databaseSecrets, rolesSql, shopSql } from "../../sandbox/postgres-seed.ts";
import type { ServiceAnswer } from "../../sandbox/services/service.ts";
import { supabase } from "../../sandbox/services/supabase.ts";
import { verifyRun } from "../../src/report/verify.ts";
import { CliRig, type RunDocument } from "../rig/cli-rig.ts";
import { type LoopbackServer, loopbackServer } from "../rig/loopback-server.ts";
import { describeWithPostgres, PostgresRig } from "../rig/postgres.ts";
import { cellOf, readMarkdown } from "../rig/report-reader.ts";

const root = join(import.meta.dirname, "../..");
const shipped = ["restore-drill", "backup-database", "backup-verify", "rls-checks", "seed-staging"];
const token = "sbp_0123456789abcdef0123456789abcdef01234567";
const passwords = {
  backup_reader: "reader-password-1",
  drill: "drill-password-2",
  seeder: "seeder-password-3",
  migrator: "migrator-password-4",
  auditor: "auditor-password-5",
};

describeWithPostgres(
  "the database runbooks",
  () => {
    let postgres: PostgresRig;
    let rig: CliRig;
    let vendor: LoopbackServer;
    let vendorState: string;

    beforeAll(async () => {
      postgres = await PostgresRig.start();
      await postgres.sql(rolesSql(passwords));
      vendor = await loopbackServer(({ method, url, headers }, response) => {
        const { status, body } = supabase.answer({
          method,
          path: url,
          query: new URLSearchParams(),
          headers,
          body: "",
          home: "",
          apps: {},
          base: vendor.url,
          state: vendorState,
          secrets: { SUPABASE_ACCESS_TOKEN: token },
          data: null,
        }) as ServiceAnswer;
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      });
    });
    afterAll(async () => {
      await vendor?.close();
      await postgres?.end();
    });
    beforeEach(async () => {
      await postgres.sql("DROP DATABASE IF EXISTS shop; CREATE DATABASE shop");
      await postgres.sql(shopSql, "shop");
      rig = new CliRig({ shipped });
      cpSync(join(root, "runbooks/sql"), join(rig.project, "runbooks/sql"), { recursive: true });
      configure({});
      vendorState = "ok";
    });
    afterEach(() => rig.end());

    /** The project file of this repository, with this server in place of the others. */
    function configure(scratch: object, port = postgres.port): void {
      const at = { host: "127.0.0.1", port };
      const target = {
        project: "shopshopshopshopshop",
        services: { supabase: vendor.url },
        source: { ...at, database: "shop", user: "backup_reader" },
        scratch: { ...at, user: "drill", purpose: "scratch", ...scratch },
      };
      rig.write(
        "runbook.config.yaml",
        stringify(
          {
            apiVersion: "runbook/v1",
            targets: { local: target, staging: {}, production: { protected: true, ...target } },
            policy: { noApproval: ["restore-drill"] },
            secrets: [{ type: "env", prefix: "RUNBOOK_SECRET_" }],
          },
          { aliasDuplicateObjects: false },
        ),
      );
      for (const name of ["rls-checks", "seed-staging"]) {
        const file = join(rig.project, "runbooks", `${name}.yaml`);
        writeFileSync(file, readFileSync(file, "utf8").replace("port: 0,", `port: ${port},`));
      }
    }
    const env = (more: Readonly<Record<string, string>> = {}) => ({
      PATH: postgres.environment()["PATH"] ?? "",
      RUNBOOK_SECRET_SUPABASE_ACCESS_TOKEN: token,
      ...Object.fromEntries(
        Object.entries(databaseSecrets).map(([role, name]) => [
          `RUNBOOK_SECRET_${name}`,
          passwords[role as keyof typeof passwords],
        ]),
      ),
      ...more,
    });
    const run = async (name: string, args: readonly string[] = [], more: Readonly<Record<string, string>> = {}) =>
      await rig.json(["run", name, "-t", "local", ...args], { env: env(more) });
    const step = (document: RunDocument, path: string) => document.steps.find((item) => item.path === path);
    const scratches = async () => (await postgres.databases()).filter((name) => name.startsWith("drill_"));
    /** A folder for PATH in which `program` is this shell text; `$real` is where the true one is. */
    const replaced = (program: string, text: string) => {
      const bin = `../bin-${program}`;
      const path = env().PATH;
      rig.write(`${bin}/${program}`, `#!/bin/sh\nPATH='${path}'\n${text}\n`, 0o755);
      return { PATH: `${join(rig.dir, `bin-${program}`)}:${path}` };
    };

    describe("restore-drill", () => {
      test("proves the restore, measures it, and leaves no database", async () => {
        const { code, document } = await run("restore-drill");
        expect(code, JSON.stringify(document.steps, null, 1)).toBe(0);
        expect(document.objectives).toMatchObject([
          { name: "rto", met: true },
          { name: "rpo", met: true },
        ]);
        expect(document.steps.map(({ path, status }) => [path, status])).toEqual([
          ["scratch_only", "succeeded"],
          ["backup", "succeeded"],
          ["create", "succeeded"],
          ["restore", "succeeded"],
          ["compare", "succeeded"],
          ["witness", "skipped"],
          ["drop", "succeeded"],
        ]);
        const written = readMarkdown(rig.file(document.run, "report.md"));
        const { sha256 } = rig.record(document.run).steps.get("backup")?.artifacts[0] ?? { sha256: "none" };
        expect(cellOf(written, "Back-ups", sha256, "Taken (UTC)")).toBe(step(document, "backup")?.outputs["takenAt"]);
        expect(cellOf(written, "Back-ups", sha256, "Integrity")).toBe(
          "ok, checks 2/2 (backup); ok, checks 4/4 (compare)",
        );
        for (const [check, missing] of [
          ["soc2-a1.3", ["findings", "sign_off"]],
          ["iso22301", ["findings", "recommendations", "sign_off"]],
          ["nist-800-84", ["findings", "recommendations"]],
        ] as const) {
          expect((await verifyRun(document.dir, { check })).check?.missing, check).toEqual(missing);
        }
        const manifest = step(document, "backup")?.outputs["manifest"] as {
          table: string;
          rows: number;
          rls: string;
        }[];
        expect(manifest.map(({ table, rows }) => [table, rows])).toEqual([
          ["public.customers", 500],
          ["public.orders", 5000],
        ]);
        expect(manifest[0]?.rls).toMatch(/^on, 1 policies/);
        expect(step(document, "compare")?.checks.map(({ status }) => status)).toEqual(["met", "met", "met", "met"]);
        expect(await scratches()).toEqual([]);
        const report = readFileSync(document.report ?? "", "utf8");
        expect(report).toMatch(/\| RTO \| 30m \| \*\*[\d.]+m?s\*\* \|/);
        expect(report).toMatch(/\| RPO \| 24h \| \*\*[\d.]+m?s\*\* \|/);
        expect(await rig.problems(document.run)).toEqual([]);
        for (const name of ["journal.ndjson", "report.md"])
          for (const password of Object.values(passwords)) expect(rig.file(document.run, name)).not.toContain(password);
      });

      test("a restore that lost something is not a restore", async () => {
        const change = `PGDATABASE=$(for w in "$@"; do case "$w" in --dbname=*) echo "\${w#--dbname=}";; esac; done)
pg_restore "$@" || exit $?
case " $* " in *--single-transaction*) exec psql -X -q -h 127.0.0.1 -p ${postgres.port} -U drill -d "$PGDATABASE" -c "UPDATE orders SET total_cents = total_cents + 1 WHERE id = 1000001; ALTER TABLE customers DISABLE ROW LEVEL SECURITY";; esac`;
        const { code, document } = await run("restore-drill", [], replaced("pg_restore", change));
        expect(document.result).toBe("failed");
        expect(code).not.toBe(0);
        expect(step(document, "compare")?.failure?.message).toContain("At least one table differs");
        expect(step(document, "drop")?.status).toBe("succeeded");
        expect(await scratches()).toEqual([]);
        const report = readFileSync(document.report ?? "", "utf8");
        expect(report).toContain("public.orders");
        expect(report).toContain("public.customers");
      });

      test("anything but a scratch server is refused, and nothing touches it", async () => {
        configure({ purpose: "reports" });
        const { code, document } = await run("restore-drill");
        expect(code).toBe(4);
        expect(document.result).toBe("refused");
        expect(document.steps.filter(({ status }) => status === "succeeded")).toEqual([]);
        expect(rig.journal(document.run).filter(({ type }) => type === "command.started")).toEqual([]);
        expect(await scratches()).toEqual([]);
      });

      test("on a protected target the scratch server must not be the source", async () => {
        const { code } = await rig.json(["run", "restore-drill", "-t", "production", "--yes"], { env: env() });
        expect(code).toBe(4);
        expect(await scratches()).toEqual([]);
      });

      test("without PostgreSQL the run is refused and says what to install", async () => {
        configure({}, 1);
        const { code, document } = await run("restore-drill");
        expect(code).toBe(4);
        expect(document.result).toBe("refused");
        expect(step(document, "backup")?.failure).toMatchObject({ class: "refused", reason: "server-not-running" });
        expect(step(document, "backup")?.failure?.message).toContain("Debian package postgresql-15");
      });

      test.each([
        ["the dump", "pg_dump", "*--snapshot=*", "backup"],
        ["the restore", "pg_restore", "*--single-transaction*", "restore"],
        ["the end", "dropdb", "*--force*", "drop"],
      ])("kill -9 of the executor in %s, then resume: nothing is left", async (_, program, when, path) => {
        const gate = rig.gate("middle");
        const quoted = (path: string) => `'${path.replaceAll("'", `'\\''`)}'`;
        const wait = `case " $* " in ${when})
  echo ${program} >> ${quoted(rig.ledgerFile)}
  read -r _ < ${quoted(join(rig.dir, "gates/middle"))};;
esac
exec ${program} "$@"`;
        const options = { env: env(replaced(program, wait)) };
        const started = rig.start(["run", "restore-drill", "-t", "local", "--no-input"], options);
        await rig.waitForLedger(program);
        expect(rig.record(await started.run()).steps.get(path)?.status).toBe("running");
        await started.kill9Executor();
        await started.ended;
        const id = await started.run();
        gate.open();
        const { code, document } = await rig.json(["resume", id], { env: env() });
        expect(code, JSON.stringify(document.steps, null, 1)).toBe(0);
        expect(document.result).toBe("succeeded");
        expect(await scratches()).toEqual([]);
        expect(await rig.problems(id)).toEqual([]);
        expect(rig.processes().filter(({ command }) => /pg_restore|pg_dump|psql|dropdb/.test(command))).toEqual([]);
      });
    });

    describe("backup-database and backup-verify", () => {
      const dump = () => join(rig.project, "backups/latest.dump");

      test("a backup is made, kept with its hash, and found fresh and whole", async () => {
        const made = await run("backup-database");
        expect(made.code, JSON.stringify(made.document.steps, null, 1)).toBe(0);
        const { sha256, tables } = step(made.document, "backup")?.outputs ?? {};
        expect(tables).toBe(2);
        expect(await rig.problems(made.document.run)).toEqual([]);
        const verified = await run("backup-verify", ["-i", `sha256=${sha256}`]);
        expect(verified.code, JSON.stringify(verified.document.steps, null, 1)).toBe(0);
        const other = await run("backup-verify", ["-i", `sha256=${"0".repeat(64)}`]);
        expect(other.document.result).toBe("failed");
      });

      test.each<[string, (file: string) => void, string]>([
        ["too old", (file) => utimesSync(file, new Date(0), new Date(0)), "more than 24 hours ago"],
        ["truncated", (file) => truncateSync(file, 9_000), "truncated or damaged"],
        ["empty", (file) => truncateSync(file, 0), "is empty"],
        ["gone", (file) => rmSync(file), "does not exist"],
      ])("a backup that is %s is not accepted", async (_, spoil, message) => {
        expect((await run("backup-database")).code).toBe(0);
        spoil(dump());
        const { code, document } = await run("backup-verify");
        expect(code).not.toBe(0);
        expect(document.result).toBe("failed");
        expect(step(document, "inspect")?.failure?.message).toContain(message);
      });

      /** The record beside the dump, as the run wrote it. */
      const record = () => JSON.parse(readFileSync(`${dump()}.json`, "utf8")) as { bytes: number; earlier: object[] };
      const rewrite = (change: object) =>
        writeFileSync(`${dump()}.json`, JSON.stringify({ ...record(), ...change }), { mode: 0o600 });
      const earlier = (...sizes: number[]) =>
        sizes.map((bytes) => ({ takenAt: "2026-01-01T00:00:00.000Z", bytes, sha256: "0".repeat(64) }));

      test("every backup remembers those before it, and their median says what is a usual size", async () => {
        for (const _ of [1, 2]) expect((await run("backup-database")).code).toBe(0);
        const { bytes, earlier: before } = record();
        expect(before).toMatchObject([{ bytes }]);
        rewrite({ earlier: earlier(bytes, bytes + 100, bytes - 100, 10, 10 * bytes) });
        expect((await run("backup-verify")).code).toBe(0);
        for (const size of [Math.floor(bytes / 2), 3 * bytes]) {
          rewrite({ earlier: earlier(size, size, size) });
          const { document } = await run("backup-verify");
          expect(document.result, String(size)).toBe("failed");
          expect(step(document, "inspect")?.failure?.message).toContain("more than half away from the median");
        }
      });

      test.each<[string, () => void, string]>([
        ["of another file", () => rewrite({ sha256: "0".repeat(64) }), "is missing, or of another file"],
        ["gone", () => rmSync(`${dump()}.json`), "is missing, or of another file"],
        ["no record", () => writeFileSync(`${dump()}.json`, "{}"), "is not the record of a backup"],
        ["of an old snapshot", () => rewrite({ takenAt: "2026-01-01T00:00:00.000Z" }), "was taken at 2026-01-01"],
      ])("a backup whose record is %s is not accepted", async (_, spoil, message) => {
        expect((await run("backup-database")).code).toBe(0);
        spoil();
        const { document } = await run("backup-verify");
        expect(document.result).toBe("failed");
        expect(step(document, "inspect")?.failure?.message).toContain(message);
      });

      test("Supabase's own backups must be there, completed and fresh", async () => {
        expect((await run("backup-database")).code).toBe(0);
        for (const [state, message] of [
          ["last-failed", "A backup at Supabase failed"],
          ["only-pending", "no completed backup"],
          ["old", "is older than 24 hours"],
          ["none", "no completed backup"],
          ["forbidden", "answered 403"],
        ] as const) {
          vendorState = state;
          const { document } = await run("backup-verify");
          expect(document.result, state).toBe("failed");
          expect(step(document, "vendor")?.failure?.message, state).toContain(message);
        }
        const { document } = await run("backup-verify", [], { RUNBOOK_SECRET_SUPABASE_ACCESS_TOKEN: "sbp_of_another" });
        expect(step(document, "vendor")?.failure?.message).toContain("answered 401");
      });

      test("a program that exits with 0 and writes nothing makes no backup", async () => {
        const nothing = replaced("pg_dump", 'case "$*" in *--version*) exec pg_dump "$@";; esac\nexit 0');
        const { document } = await run("backup-database", [], nothing);
        expect(document.result).toBe("failed");
        expect(step(document, "backup")?.failure?.reason).toBe("archive-missing");
      });

      test("a database without rows is no backup", async () => {
        await postgres.sql("TRUNCATE customers, orders", "shop");
        const { document } = await run("backup-database");
        expect(document.result).toBe("failed");
        expect(step(document, "backup")?.failure?.message).toBe("No table has 1 rows.");
      });
    });

    describe("rls-checks", () => {
      test("a protected database passes, with one test per table and role", async () => {
        const { code, document } = await run("rls-checks");
        expect(code, JSON.stringify(document.steps, null, 1)).toBe(0);
        expect(step(document, "tests")?.outputs).toEqual({ planned: 11, passed: 11 });
      });

      test.each([
        [
          "row security that a down-migration lost",
          "ALTER TABLE orders DISABLE ROW LEVEL SECURITY",
          "tables",
          "public.orders",
        ],
        [
          "a policy that applied and fails every query since",
          "CREATE POLICY loop ON orders FOR SELECT TO authenticated USING (EXISTS (SELECT FROM orders))",
          "tests",
          "public.orders answers authenticated",
        ],
        ["anon that may write", "GRANT DELETE ON customers TO anon", "tests", "anon cannot write to public.customers"],
        [
          "nothing exposed at all",
          "REVOKE ALL ON customers, orders FROM anon, authenticated",
          "tables",
          "checking nothing proves nothing",
        ],
      ])("finds %s", async (_, change, path, message) => {
        await postgres.sql(change, "shop");
        const { document } = await run("rls-checks");
        expect(document.result).toBe("failed");
        expect(step(document, path)?.failure?.message).toContain(message);
      });

      test("a listed exception is one", async () => {
        await postgres.sql("CREATE TABLE terms (text text); GRANT SELECT ON terms TO anon", "shop");
        expect((await run("rls-checks")).document.result).toBe("failed");
        const { document } = await run("rls-checks", ["-i", 'exceptions=["public.terms"]']);
        expect(step(document, "tables")?.status).toBe("succeeded");
      });
    });

    describe("seed-staging", () => {
      const demo = () => postgres.sql("SELECT count(*) FROM orders WHERE id > 9000000", "shop");

      test("adds the demo shop, and again changes nothing", async () => {
        for (const time of [1, 2]) {
          const { code, document } = await run("seed-staging");
          expect(code, `${time} ${JSON.stringify(document.steps, null, 1)}`).toBe(0);
          expect(await demo()).toBe("5");
        }
      });

      test("a seed that loses rows is taken back", async () => {
        await postgres.sql(
          `CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF new.id = 9000003 THEN RETURN NULL; END IF; RETURN new; END';
           CREATE TRIGGER lose BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION lose()`,
          "shop",
        );
        const { document } = await run("seed-staging");
        expect(document.result).toBe("rolled_back");
        expect(await demo()).toBe("0");
        expect(await postgres.sql("SELECT count(*) FROM orders", "shop")).toBe("5000");
      });

      test("a seed that breaks half-way leaves nothing", async () => {
        await postgres.sql("ALTER TABLE orders ADD CONSTRAINT cheap CHECK (total_cents < 50000)", "shop");
        const { document } = await run("seed-staging");
        expect(document.result).not.toBe("succeeded");
        expect(await demo()).toBe("0");
        expect(await postgres.sql("SELECT count(*) FROM customers WHERE id > 9000000", "shop")).toBe("0");
      });
    });
  },
  "pgtap",
);
