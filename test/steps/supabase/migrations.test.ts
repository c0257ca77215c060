/** The Supabase types over documents that CLI 3.1.0 printed against a plain PostgreSQL 15. */
import { describe, expect, test } from "vitest";
import { supabaseAdvisors } from "../../../src/steps/supabase/advisors.ts";
import { supabaseList } from "../../../src/steps/supabase/list.ts";
import { supabaseMigrate } from "../../../src/steps/supabase/migrate.ts";
import { failureOf, type Reply, rigHost, runStep } from "../../rig/step-host.ts";

const target = { kind: "db-url", host: "127.0.0.1", port: 54_777 };
const spec = {
  server: { host: "127.0.0.1", port: 54_777, user: "migration owner", database: "postgres" },
  password: "a-secret-password",
};
const listed = (...rows: readonly (readonly [string, string])[]): Reply => ({
  stdout: {
    migrations: rows.map(([local, remote]) => ({ local, remote, time: "2024-01-01 00:00:00" })),
    message: "Migrations listed",
    target,
  },
});
const pushed = (upToDate: boolean, ...migrations: string[]): Reply => ({
  stdout: { upToDate, dryRun: false, migrations, seeds: [], roles: [], message: "Finished supabase db push.", target },
});
const failed = (code: string, message: string): Reply => ({
  exitCode: 1,
  stdout: { target, _tag: "Error", error: { code, message } },
});
const one = "20240101000000";
const two = "20240102000000";

test("list tells pending, unknown and doubled versions apart", async () => {
  const host = rigHost({ replies: { "migration list": listed([one, one], [one, ""], ["", two]) } });
  expect(await runStep(supabaseList, spec, host)).toEqual({
    migrations: [
      { local: one, remote: one },
      { local: one, remote: "" },
      { local: "", remote: two },
    ],
    pending: [one],
    remoteOnly: [two],
    duplicates: [one],
    outOfOrder: [one],
  });
});

test("the password is in no word, and nothing is reported home", async () => {
  const host = rigHost({ replies: { "migration list": listed() } });
  await runStep(supabaseList, { ...spec, workdir: "apps/shop" }, host);
  const [call] = host.calls;
  expect(call?.argv).toEqual([
    "supabase",
    "migration",
    "list",
    "--remote=postgresql://migration%20owner@127.0.0.1:54777/postgres",
    "--workdir=apps/shop",
    "--output-format=json",
  ]);
  expect(call?.options.env).toMatchObject({ PGPASSWORD: spec.password, SUPABASE_TELEMETRY_DISABLED: "1" });
});

describe("migrate", () => {
  test("applies what is pending and looks again", async () => {
    const replies = {
      "migration list": [listed([one, one], [two, ""]), listed([one, one], [two, two])],
      "db push": pushed(false, `${two}_b.sql`),
    };
    const host = rigHost({ replies });
    expect(await runStep(supabaseMigrate, spec, host)).toEqual({ applied: [`${two}_b.sql`], upToDate: false });
    expect(host.calls.map(({ argv, options }) => [argv[2], options.effects])).toEqual([
      ["list", "read"],
      ["push", undefined],
      ["list", "read"],
    ]);
  });

  test("nothing to do is fine", async () => {
    const host = rigHost({ replies: { "migration list": listed([one, one]), "db push": pushed(true) } });
    expect(await runStep(supabaseMigrate, spec, host)).toEqual({ applied: [], upToDate: true });
  });

  test.each([
    ["one version in two files", listed([one, ""], [one, ""]), "duplicate-versions"],
    ["an older version than the newest applied", listed([one, ""], [two, two]), "out-of-order"],
    ["a version that no file has", listed([one, one], ["", two]), "history-differs"],
  ])("%s is refused before anything is applied", async (_, list, reason) => {
    const host = rigHost({ replies: { "migration list": list } });
    expect(await failureOf(supabaseMigrate, spec, host)).toMatchObject({ class: "refused", reason });
    expect(host.calls).toHaveLength(1);
  });

  test("exit code 0 with a migration still pending is no success", async () => {
    const host = rigHost({ replies: { "migration list": listed([one, ""]), "db push": pushed(true) } });
    expect(await failureOf(supabaseMigrate, spec, host)).toMatchObject({ class: "failed", reason: "still-pending" });
  });

  test("the CLI's error is told with its code; being away is passing", async () => {
    const broken = failed("DbPushApplyError", 'ERROR: syntax error at or near "selekt" (SQLSTATE 42601)');
    const host = rigHost({ replies: { "migration list": listed([one, ""]), "db push": broken } });
    const failure = await failureOf(supabaseMigrate, spec, host);
    expect(failure).toMatchObject({ class: "failed", reason: "supabase-error", facts: { code: "DbPushApplyError" } });
    expect(failure.message).toContain('syntax error at or near "selekt"');
    const away = rigHost({
      replies: { "migration list": failed("DbConnectError", "connect ECONNREFUSED 127.0.0.1:1") },
    });
    expect(await failureOf(supabaseList, spec, away)).toMatchObject({ class: "transient" });
  });

  test("an error with exit code 0, and text that is no document, are failures", async () => {
    const lying = rigHost({ replies: { "migration list": { ...failed("X", "y"), exitCode: 0 } } });
    expect(await failureOf(supabaseList, spec, lying)).toMatchObject({ reason: "supabase-error" });
    const old = rigHost({ replies: { "migration list": { stdout: "  LOCAL │ REMOTE" } } });
    expect(await failureOf(supabaseList, spec, old)).toMatchObject({ reason: "unexpected-output" });
    const usage = rigHost({ replies: { "migration list": { exitCode: 2, stderr: "unknown flag" } } });
    expect(await failureOf(supabaseList, spec, usage)).toMatchObject({ reason: "exit-code" });
  });
});

test("advisors count by level", async () => {
  const results = [
    { name: "rls_disabled_in_public", level: "ERROR", detail: "Table `public.a` is public, but RLS is not enabled." },
    { name: "function_search_path_mutable", level: "WARN", detail: "Function `public.f`" },
  ];
  const host = rigHost({ replies: { "db advisors": { stdout: { results, message: "db advisors", target } } } });
  expect(await runStep(supabaseAdvisors, spec, host)).toEqual({ findings: results, errors: 1, warnings: 1 });
  const none = rigHost({ replies: { "db advisors": failed("DbAdvisorsQueryError", 'role "anon" does not exist') } });
  expect((await failureOf(supabaseAdvisors, spec, none)).message).toContain('role "anon" does not exist');
});
