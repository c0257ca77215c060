/** The runbooks about secrets and environments, for real on the sandbox: what they pass and what they must not pass. */
import { execFileSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensureSandbox } from "../../sandbox/client.ts";
import { awkwardSecrets } from "../rig/awkward-secrets.ts";
import { CliRig, packageDir, type RunDocument } from "../rig/cli-rig.ts";
import { describeWithPostgres, PostgresRig } from "../rig/postgres.ts";

const root = join(import.meta.dirname, "../..");
const runbooks = ["secrets-audit", "secrets-sync", "secret-scan", "env-parity", "env-matrix"];

let rig: CliRig;
beforeAll(async () => {
  rig = new CliRig({ shipped: runbooks });
  copyFileSync(join(root, "runbooks/env-matrix.md"), join(rig.project, "runbooks/env-matrix.md"));
  execFileSync("git", ["init", "-q"], { cwd: rig.project });
  execFileSync("git", ["add", "-A"], { cwd: rig.project });
  await ensureSandbox(rig.stateDir, { distDir: join(packageDir, "dist") });
});
afterAll(() => rig.end());

const inputs = (...pairs: string[]) => pairs.flatMap((pair) => ["-i", pair]);
const run = (name: string, ...args: string[]) => rig.json(["run", name, "-t", "local", ...args]);
const sync = (env: Record<string, string> = {}) =>
  rig.json(["run", "secrets-sync", "-t", "local", ...inputs("reason=a rehearsal")], { env });

/** Messages of the checks that are not met, and of the failures. */
function said({ steps }: RunDocument): string {
  const checks = steps.flatMap((step) => step.checks.filter((check) => check.status !== "met"));
  return JSON.stringify([checks, steps.map((step) => step.failure)]);
}

/** Every file of the rig but the sandbox's own, and what its processes were started with. */
function keptTexts(): string[] {
  const below = (dir: string) =>
    readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => !file.startsWith(join(rig.stateDir, "sandbox")));
  return [...below(rig.stateDir), ...below(rig.project)].map((file) => readFileSync(file, "latin1"));
}

/** Puts a recorder before the sandbox's `fly`; returns every word it is ever called with, and its environment's names. */
function recordFlyWords(): () => string {
  const [program, words] = [rig.sandbox.fly, join(rig.stateDir, "sandbox/fly-words")];
  renameSync(program, `${program}.real`);
  const quoted = (path: string) => `'${path.replaceAll("'", "'\\''")}'`;
  writeFileSync(
    program,
    `#!/bin/sh\nprintf '%s ' "$@" >> ${quoted(words)}\nenv >> ${quoted(words)}\nexec ${quoted(`${program}.real`)} "$@"\n`,
    { mode: 0o700 },
  );
  return () => readFileSync(words, "utf8");
}

describe("secrets-sync and secrets-audit", () => {
  test("an audit before the first sync fails and names what is missing", async () => {
    const { code, document } = await run("secrets-audit");
    expect(code).not.toBe(0);
    expect(said(document)).toContain("SHOP_SESSION_KEY at fly shop is missing");
    expect(said(document)).toContain("SHOP_WEBHOOK_SECRET at github shop/shop staging is missing");
  });

  test("a sync gives the values to the stores, and the audit after it passes", async () => {
    const synced = await sync();
    expect(said(synced.document)).toBe(JSON.stringify([[], synced.document.steps.map(() => null)]));
    expect(synced).toMatchObject({ code: 0, document: { result: "succeeded" } });
    const listed = await rig.fly<{ name: string; status: string }[]>("secrets", "list");
    expect(listed.map(({ name, status }) => `${name} ${status}`)).toEqual([
      "SHOP_SESSION_KEY Deployed",
      "SHOP_WEBHOOK_SECRET Deployed",
    ]);
    expect((await run("secrets-audit")).document).toMatchObject({ result: "succeeded" });
    expect(await rig.problems(synced.document.run)).toEqual([]);
  });

  test("values that quoting breaks arrive, and none is in any file of a run", async () => {
    const [first = "", second = ""] = [awkwardSecrets["NEWLINES"], `q"u'o#te$$ and\\more`];
    const words = recordFlyWords();
    const synced = await sync({ RUNBOOK_SECRET_SHOP_SESSION_KEY: first, RUNBOOK_SECRET_SHOP_WEBHOOK_SECRET: second });
    expect(words()).toContain("secrets import --app shop --stage");
    expect(synced).toMatchObject({ code: 0, document: { result: "succeeded" } });
    const kept = JSON.parse(readFileSync(join(rig.stateDir, "sandbox/app-secrets.json"), "utf8")) as object;
    const values = JSON.stringify(kept);
    for (const value of [first, second]) {
      expect(values).toContain(JSON.stringify(value).slice(1, -1));
      const forms = [value, JSON.stringify(value).slice(1, -1), Buffer.from(value).toString("base64")];
      for (const text of [...keptTexts(), synced.stdout, synced.stderr, words()])
        for (const form of forms) expect(text).not.toContain(form);
    }
  });

  test("a value the vault changed after the sync, and a secret set by hand, are found", async () => {
    expect((await sync()).code).toBe(0);
    const token = { FLY_API_TOKEN: rig.sandbox.secrets["FLY_API_TOKEN"] ?? "" };
    const fly = (...args: string[]) => execFileSync(rig.sandbox.fly, args, { env: { ...rig.environment(token) } });
    fly("secrets", "set", "SHOP_SESSION_KEY=by-hand-instead", "STRAY=1", "-a", "shop", "--stage");
    const soon = Date.now() / 1_000 + 3_600;
    utimesSync(join(rig.stateDir, "sandbox/vault/shop/app.env"), soon, soon);
    const { code, document } = await run("secrets-audit");
    expect(code).not.toBe(0);
    for (const text of [
      "STRAY is at fly shop, and the vault does not know it",
      "SHOP_SESSION_KEY at fly shop was changed by somebody else",
      "SHOP_WEBHOOK_SECRET at github shop/shop staging is from",
    ])
      expect(said(document)).toContain(text);
    expect(said(document)).not.toContain("by-hand-instead");
    fly("secrets", "unset", "STRAY", "-a", "shop", "--stage");
    const now = Date.now() / 1_000 - 60;
    utimesSync(join(rig.stateDir, "sandbox/vault/shop/app.env"), now, now);
  });

  test("a vault that others may read, an open alert and a GitHub that is down fail", async () => {
    const file = join(rig.stateDir, "sandbox/vault/shop/app.env");
    execFileSync("chmod", ["644", file]);
    expect(said((await run("secrets-audit")).document)).toContain("chmod 600");
    execFileSync("chmod", ["600", file]);
    await rig.sandboxVerb("service", "github", "alert-bypassed");
    expect((await sync()).code).toBe(0);
    const alerted = await run("secrets-audit");
    expect(alerted.code).not.toBe(0);
    expect(said(alerted.document)).toContain("Open alerts");
    await rig.sandboxVerb("service", "github", "forbidden");
    expect((await sync()).code).not.toBe(0);
    await rig.sandboxVerb("service", "github", "ok");
  });

  test("a credential that no longer works is found, and the part of a key that a refusal shows is kept nowhere", async () => {
    expect((await sync()).code).toBe(0);
    await rig.setService("openai", "revoked");
    await rig.setService("supabase", "forbidden");
    await rig.setService("chatwoot", "html");
    const { code, document, stdout, stderr } = await run("secrets-audit");
    expect(code).toBe(1);
    const at = (id: string) => document.steps.find(({ path }) => path === `live.${id}`)?.failure?.message;
    expect(at("openai")).toContain("OpenAI answered 401 to OPENAI_API_KEY");
    expect(at("supabase")).toContain("Supabase answered 403");
    expect(at("chatwoot")).toContain("something else answers");
    const key = rig.sandbox.secrets["OPENAI_API_KEY"] ?? "";
    for (const text of [...keptTexts(), stdout, stderr]) expect(text).not.toContain(key.slice(0, 8));
    await rig.setService("openai", "quota-used-up");
    await rig.setService("supabase", "ok");
    await rig.setService("chatwoot", "ok");
    const quota = await run("secrets-audit");
    expect(said(quota.document)).toContain("OpenAI answered 429");
    await rig.setService("openai", "ok");
  });

  test("on a protected target a person is asked before the first write", async () => {
    const words = ["plan", "secrets-sync", "-t", "production", ...inputs("reason=a rehearsal")];
    const { document } = await rig.json<{ steps: { id: string; effects: string; if: { value: unknown } | null }[] }>(
      words,
    );
    const ids = document.steps.map(({ id }) => id);
    const firstWrite = document.steps.findIndex(({ effects }) => effects !== "read");
    expect(ids.indexOf("approve")).toBeGreaterThanOrEqual(0);
    expect(ids.indexOf("approve")).toBeLessThan(firstWrite);
  });
});

describe("secret-scan", () => {
  const webhook = ["https://hooks.slack.com", "services", "T01234567", "B01234567", "abcdefghijklmnopqrstuvwx"].join(
    "/",
  );

  test("passes over a clean project", async () => {
    expect((await run("secret-scan")).document).toMatchObject({ result: "succeeded" });
  });

  test("stops at a finding without another try, tells the team, and shows it nowhere", async () => {
    writeFileSync(join(rig.project, "notes.md"), `hook ${webhook}\n`);
    execFileSync("git", ["add", "-A"], { cwd: rig.project });
    const { code, document, stdout, stderr } = await run("secret-scan");
    expect(code).toBe(1);
    const scan = document.steps.find(({ path }) => path === "scan");
    expect(scan).toMatchObject({ attempts: 1, failure: { class: "fatal", reason: "secrets-found" } });
    expect(document.steps.find(({ path }) => path === "escalate")).toMatchObject({ status: "succeeded" });
    const { json } = await slackMessages();
    expect(JSON.stringify(json)).toContain("Revoke the slack IncomingWebhook of notes.md:1");
    const dir = readdirSync(rig.runDir(document.run), { recursive: true, withFileTypes: true });
    const texts = dir
      .filter((each) => each.isFile())
      .map((each) => readFileSync(join(each.parentPath, each.name), "utf8"));
    for (const text of [...texts, stdout, stderr, JSON.stringify(json)]) expect(text).not.toContain("abcdefghijklmnop");
    writeFileSync(join(rig.project, "notes.md"), "clean\n");
  });

  async function slackMessages(): Promise<{ json: unknown }> {
    const { api, secrets } = rig.sandbox;
    const headers = { authorization: `Bearer ${secrets["FLY_API_TOKEN"]}` };
    return { json: await (await fetch(`${api}/platform/slack`, { headers })).json() };
  }
});

describe("env-parity and env-matrix", () => {
  const token = () => ({ FLY_API_TOKEN: rig.sandbox.secrets["FLY_API_TOKEN"] ?? "" });
  // Staged: what is compared are names, and no machine needs to be replaced for them.
  const fly = (...args: string[]) =>
    execFileSync(rig.sandbox.fly, [...args, "--stage"], { env: rig.environment(token()) });

  test("two apps with the same names pass; a name on one side only does not, until it is declared", async () => {
    fly("secrets", "set", "SHOP_SESSION_KEY=one", "SHOP_WEBHOOK_SECRET=two", "-a", "shop-staging");
    fly("secrets", "set", "SHOP_SESSION_KEY=one", "SHOP_WEBHOOK_SECRET=two", "-a", "shop");
    expect(said((await run("env-parity")).document)).toContain("[]");
    fly("secrets", "set", "SHOP_DEBUG=1", "-a", "shop");
    const differing = await run("env-parity");
    expect(differing.code).not.toBe(0);
    expect(said(differing.document)).toContain("secret names: SHOP_DEBUG only in shop");
    const declared = (until: string) =>
      inputs(
        `exceptions=${JSON.stringify([{ section: "secret names", item: "SHOP_DEBUG", until, reason: "a trial" }])}`,
      );
    expect((await run("env-parity", ...declared("2999-12-31"))).document).toMatchObject({ result: "succeeded" });
    const over = await run("env-parity", ...declared("2020-01-01"));
    expect(over.code).not.toBe(0);
    expect(said(over.document)).toContain("Exceptions that are over");
  });

  test("flags with other values, and a reference that does not exist, fail", async () => {
    const flags = await run(
      "env-parity",
      ...inputs(
        'flags=["PRIMARY_REGION"]',
        'exceptions=[{"section":"secret names","item":"SHOP_DEBUG","until":"2999-12-31","reason":"a trial"}]',
      ),
    );
    expect(flags.document.steps.find(({ path }) => path === "flags")?.status).toBe("succeeded");
    expect((await run("env-parity", ...inputs("reference=no-such-app"))).code).not.toBe(0);
  });

  test("nothing on both sides is no parity", async () => {
    for (const app of ["shop", "shop-staging"])
      fly("secrets", "unset", "SHOP_SESSION_KEY", "SHOP_WEBHOOK_SECRET", "SHOP_DEBUG", "-a", app);
    const { code, document } = await run("env-parity");
    expect(code).not.toBe(0);
    expect(said(document)).toContain("0 against 0 is no parity");
  });

  test("the matrix passes for what it lists; a variable in no row, and an empty cell, fail", async () => {
    expect((await run("env-matrix")).document).toMatchObject({ result: "succeeded" });
    fly("secrets", "set", "UNHEARD_OF=1", "-a", "shop");
    const undeclared = await run("env-matrix");
    expect(undeclared.code).not.toBe(0);
    expect(said(undeclared.document)).toContain("UNHEARD_OF");
    fly("secrets", "unset", "UNHEARD_OF", "-a", "shop");
    const file = join(rig.project, "runbooks/env-matrix.md");
    writeFileSync(file, `${readFileSync(file, "utf8")}| SHOP_NEW | required | | optional |\n`);
    const open = await run("env-matrix");
    expect(open.code).not.toBe(0);
    expect(said(open.document)).toContain("SHOP_NEW in staging");
    expect(said(open.document)).toContain("Required and not there");
  });
});

describeWithPostgres("env-parity with databases", () => {
  let postgres: PostgresRig;
  beforeAll(async () => {
    postgres = await PostgresRig.start();
    for (const name of ["own", "other", "empty"]) {
      await postgres.sql(`CREATE DATABASE ${name}`);
      await postgres.sql(
        "CREATE SCHEMA supabase_migrations; CREATE TABLE supabase_migrations.schema_migrations (version text PRIMARY KEY)",
        name,
      );
    }
    const pass = `127.0.0.1:${postgres.port}:*:admin:${postgres.password}\n`;
    writeFileSync(join(rig.dir, "home/.pgpass"), pass, { mode: 0o600 });
    for (const app of ["shop", "shop-staging"])
      execFileSync(rig.sandbox.fly, ["secrets", "set", "SHOP_SESSION_KEY=one", "-a", app, "--stage"], {
        env: rig.environment({ FLY_API_TOKEN: rig.sandbox.secrets["FLY_API_TOKEN"] ?? "" }),
      });
  });
  afterAll(() => postgres.end());

  const compared = async (own: string, other: string) => {
    const given = [
      `database=${JSON.stringify(postgres.server(own))}`,
      `referenceDatabase=${JSON.stringify(postgres.server(other))}`,
    ];
    return await run("env-parity", ...inputs(...given));
  };

  test("compares applied migrations and extensions; none on both sides is no parity", async () => {
    await postgres.sql("DROP EXTENSION plpgsql", "other");
    await postgres.sql("INSERT INTO supabase_migrations.schema_migrations VALUES ('20260101'), ('20260102')", "own");
    await postgres.sql("INSERT INTO supabase_migrations.schema_migrations VALUES ('20260101')", "other");
    const differing = await compared("own", "other");
    expect(differing.code).not.toBe(0);
    expect(said(differing.document)).toContain("20260102 only in shop");
    expect(said(differing.document)).toContain("plpgsql 1.0 only in shop");
    expect((await compared("own", "own")).document).toMatchObject({ result: "succeeded" });
    const nothing = await compared("empty", "empty");
    expect(nothing.code).not.toBe(0);
    expect(said(nothing.document)).toContain("Neither shop nor shop-staging has any migrations");
  });
});
