/** `secrets-sync` fails, or dies: what was set goes back by the vault's earlier values, and what cannot is named. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ensureSandbox } from "../../sandbox/client.ts";
import type { JournalRecord } from "../../src/engine/events.ts";
import { CliRig, packageDir, type RunDocument } from "../rig/cli-rig.ts";
import { until } from "../rig/until.ts";

let rig: CliRig;
beforeAll(async () => {
  rig = new CliRig({ shipped: ["secrets-audit", "secrets-sync"] });
  await ensureSandbox(rig.stateDir, { distDir: join(packageDir, "dist") });
});
beforeEach(() => rig.sandboxVerb("service", "github", "ok"));
afterAll(() => rig.end());

const words = (target: string) => ["run", "secrets-sync", "-t", target, "-i", "reason=a rehearsal"];
const sync = (target: string) => rig.json(words(target));
const audit = async () => (await rig.json(["run", "secrets-audit", "-t", "local-kv"])).document;
const step = ({ steps }: RunDocument, path: string) => steps.find((each) => each.path === path);
const said = ({ steps }: RunDocument) => JSON.stringify(steps.map(({ checks, failure }) => [checks, failure]));

/** A new version of the vault's secret. */
async function put(data: Readonly<Record<string, string>>): Promise<void> {
  const { services, secrets } = rig.sandbox;
  const answer = await fetch(`${services["vault"]}/v1/kv/data/shop`, {
    method: "POST",
    headers: { "x-vault-token": secrets["VAULT_TOKEN"] ?? "" },
    body: JSON.stringify({ data }),
  });
  expect(answer.status).toBe(200);
}

/** Name → digest and status. */
async function listed(): Promise<Record<string, string>> {
  const rows = await rig.fly<{ name: string; digest: string; status: string }[]>("secrets", "list");
  return Object.fromEntries(rows.map(({ name, digest, status }) => [name, `${digest} ${status}`]));
}

const both = (value: string) => ({ SHOP_SESSION_KEY: `${value}-session`, SHOP_WEBHOOK_SECRET: `${value}-webhook` });

test("a first sync that fails leaves nothing behind, and a sealed vault refuses before anything is set", async () => {
  await put(both("first-value"));
  await rig.sandboxVerb("service", "github", "key-changed");
  const { code, document } = await sync("local-kv");
  expect([code, document.result]).toEqual([6, "rolled_back"]);
  expect(step(document, "github")?.failure?.reason).toBe("validation-failed");
  expect(await listed()).toEqual({});
  await rig.sandboxVerb("service", "vault", "sealed");
  const sealed = await sync("local-kv");
  await rig.sandboxVerb("service", "vault", "ok");
  expect([sealed.code, sealed.document.result]).toEqual([4, "refused"]);
});

test("killed while the values are handed over, then failing: the KV store's earlier version brings the digests back", async () => {
  expect((await sync("local-kv")).code).toBe(0);
  expect((await audit()).result).toBe("succeeded");
  const before = await listed();
  // Stores keep whole seconds: a value of the same second does not count as newer.
  const second = () => Math.floor(Date.now() / 1_000);
  const begun = second();
  await until("another second", () => second() > begun);
  await put({ ...both("first-value"), SHOP_SESSION_KEY: "sandbox-broken-key" });
  const started = rig.start([...words("local-kv"), "--no-input", "-o", "json"]);
  await started.waitForRecord(
    "the import",
    (entry: JournalRecord) => entry.type === "command.started" && entry.step === "import" && entry.effects !== "read",
  );
  const run = await started.run();
  await started.kill9Executor();
  await started.ended;
  const { code, document, stdout, stderr } = await rig.json(["resume", run]);
  expect([code, document.result]).toEqual([6, "rolled_back"]);
  expect(step(document, "deploy")?.status).toBe("failed");
  expect(await listed()).toEqual(before);
  expect(await rig.problems(run)).toEqual([]);
  for (const text of [stdout, stderr]) expect(text).not.toContain("sandbox-broken-key");
  // The vault still has the value that does not work, and the audit says so.
  expect(said(await audit())).toContain("SHOP_SESSION_KEY at fly shop is from");
});

test("in a folder the earlier value is NAME_PREVIOUS; one set by hand is lost, and the way back does not call itself done", async () => {
  const file = join(rig.stateDir, "sandbox/vault/shop/app.env");
  const values = (session: string, more = "") =>
    writeFileSync(file, `SHOP_SESSION_KEY=${session}\nSHOP_WEBHOOK_SECRET=folder-hook\n${more}`);
  values("folder-one-key");
  expect((await sync("local")).code).toBe(0);
  const before = await listed();
  const token = { FLY_API_TOKEN: rig.sandbox.secrets["FLY_API_TOKEN"] ?? "" };
  execFileSync(rig.sandbox.fly, ["secrets", "set", "SHOP_WEBHOOK_SECRET=by-hand", "-a", "shop", "--stage"], {
    env: rig.environment(token),
  });
  values("sandbox-broken-folder", "SHOP_SESSION_KEY_PREVIOUS=folder-one-key\n");
  const { code, document } = await sync("local");
  expect([code, document.result]).toEqual([7, "rollback_failed"]);
  expect(step(document, "plan")?.outputs["lost"]).toContain("SHOP_WEBHOOK_SECRET at fly shop");
  expect(said(document)).toContain('Nobody has the value of before: [\\"SHOP_WEBHOOK_SECRET\\"]');
  expect((await listed())["SHOP_SESSION_KEY"]).toBe(before["SHOP_SESSION_KEY"]);
  expect(JSON.stringify(document)).not.toContain("by-hand");
});
