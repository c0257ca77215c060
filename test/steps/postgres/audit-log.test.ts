/** `audit-log`: rows that only grow, wait in a file while the database is away, and are there once in the end. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { auditLog } from "../../../src/steps/audit-log.ts";
import { describeWithPostgres, PostgresRig } from "../../rig/postgres.ts";
import { failureOf, rigHost, runStep } from "../../rig/step-host.ts";

const tableSql = readFileSync(join(import.meta.dirname, "../../../runbooks/sql/audit-log.sql"), "utf8");

describeWithPostgres("audit-log", () => {
  let rig: PostgresRig;
  let dir: string;
  beforeAll(async () => {
    rig = await PostgresRig.start();
  });
  afterAll(() => rig?.end());
  beforeEach(async () => {
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
    dir = mkdtempSync(join(tmpdir(), "runbook audit' "));
    await rig.sql("DROP DATABASE IF EXISTS ops; CREATE DATABASE ops");
    await rig.sql(tableSql, "ops");
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const host = (run = "rb-000001") => ({
    ...rigHost({ environment: rig.environment(), workDir: dir, target: { name: "staging" } }),
    effects: "write" as const,
    run: { id: run, slug: run.slice(3), actor: "operator@example" },
  });
  const spec = (event: string, more: object = {}) => ({
    server: rig.server("ops"),
    password: rig.password,
    event,
    ...more,
  });
  const folder = () => join(dir, "artifacts/ops");
  const events = () =>
    rig.sql("SELECT string_agg(run || ' ' || event, ', ' ORDER BY run, event) FROM runbook_audit", "ops");
  const away = { server: { host: "127.0.0.1", port: 1, user: "admin", database: "ops" } };

  test("a row says who, when and what, and is there once however often it is sent", async () => {
    const details = { note: `it's "here"; -- \\`, list: [1, 2] };
    const sent = spec("deployed", { sha: "abc123", details });
    const stored = { stored: "database", replayed: 0, pending: 0, why: null };
    expect(await runStep(auditLog, sent, host())).toEqual(stored);
    expect(await runStep(auditLog, sent, host())).toEqual(stored);
    const rows = await rig.sql("SELECT to_jsonb(r) - 'stored_at' FROM runbook_audit r", "ops");
    expect(rows.split("\n").map((row) => JSON.parse(row))).toEqual([
      {
        run: "rb-000001",
        event: "deployed",
        at: "2026-11-20T18:00:00+00:00",
        actor: "operator@example",
        target: "staging",
        sha: "abc123",
        details,
      },
    ]);
    expect(existsSync(folder())).toBe(false);
  });

  test("while the database is away rows wait, readable by the owner only, and come later in one go", async () => {
    const first = await runStep(auditLog, spec("started", away), host());
    expect(first).toMatchObject({ stored: "file", pending: 1 });
    expect(first.why).toContain("No PostgreSQL answers");
    expect(statSync(join(folder(), "audit-log.jsonl")).mode & 0o777).toBe(0o600);
    expect(await runStep(auditLog, spec("finished", away), host())).toMatchObject({ stored: "file", pending: 2 });
    expect(await runStep(auditLog, spec("started", away), host("rb-000002"))).toMatchObject({ pending: 3 });
    expect(await runStep(auditLog, spec("finished"), host("rb-000002"))).toMatchObject({
      stored: "database",
      replayed: 3,
    });
    expect(await events()).toBe("rb-000001 finished, rb-000001 started, rb-000002 finished, rb-000002 started");
    expect(readdirSync(folder())).toEqual([]);
  });

  test("the server is stopped for real, and started again", async () => {
    await rig.stopServer();
    const waiting = await runStep(auditLog, spec("during the outage"), host());
    await rig.startServer();
    expect(waiting).toMatchObject({ stored: "file", pending: 1 });
    expect(await runStep(auditLog, spec("after"), host())).toMatchObject({ stored: "database", replayed: 1 });
    expect(await events()).toBe("rb-000001 after, rb-000001 during the outage");
  });

  test("what a run had taken when it was killed is sent by the next one, once", async () => {
    await runStep(auditLog, spec("one", away), host());
    // Killed between the insert and the removal: the rows are stored, and their file is still there.
    const left = readdirSync(folder()).map((name) => join(folder(), name));
    const text = left.map((path) => readFileSync(path, "utf8")).join("");
    await runStep(auditLog, spec("two"), host());
    writeFileSync(join(folder(), "audit-log.jsonl"), text);
    renameSync(join(folder(), "audit-log.jsonl"), join(folder(), "audit-log.jsonl.999999.1"));
    expect(await runStep(auditLog, spec("three"), host())).toMatchObject({ replayed: 0 });
    expect(await events()).toBe("rb-000001 one, rb-000001 three, rb-000001 two");
    expect(readdirSync(folder())).toEqual([]);
  });

  test("a missing table or right is a failure, not an outage", async () => {
    const missing = await failureOf(auditLog, spec("x", { table: "nowhere" }), host());
    expect(missing).toMatchObject({ class: "failed", reason: "sql-error", facts: { sqlState: "42P01" } });
    const refused = await failureOf(auditLog, spec("x", { password: "wrong" }), host());
    expect(refused).toMatchObject({ class: "failed", reason: "not-authorised" });
    expect(existsSync(folder())).toBe(false);
  });

  test.each(["UPDATE runbook_audit SET actor = 'x'", "DELETE FROM runbook_audit", "TRUNCATE runbook_audit"])(
    "the table only grows: %s",
    async (change) => {
      await runStep(auditLog, spec("one"), host());
      await expect(rig.sql(change, "ops")).rejects.toThrow("only grows");
      expect(await events()).toBe("rb-000001 one");
    },
  );

  test("a line that is no row stops the replay instead of being lost", async () => {
    await runStep(auditLog, spec("one", away), host());
    const [name = ""] = readdirSync(folder());
    writeFileSync(join(folder(), name), '{"run":"rb-0');
    expect(await failureOf(auditLog, spec("two"), host())).toMatchObject({ reason: "fallback-damaged" });
    expect(readdirSync(folder())).toHaveLength(1);
  });
});
