/** Names and times of a vault: a folder of files, and HashiCorp Vault's KV version 2. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { vault } from "../../../sandbox/services/vault.ts";
import { secretsInventory } from "../../../src/steps/secrets/inventory.ts";
import { Contract } from "../../rig/contract.ts";
import { loopbackServer } from "../../rig/loopback-server.ts";
import { type ServiceServer, serviceServer } from "../../rig/service-server.ts";
import { failureOf, rigHost, runStep } from "../../rig/step-host.ts";

const value = "s3cr3t-canary-value-91";

describe("a folder of files", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "vault-"));
    execFileSync("git", ["init", "-q"], { cwd: dir });
    writeFileSync(join(dir, ".gitignore"), "vault/\n");
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const put = (path: string, text: string, mode = 0o600) => {
    const file = join(dir, "vault/occ", path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, mode);
    utimesSync(file, 1_760_000_000, 1_760_000_000);
  };
  const host = () => rigHost({ workDir: dir, environment: { PATH: process.env["PATH"] ?? "" } });
  const folder = { vault: { folder: "vault/occ" } };

  test("gives the names of every kind of file, and never a value", async () => {
    put("shop/app.env", `# comment\nexport SESSION_KEY='${value}'\nEMPTY_NOT=${value}\n`);
    put("shopify/api-key.txt", `${value}\n`);
    put("chatwoot/all.json", JSON.stringify({ CHATWOOT_API_TOKEN: value, nested: { a: 1 } }));
    put("README.md", "not a secret");
    const { secrets } = await runStep(secretsInventory, folder, host());
    expect(secrets.map(({ name, source }) => `${name} ${source}`)).toEqual([
      "CHATWOOT_API_TOKEN chatwoot/all.json",
      "EMPTY_NOT shop/app.env",
      "SESSION_KEY shop/app.env",
      "SHOPIFY_API_KEY shopify/api-key.txt",
    ]);
    expect(secrets[0]?.changedAt).toBe("2025-10-09T08:53:20.000Z");
    expect(JSON.stringify(secrets)).not.toContain(value);
  });

  test("an earlier value stands under NAME_PREVIOUS and is no secret of its own", async () => {
    put("shop/app.env", `KEY=${value}\nKEY_PREVIOUS=${value}2\nOTHER=${value}\n`);
    const { secrets, earlier } = await runStep(secretsInventory, folder, host());
    expect([secrets.map(({ name }) => name), earlier]).toEqual([["KEY", "OTHER"], ["KEY"]]);
  });

  test.each([
    ["others may read", () => put("a.env", `A=${value}`, 0o644), "vault-readable"],
    ["a group may read", () => put("a.env", `A=${value}`, 0o640), "vault-readable"],
    ["a file is no JSON", () => put("a.json", `{"A": ${value}`), "vault-damaged"],
    ["a file is a list", () => put("a.json", `["${value}"]`), "vault-damaged"],
    ["a name has no value", () => put("a.env", "A=\n"), "vault-damaged"],
    ["two files have one name", () => [put("a.env", `A=${value}`), put("b.env", `A=${value}`)], "vault-ambiguous"],
    ["it is empty", () => mkdirSync(join(dir, "vault/occ"), { recursive: true }), "vault-empty"],
    ["it is not there", () => {}, "vault-missing"],
  ])("is refused when %s", async (_, prepare, reason) => {
    prepare();
    const failure = await failureOf(secretsInventory, folder, host());
    expect(failure).toMatchObject({ class: "failed", reason });
    const told = [failure.message, JSON.stringify(failure.facts), String(failure.cause)].join("\n");
    expect(told).not.toContain(value);
  });

  test("is refused when git does not ignore it, or tracks it all the same", async () => {
    put("shop/app.env", `A=${value}`);
    writeFileSync(join(dir, ".gitignore"), "");
    expect(await failureOf(secretsInventory, folder, host())).toMatchObject({ reason: "vault-not-ignored" });
    execFileSync("git", ["add", "-A"], { cwd: dir });
    writeFileSync(join(dir, ".gitignore"), "vault/\n");
    expect(await failureOf(secretsInventory, folder, host())).toMatchObject({
      reason: "vault-not-ignored",
      message: expect.stringContaining("vault/occ/shop/app.env"),
    });
  });

  test("outside a repository nothing can take it in", async () => {
    put("shop/app.env", `A=${value}`);
    rmSync(join(dir, ".git"), { recursive: true });
    expect((await runStep(secretsInventory, folder, host())).secrets).toHaveLength(1);
  });
});

describe("KV version 2", () => {
  let vendor: ServiceServer;
  beforeAll(async () => {
    const contract = new Contract("vault-kv2.openapi.trimmed.json", {
      mounts: { kv_v2_mount_path: "kv" },
      prefix: "/v1",
      wrapper: "data",
      // In the vendor's pages: https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-subkeys
      query: ["version"],
    });
    vendor = await serviceServer(vault, contract);
  });
  beforeEach(() => {
    vendor.state = "ok";
    vendor.data = null;
  });
  afterAll(async () => {
    await vendor.close();
    expect(vendor.problems).toEqual([]);
  });

  const spec = ({
    token = vendor.secrets["VAULT_TOKEN"] ?? "",
    ...more
  }: {
    token?: string;
    path?: string;
    address?: string;
  } = {}) => ({
    vault: { address: vendor.url, path: "shop", ...more },
    token,
  });
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`${vendor.url}/v1/${path}`, {
      ...init,
      headers: { "x-vault-token": vendor.secrets["VAULT_TOKEN"] ?? "" },
    });
  const put = (path: string, data: object, cas?: number) =>
    ask(`kv/data/${path}`, {
      method: "POST",
      body: JSON.stringify({ data, ...(cas === undefined ? {} : { options: { cas } }) }),
    });

  test("gives the names of one path without asking for a value", async () => {
    const begin = vendor.exchanges.length;
    const { secrets } = await runStep(secretsInventory, spec(), rigHost());
    expect(secrets).toMatchObject([
      { name: "SHOP_SESSION_KEY", source: "kv/shop v1" },
      { name: "SHOP_WEBHOOK_SECRET", source: "kv/shop v1" },
    ]);
    const seen = JSON.stringify(vendor.exchanges.slice(begin));
    for (const name of ["SHOP_SESSION_KEY", "SHOP_WEBHOOK_SECRET"]) expect(seen).not.toContain(vendor.secrets[name]);
  });

  test("gives the names of every secret below a path", async () => {
    await put("apps/a", { A: value });
    await put("apps/b", { B: value });
    await put("apps/b", { B: value, C: value }, 1);
    const { secrets } = await runStep(secretsInventory, spec({ path: "apps/" }), rigHost());
    expect(secrets.map(({ name, source }) => `${name} ${source}`)).toEqual([
      "A kv/apps/a v1",
      "B kv/apps/b v2",
      "C kv/apps/b v2",
    ]);
    expect((await runStep(secretsInventory, spec({ path: "apps/" }), rigHost())).earlier).toEqual(["B"]);
    await put("apps/c", { A: value });
    expect(await failureOf(secretsInventory, spec({ path: "apps/" }), rigHost())).toMatchObject({
      reason: "vault-ambiguous",
    });
  });

  test("says whose earlier value it has: in a version that is not deleted, or under NAME_PREVIOUS", async () => {
    await put("before", { OLD: value, GONE: value });
    await put("before", { OLD: value, KEPT: value, KEPT_PREVIOUS: value, ALONE_PREVIOUS: value });
    const read = () => runStep(secretsInventory, spec({ path: "before" }), rigHost());
    expect((await read()).earlier).toEqual(["KEPT", "OLD"]);
    expect((await read()).secrets.map(({ name }) => name)).toEqual(["ALONE_PREVIOUS", "KEPT", "OLD"]);
    const first = vendor.exchanges.length;
    vendor.state = "deleted";
    expect(await failureOf(secretsInventory, spec({ path: "before" }), rigHost())).toMatchObject({
      reason: "secret-deleted",
    });
    expect(vendor.exchanges.length).toBeGreaterThan(first);
  });

  test.each([
    ["sealed", "transient", "vault-not-ready", "is sealed"],
    ["uninitialized", "transient", "vault-not-ready", "is not initialised"],
    ["disaster-recovery", "transient", "vault-not-ready", "disaster recovery"],
    ["deleted", "failed", "secret-deleted", "vault kv undelete"],
    ["forbidden", "fatal", "not-authorised", "permission denied"],
  ])("%s is %s", async (state, failureClass, reason, words) => {
    vendor.state = state;
    const failure = await failureOf(secretsInventory, spec(), rigHost());
    expect(failure).toMatchObject({ class: failureClass, reason, message: expect.stringContaining(words) });
  });

  test("a standby serves", async () => {
    vendor.state = "standby";
    expect((await runStep(secretsInventory, spec(), rigHost())).secrets).toHaveLength(2);
  });

  test("nothing there, a wrong token and a log-in page fail, and no message quotes the token", async () => {
    expect(await failureOf(secretsInventory, spec({ path: "none" }), rigHost())).toMatchObject({ reason: "not-found" });
    const wrong = await failureOf(secretsInventory, spec({ token: value }), rigHost());
    expect(wrong).toMatchObject({ class: "fatal", reason: "not-authorised" });
    expect(JSON.stringify([wrong.message, wrong.facts])).not.toContain(value);
    const page = await loopbackServer((_, response) => response.end("<html>log in</html>"));
    expect(await failureOf(secretsInventory, spec({ address: page.url }), rigHost())).toMatchObject({
      reason: "unexpected-answer",
    });
    await page.close();
    expect(await failureOf(secretsInventory, { vault: { address: vendor.url } }, rigHost())).toMatchObject({
      class: "fatal",
    });
  });

  test("check-and-set refuses an older version, an earlier version stays, a deleted one has no data", async () => {
    await put("cas", { A: "1" }, 0);
    expect((await put("cas", { A: "2" }, 0)).status).toBe(400);
    expect((await put("cas", { A: "2" }, 1)).status).toBe(200);
    const read = async () => (await (await ask("kv/data/cas")).json()) as { data: { data: unknown } };
    expect((await read()).data).toMatchObject({ data: { A: "2" }, metadata: { version: 2 } });
    await ask("kv/data/cas", { method: "DELETE" });
    expect((await ask("kv/data/cas")).status).toBe(404);
    expect((await read()).data.data).toBeNull();
  });
});
