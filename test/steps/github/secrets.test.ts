/** Secrets go to GitHub in sealed boxes that only its key opens; what comes back are names and times. */
import sodium from "libsodium-wrappers";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { GithubState } from "../../../sandbox/services/github/state.ts";
import { githubSecretAlerts } from "../../../src/steps/github/secret-alerts.ts";
import { githubSecrets } from "../../../src/steps/github/secrets.ts";
import { githubSecretsRestore } from "../../../src/steps/github/secrets-restore.ts";
import { githubSecretsSet } from "../../../src/steps/github/secrets-set.ts";
import { awkwardSecrets } from "../../rig/awkward-secrets.ts";
import { loopbackServer } from "../../rig/loopback-server.ts";
import type { ServiceServer } from "../../rig/service-server.ts";
import { failureOf, rigHost, runStep } from "../../rig/step-host.ts";
import { githubServer, startOver, where } from "./rig.ts";

let vendor: ServiceServer;
beforeAll(async () => {
  await sodium.ready;
  vendor = await githubServer();
});
beforeEach(() => startOver(vendor));
afterAll(async () => {
  await vendor.close();
  expect(vendor.problems).toEqual([]);
});

/** What the stand-in was really given: the boxes, opened with its private key. */
function opened(scope: string): Record<string, string> {
  const { keys, secrets } = vendor.data as GithubState;
  const key = keys[scope];
  if (key === undefined) return {};
  const bytes = (text: string) => new Uint8Array(Buffer.from(text, "base64"));
  const open = (sealed: string) =>
    Buffer.from(sodium.crypto_box_seal_open(bytes(sealed), bytes(key.publicKey), bytes(key.privateKey))).toString(
      "utf8",
    );
  return Object.fromEntries(Object.entries(secrets[scope] ?? {}).map(([name, { sealed }]) => [name, open(sealed)]));
}

test("every value arrives as it is, sealed for the scope's own key, and none is shown", async () => {
  const spec = { ...where(vendor), values: awkwardSecrets };
  const sent = vendor.exchanges.length;
  const set = await runStep(githubSecretsSet, spec, rigHost());
  expect(set.secrets.map(({ name, created }) => [name, created])).toEqual(
    Object.keys(awkwardSecrets).map((name) => [name, true]),
  );
  expect(opened("repository")).toEqual(awkwardSecrets);
  const { text } = githubSecretsSet.action(spec, { target: { name: "local", protected: false } });
  const seen = JSON.stringify([set, text, vendor.exchanges.slice(sent)]);
  for (const value of Object.values(awkwardSecrets)) expect(seen).not.toContain(JSON.stringify(value).slice(1, -1));
  expect(text).toContain("set the secrets of shop/web, sealed: ");
});

test("an environment has a key of its own; setting again updates", async () => {
  const spec = { ...where(vendor), environment: "production", values: { API_KEY: "first-value" } };
  await runStep(githubSecretsSet, spec, rigHost());
  const again = await runStep(githubSecretsSet, { ...spec, values: { API_KEY: "second-value" } }, rigHost());
  expect(again.secrets).toMatchObject([{ name: "API_KEY", created: false }]);
  expect(opened("production")).toEqual({ API_KEY: "second-value" });
  expect(opened("repository")).toEqual({});
  expect(await runStep(githubSecrets, { ...where(vendor), environment: "production" }, rigHost())).toMatchObject({
    secrets: [{ name: "API_KEY" }],
  });
  expect(await runStep(githubSecrets, where(vendor), rigHost())).toEqual({ secrets: [] });
});

test("sets back what was replaced, deletes what was new, leaves the rest alone, and names what nobody has", async () => {
  const set = (values: Record<string, string>) => runStep(githubSecretsSet, { ...where(vendor), values }, rigHost());
  await set({ OLD: "old-one", SAME: "same", FOREIGN: "by hand", GONE: "unknown" });
  const { secrets: before } = await runStep(githubSecrets, where(vendor), rigHost());
  const old = (name: string) => ({ name, updatedAt: "2026-01-01T00:00:00Z" });
  await set({ OLD: "old-two", FOREIGN: "theirs", GONE: "other", NEW: "new" });
  const spec = {
    ...where(vendor),
    names: ["OLD", "OLD", "NEW", "FOREIGN", "GONE", "NEVER_SET"],
    // GitHub keeps whole seconds, and this test takes less than one.
    before: [old("OLD"), ...before.filter(({ name }) => name === "SAME"), old("FOREIGN"), old("GONE")],
    values: { OLD: "old-one", FOREIGN: "an earlier one of ours", SAME: "never asked for" },
    foreign: ["FOREIGN"],
  };
  expect(await runStep(githubSecretsRestore, spec, rigHost())).toEqual({
    restored: ["OLD"],
    removed: ["NEW"],
    lost: ["FOREIGN", "GONE"],
  });
  expect(opened("repository")).toEqual({ OLD: "old-one", SAME: "same", FOREIGN: "theirs", GONE: "other" });
  expect(await runStep(githubSecretsRestore, { ...spec, names: ["NEW"] }, rigHost())).toEqual({
    restored: [],
    removed: [],
    lost: [],
  });
});

test("lists more secrets than fit on one page", async () => {
  const values = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`KEY_${String(i).padStart(3, "0")}`, "x"]));
  await runStep(githubSecretsSet, { ...where(vendor), values }, rigHost());
  const { secrets } = await runStep(githubSecrets, where(vendor), rigHost());
  expect(secrets.map(({ name }) => name)).toEqual(Object.keys(values));
});

test("a key that changed meanwhile, a value that is too large, and a short key fail", async () => {
  const spec = { ...where(vendor), values: { API_KEY: "value" } };
  vendor.state = "key-changed";
  expect(await failureOf(githubSecretsSet, spec, rigHost())).toMatchObject({ reason: "validation-failed" });
  const large = { ...spec, values: { API_KEY: "x".repeat(50_000) } };
  expect(await failureOf(githubSecretsSet, large, rigHost())).toMatchObject({ reason: "secret-too-large" });
  const wrong = await loopbackServer((_, response) => response.end('{"key_id":"1","key":"AAAA"}'));
  const failure = await failureOf(githubSecretsSet, { ...spec, api: wrong.url }, rigHost());
  await wrong.close();
  expect(failure).toMatchObject({ reason: "unexpected-answer" });
});

test("a secret that was taken and is not listed is missing", async () => {
  const key = Buffer.alloc(32, 9).toString("base64");
  const forgetful = await loopbackServer((request, response) => {
    if (request.url.includes("public-key")) response.end(JSON.stringify({ key_id: "1", key }));
    else if (request.method === "PUT") response.writeHead(201).end("{}");
    else response.end('{"total_count":0,"secrets":[]}');
  });
  const spec = { ...where(vendor), api: forgetful.url, values: { API_KEY: "value" } };
  const failure = await failureOf(githubSecretsSet, spec, rigHost());
  await forgetful.close();
  expect(failure).toMatchObject({ reason: "secret-missing", facts: { missing: ["API_KEY"] } });
});

test("alerts are listed without the secret; none is a result, scanning that is off a failure", async () => {
  expect(await runStep(githubSecretAlerts, where(vendor), rigHost())).toEqual({ alerts: [], bypassed: 0 });
  vendor.state = "alert-bypassed";
  const found = await runStep(githubSecretAlerts, where(vendor), rigHost());
  expect(found).toMatchObject({ bypassed: 1, alerts: [{ number: 2, type: "slack_incoming_webhook_url" }] });
  expect(JSON.stringify([found, vendor.exchanges.at(-1)])).not.toContain("SANDBOX-VALUE");
  vendor.state = "scanning-disabled";
  expect(await failureOf(githubSecretAlerts, where(vendor), rigHost())).toMatchObject({ reason: "scanning-off" });
});
