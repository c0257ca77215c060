/** The runbooks that use others: the go-live checklist with its three kinds of items, and the daily sweep. */
import { execFileSync } from "node:child_process";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { readSandbox } from "../../sandbox/client.ts";
import { startDatabase } from "../../sandbox/postgres.ts";
import { CliRig, type RunDocument } from "../rig/cli-rig.ts";
import { describeWith } from "../rig/monitoring.ts";
import { missingPostgres, postgresPrograms } from "../rig/postgres.ts";

const used = [
  "tls-check",
  "smoke-tests",
  "chatwoot-health",
  "publer-health",
  "secrets-audit",
  "env-parity",
  "slo-report",
];
const others = ["go-live-checklist", "drift-sweep", "rollback-staging", "secrets-sync", "rls-checks"];
let rig: CliRig;
beforeAll(async () => {
  rig = new CliRig({ shipped: [...others, ...used] });
  cpSync(join(import.meta.dirname, "../../runbooks/sql"), join(rig.project, "runbooks/sql"), { recursive: true });
  await rig.sandboxVerb("start");
});
beforeEach(() => rig.sandboxVerb("seed", "good"));
afterAll(() => rig.end());

const step = (document: RunDocument, path: string) => document.steps.find((each) => each.path === path);
const waitsFor = (document: RunDocument) => document.waitingFor?.map((each) => each.step);

/** Answers what the run waits for, and goes on until it waits again or ends. */
async function answer(run: string, path: string, note: string) {
  const approved = await rig.json<object>(["approve", run, "--step", path, "--reason", note]);
  expect(approved.code).toBe(0);
  await rig.waitForRecord(run, "the answer", (entry) => entry.type === "approval.decided" && entry.step === path);
  return await rig.json(["wait", run]);
}

/** The vault's secrets are in the stores, and staging has the same names. */
async function inOrder(): Promise<void> {
  const synced = await rig.json(["run", "secrets-sync", "-t", "local", "-i", "reason=to be compared"]);
  expect(synced.code, synced.stderr).toBe(0);
  for (const name of ["SHOP_SESSION_KEY", "SHOP_WEBHOOK_SECRET"])
    await rig.sandboxVerb("fly", "secrets", "set", `${name}=one`, "-a", "shop-staging", "--stage");
}

/** Changes the sandbox's database as its superuser; it is started if need be. */
async function shopSql(text: string): Promise<void> {
  const { port } = await startDatabase(rig.stateDir, 0);
  const PGPASSWORD = readSandbox(rig.stateDir)?.secrets["SCRATCH_PGPASSWORD"] ?? "";
  const psql = join(postgresPrograms() ?? "", "psql");
  const login = ["-h", "127.0.0.1", "-p", String(port), "-U", "drill", "-d", "shop"];
  execFileSync(psql, [...login, "-v", "ON_ERROR_STOP=1", "-c", text], { env: { PGPASSWORD } });
}

const waived = (...items: string[]) => ["-i", `waived=${JSON.stringify(items)}`];
const goLive = (...args: string[]) => rig.json(["run", "go-live-checklist", "-t", "local", ...args]);

test("GO: automatic items run, a rehearsal is proven, two are waived by somebody, three are confirmed with links", async () => {
  const rehearsal = await rig.json(["run", "rollback-staging", "-t", "local", "-i", "reason=the rehearsal"]);
  expect(rehearsal.code, rehearsal.stderr).toBe(0);
  await inOrder();
  const begun = await goLive(
    ...waived("backup: restored by hand today", "restore_drill: the drill is on Monday", "slo: nobody measures yet"),
  );
  const { run } = begun.document;
  expect([begun.code, waitsFor(begun.document)]).toEqual([5, ["waivers"]]);
  expect(waitsFor((await answer(run, "waivers", "agreed")).document)).toEqual(["freeze"]);
  expect(waitsFor((await answer(run, "freeze", "https://chat/1, release role")).document)).toEqual(["on_call"]);
  expect(waitsFor((await answer(run, "on_call", "https://rota/1, sre-oncall")).document)).toEqual(["status_page"]);
  const open = await answer(run, "status_page", "https://status/draft, support role");
  expect(waitsFor(open.document)).toEqual(["product"]);
  expect(waitsFor((await answer(run, "product", "go")).document)).toEqual(["go"]);
  expect(step(open.document, "verdict")?.outputs).toEqual({ result: "GO" });
  const { code, document } = await answer(run, "go", "go");
  expect([code, document.result]).toEqual([0, "succeeded"]);
  const result = rig.file(run, "artifacts/summary/artifacts/ops/go-live/result.md");
  for (const part of [
    "GO, if product and a manager agree",
    "backup: restored by hand today; restore_drill: the drill is on Monday; slo: nobody measures yet",
    "| secrets | succeeded | this run |",
    "| parity | succeeded | this run |",
    "| backup | skipped | none |",
    `| rollback_drill | succeeded | ${rehearsal.document.run} |`,
    "| on_call | succeeded | https://rota/1, sre-oncall |",
  ])
    expect(result).toContain(part);
  expect(await rig.problems(run)).toEqual([]);
});

test("NO-GO: every open item is named, and nobody is asked to go", async () => {
  await rig.setService("chatwoot", "data-failing");
  const begun = await goLive(...waived("publer: not used at the launch", "slo: nobody measures yet"));
  const { run } = begun.document;
  await answer(run, "waivers", "agreed");
  await answer(run, "freeze", "https://chat/1, release role");
  await answer(run, "on_call", "somebody will be there");
  const { code, document } = await answer(run, "status_page", "https://status/draft, support role");
  expect(code).toBe(1);
  expect(step(document, "verdict")?.failure?.message).toMatch(
    /^NO-GO: chatwoot \(failed\), secrets \(failed\), parity \(failed\), backup \(failed\), restore_drill \(failed\).*, on_call \(failed\)$/,
  );
  expect(step(document, "automatic.publer")?.status).toBe("skipped");
  expect(step(document, "go")?.status).toBe("pending");
});

test("a waiver without a reason, or for no item, is refused before anything runs", async () => {
  for (const waiver of ["backup: ", "backups: a reason"]) {
    const { code, document } = await goLive(...waived(waiver));
    expect([waiver, code]).toEqual([waiver, 4]);
    expect(JSON.stringify(document.steps)).toContain("A waiver is written as");
  }
});

describeWith(["prometheus"], "drift-sweep", () => {
  const sweep = (...without: string[]) =>
    rig.json(["run", "drift-sweep", "-t", "local", "-i", `without=${JSON.stringify(without)}`]);

  const withoutDatabase = missingPostgres("pgtap") === null ? [] : ["rls"];

  test("succeeds when nothing has drifted", async () => {
    await inOrder();
    const { code, document, stderr } = await sweep(...withoutDatabase);
    expect([code, document.result], stderr).toEqual([0, "succeeded"]);
    expect(await rig.problems(document.run)).toEqual([]);
  });

  test("goes on after a failure, names all that drifted, and fails in the end", async () => {
    await rig.setService("publer", "no-accounts");
    await rig.setService("tls", "expiring");
    await rig.setService("prometheus", "empty");
    await rig.sandboxVerb("fly", "secrets", "set", "--app", "shop", "--stage", "FLAG=on");
    if (withoutDatabase.length === 0) await shopSql("ALTER TABLE orders DISABLE ROW LEVEL SECURITY");
    const { code, document } = await sweep(...withoutDatabase);
    if (withoutDatabase.length === 0) await shopSql("ALTER TABLE orders ENABLE ROW LEVEL SECURITY");
    expect([code, document.result]).toEqual([1, "failed"]);
    const rls = withoutDatabase.length === 0 ? ["rls"] : [];
    const drifted = ["tls", "publer", "secrets_audit", "parity", "slo", ...rls, "secrets"];
    expect(step(document, "result")?.outputs).toEqual({ drifted });
    expect(step(document, "sweep.secrets")?.outputs).toEqual({ staged: ["FLAG"] });
    expect(step(document, "sweep.smoke")?.status).toBe("succeeded");
    const summary = rig.file(document.run, "artifacts/summary/artifacts/ops/drift-sweep/summary.md");
    expect(summary).toContain(`# Drift: ${drifted.join(", ")} (local)`);
    expect(summary).toContain(`| rls | ${rls.length === 0 ? "skipped" : "failed"} |`);
  });

  test("refuses to leave out what it does not know", async () => {
    expect((await sweep("rsl")).code).toBe(4);
  });
});
