/** Rows of the audit log over an outage: the database is killed in the middle of a run, and every row is there once. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { opsSql, rolesSql } from "../../sandbox/postgres-seed.ts";
import { CliRig } from "../rig/cli-rig.ts";
import { describeWithPostgres, PostgresRig } from "../rig/postgres.ts";

describeWithPostgres("audit-log in runs", () => {
  let postgres: PostgresRig;
  let rig: CliRig;
  beforeAll(async () => {
    postgres = await PostgresRig.start();
    await postgres.sql(
      rolesSql({ backup_reader: "a", drill: "b", seeder: "c", migrator: "d", auditor: "auditor-password" }),
    );
  });
  afterAll(() => postgres?.end());
  beforeEach(async () => {
    await postgres.sql("DROP DATABASE IF EXISTS ops; CREATE DATABASE ops");
    await postgres.sql(opsSql, "ops");
    rig = new CliRig();
    rig.write(
      "runbook.config.yaml",
      `apiVersion: runbook/v1
targets:
  here: { audit: { host: 127.0.0.1, port: ${postgres.port}, database: ops, user: auditor } }
secrets: [{ type: env, prefix: RUNBOOK_SECRET_ }]
`,
    );
    const note = (id: string) => ({
      id,
      title: `Note that it ${id}`,
      uses: "audit-log",
      with: { server: "${{ target.audit }}", password: "${{ secrets.AUDIT_PGPASSWORD }}", event: id },
      idempotent: true,
      outputs: { stored: "result.stored", replayed: "result.replayed" },
    });
    rig.runbook("work", {
      secrets: ["AUDIT_PGPASSWORD"],
      steps: [
        note("began"),
        {
          id: "work",
          title: "Work",
          uses: "script",
          effects: "read",
          with: { script: 'echo working >> "$LEDGER"; read -r _ < "$GATES/work"' },
        },
        note("ended"),
      ],
    });
  });
  afterEach(() => rig.end());

  const env = () => ({
    PATH: postgres.environment()["PATH"] ?? "",
    RUNBOOK_SECRET_AUDIT_PGPASSWORD: "auditor-password",
  });
  const outputs = (run: string, path: string) => rig.record(run).steps.get(path)?.outputs;
  const rows = async () =>
    (await postgres.sql("SELECT run || ' ' || event FROM runbook_audit ORDER BY at, event", "ops")).split("\n");
  const waiting = () => {
    const folder = join(rig.project, "artifacts/ops");
    return existsSync(folder) ? readdirSync(folder) : [];
  };

  test("killed in mid-run: the run goes on, and the next one sends what waits, once", async () => {
    const gate = rig.gate("work");
    const first = rig.start(["run", "work", "--no-input"], { env: env() });
    await first.waitForLedger("working");
    await postgres.stopServer();
    gate.open();
    expect((await first.ended).code).toBe(0);
    const one = await first.run();
    expect(outputs(one, "began")).toEqual({ stored: "database", replayed: 0 });
    expect(outputs(one, "ended")).toEqual({ stored: "file", replayed: 0 });
    expect(waiting()).toEqual(["audit-log.jsonl"]);
    await postgres.startServer();
    expect(await rows()).toEqual([`${one} began`]);

    rig.clearLedger();
    const again = rig.gate("work");
    const second = rig.start(["run", "work", "--no-input"], { env: env() });
    await second.waitForLedger("working");
    again.open();
    expect((await second.ended).code).toBe(0);
    const two = await second.run();
    expect(outputs(two, "began")).toEqual({ stored: "database", replayed: 1 });
    expect(outputs(two, "ended")).toEqual({ stored: "database", replayed: 0 });
    expect(await rows()).toEqual([`${one} began`, `${one} ended`, `${two} began`, `${two} ended`]);
    expect(waiting()).toEqual([]);
    for (const run of [one, two]) expect(await rig.problems(run)).toEqual([]);
  });

  test("the executor killed as well: its resumed run notes each event once", async () => {
    const gate = rig.gate("work");
    const started = rig.start(["run", "work", "--no-input"], { env: env() });
    await started.waitForLedger("working");
    await postgres.stopServer();
    await started.kill9Executor();
    await started.ended;
    const run = await started.run();
    await postgres.startServer();
    gate.open();
    expect((await rig.json(["resume", run], { env: env() })).code).toBe(0);
    expect(await rows()).toEqual([`${run} began`, `${run} ended`]);
    expect(waiting()).toEqual([]);
  });
});
