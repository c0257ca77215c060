/** `tls-check` against a real HTTPS server whose certificate, protocol or redirect is made wrong in every way. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { CliRig } from "../rig/cli-rig.ts";

let rig: CliRig;
beforeAll(async () => {
  rig = new CliRig({ shipped: ["tls-check"] });
  await rig.sandboxVerb("start");
});
afterAll(() => rig.end());

const check = (...args: string[]) => rig.json(["run", "tls-check", "-t", "local", ...args]);

test("a good certificate and a redirect: the run succeeds and says how long it holds", async () => {
  const { code, document } = await check();
  expect([code, document.result]).toEqual([0, "succeeded"]);
  const certificate = document.steps.find((step) => step.path === "hosts.certificate[0]");
  expect(certificate?.outputs).toMatchObject({ issuer: "CN=Sandbox authority", protocol: "TLSv1.3" });
  expect(certificate?.outputs["daysLeft"]).toBeGreaterThan(88);
  expect((await check("-i", "minDays=91")).code).toBe(1);
});

test.each([
  ["expiring", "certificate", /the certificate ends .*renew it now/],
  ["expired", "certificate", /CERT_HAS_EXPIRED/],
  ["wrong-name", "certificate", /ERR_TLS_CERT_ALTNAME_INVALID/],
  ["self-signed", "certificate", /DEPTH_ZERO_SELF_SIGNED_CERT/],
  ["tls-1.1", "certificate", /No TLS handshake/],
  ["no-redirect", "redirect", /plain HTTP answered 200 instead of a redirect/],
])("%s: %s fails", async (state, id, said) => {
  await rig.setService("tls", state);
  const { code, document } = await check();
  expect([code, document.result]).toEqual([1, "failed"]);
  const failed = document.steps.filter((step) => step.status === "failed" && step.path.endsWith("]"));
  expect(failed.map((step) => step.path)).toEqual([`hosts.${id}[0]`]);
  expect(JSON.stringify([failed[0]?.failure, failed[0]?.checks])).toMatch(said);
});

test("a target without hosts proves nothing, and says so", async () => {
  rig.write(
    "runbook.config.yaml",
    "apiVersion: runbook/v1\ntargets:\n  local: { sandbox: true, hosts: [] }\n  staging: { hosts: [] }\n  production: { hosts: [] }\n",
  );
  const { code, document } = await check();
  expect(code).toBe(1);
  expect(document.steps.find((step) => step.path === "listed")?.status).toBe("failed");
});
