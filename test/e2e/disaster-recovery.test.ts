/** `disaster-recovery` on the sandbox with its real PostgreSQL: the shop comes back, or nothing was touched. */
import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { recordedDatabase } from "../../sandbox/database-file.ts";
import { CliRig, documentOf, type RunDocument } from "../rig/cli-rig.ts";
import { describeWithPostgres, postgresPrograms } from "../rig/postgres.ts";

const root = join(import.meta.dirname, "../..");
const shipped = ["disaster-recovery", "backup-database", "backup-verify", "restore-drill", "rls-checks", "smoke-tests"];
let rig: CliRig;
let bin: string;

beforeEach(async () => {
  rig = new CliRig({ shipped });
  bin = postgresPrograms() ?? "";
  cpSync(join(root, "runbooks/sql"), join(rig.project, "runbooks/sql"), { recursive: true });
});
afterEach(() => rig.end());

const step = (document: RunDocument, path: string) => document.steps.find((item) => item.path === path);
const begin = () =>
  rig.json(["run", "disaster-recovery", "-t", "local", "-i", "incident=INC-7", "-i", "reason=orders are gone"]);

/** Answers a question and follows the run to the next one, or to its end. */
async function answer(run: string, path: string, verb: "approve" | "reject" = "approve") {
  const answered = await rig.run([verb, run, "--step", path, "--reason", "as rehearsed", "--no-input"]);
  expect(answered.code, answered.stderr).toBe(0);
  const ran = await rig.run(["wait", run, "--no-input", "-o", "json"]);
  return { code: ran.code, document: documentOf(ran) };
}

/** Runs SQL as the superuser role `drill` of the sandbox. */
async function sql(text: string, database = "postgres"): Promise<string> {
  const port = recordedDatabase(rig.stateDir)?.port ?? 0;
  const words = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", String(port), "-U", "drill"];
  const password = rig.sandbox.secrets["SCRATCH_PGPASSWORD"] ?? "";
  const ended = spawnSync(join(bin, "psql"), [...words, "-c", text, database], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "", PGPASSWORD: password },
  });
  if (ended.status !== 0) throw new Error(ended.stderr);
  return ended.stdout.trim();
}
const databases = () =>
  sql("SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE NOT datistemplate");
const ordersOf = (database: string) => sql("SELECT count(*) FROM orders", database);

describeWithPostgres(
  "disaster-recovery",
  () => {
    beforeEach(async () => {
      const { code, document } = await rig.json(["run", "backup-database", "-t", "local"]);
      expect(code, JSON.stringify(document.steps, null, 1)).toBe(0);
    });

    test.each<[string, string]>([
      ["emptied", "TRUNCATE orders, customers"],
      ["gone", "DROP DATABASE shop WITH (FORCE)"],
    ])(
      "a database that is %s comes back with its rows, owners and rights, by four decisions",
      async (state, disaster) => {
        await sql(disaster, state === "gone" ? "postgres" : "shop");
        const { code, document } = await begin();
        expect(code).toBe(5);
        const id = document.run;
        expect((await answer(id, "declare")).document.waitingFor?.[0]?.step).toBe("assessed");
        expect((await answer(id, "assessed")).document.waitingFor?.[0]?.step).toBe("cut_over");
        // Until now nothing has changed but a new database beside it.
        const slug = id.slice(3);
        expect((await databases()).split(" ")).toContain(`recovered_${slug}`);
        if (state === "emptied") expect(await ordersOf("shop")).toBe("0");
        expect((await answer(id, "cut_over")).document.waitingFor?.[0]?.step).toBe("verified");
        expect(await ordersOf("shop")).toBe("5000");
        const last = await answer(id, "verified");
        expect(last.code, JSON.stringify(last.document.steps, null, 1)).toBe(0);
        expect(last.document.objectives).toMatchObject([
          { name: "rto", met: true },
          { name: "rpo", met: true },
        ]);
        expect(await databases()).toBe(state === "gone" ? "ops postgres shop" : `lost_${slug} ops postgres shop`);
        expect(await sql("SELECT tableowner FROM pg_tables WHERE tablename = 'orders'", "shop")).toBe("seeder");
        expect(await sql("SELECT has_table_privilege('anon', 'orders', 'SELECT')", "shop")).toBe("t");
        const events = await sql("SELECT string_agg(event, ' ' ORDER BY at) FROM runbook_audit", "ops");
        expect(events).toBe("disaster-declared disaster-recovery-ended");
        expect(await rig.problems(id)).toEqual([]);
        expect(readFileSync(last.document.report ?? "", "utf8")).toContain("INC-7");
      },
    );

    test("a backup that is damaged ends it at assess, before anything is touched", async () => {
      truncateSync(join(rig.project, "backups/latest.dump"), 9_000);
      const { document } = await begin();
      const ended = await answer(document.run, "declare");
      expect(ended.code).toBe(1);
      expect(ended.document.result).toBe("failed");
      expect(step(ended.document, "assess.backup.inspect")?.failure?.message).toContain("truncated or damaged");
      expect(await databases()).toBe("ops postgres shop");
    });

    test("a commander who says no to the cut-over leaves the shop as it is", async () => {
      await sql("DELETE FROM orders WHERE id > 1002500", "shop");
      const { document } = await begin();
      await answer(document.run, "declare");
      await answer(document.run, "assessed");
      const ended = await answer(document.run, "cut_over", "reject");
      expect(ended.code).not.toBe(0);
      expect(step(ended.document, "recover_app.put_in_place")?.status).toBe("pending");
      expect(await ordersOf("shop")).toBe("2500");
    });

    test("a backup that was exchanged after it was assessed never gets to the cut-over", async () => {
      const { document } = await begin();
      await answer(document.run, "declare");
      await sql("DELETE FROM orders WHERE id > 1004000", "shop");
      expect((await rig.json(["run", "backup-database", "-t", "local"])).code).toBe(0);
      const ended = await answer(document.run, "assessed");
      expect(ended.document.result).toBe("failed");
      expect(step(ended.document, "recover_data.restore")?.failure?.message).toContain("another file than the one");
      expect(step(ended.document, "cut_over")?.status).toBe("pending");
      expect(await ordersOf("shop")).toBe("4000");
    });
  },
  "pgtap",
);
