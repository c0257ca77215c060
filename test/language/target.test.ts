import { expect, test } from "vitest";
import { loadConfig } from "../../src/language/load-config.ts";
import type { Runbook } from "../../src/language/runbook.ts";
import { resolveTarget } from "../../src/plan/target.ts";

const text = "apiVersion: runbook/v1\ntargets: { local: { sandbox: true, app: shop }, staging: { app: other } }\n";
const { config } = loadConfig({ file: "runbook.config.yaml", text });
const runbook = { targets: {} } as Runbook;
/** All that the sandbox's client knows; a target takes its variables out of it. */
const sandbox = {
  url: "http://127.0.0.1:1",
  fly: "/bin/fly",
  services: { vault: "http://127.0.0.1:2" },
  hosts: [],
  vaultFolder: "/vault",
  databasePort: 3,
  secrets: { FLY_API_TOKEN: "dummy-token" },
};

test("a sandbox supplies variables, and none of its dummy secrets", () => {
  const target = resolveTarget(config!, runbook, "local", sandbox);
  expect(Object.keys(target).sort()).toEqual(["app", "fly", "hosts", "name", "protected", "services", "url", "vault"]);
  expect(JSON.stringify(target)).not.toContain("dummy-token");
});

test("another target has what the project file says", () => {
  const target = resolveTarget(config!, runbook, "staging", sandbox);
  expect(target).toMatchObject({ app: "other", name: "staging", protected: false });
  expect(target["url"]).toBeUndefined();
});
