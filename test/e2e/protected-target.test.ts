/** The same rollback on a protected target: it waits, and only a listed key of somebody else lets it go on. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { newKeyPair } from "../../src/report/keys.ts";
import { CliRig } from "../rig/cli-rig.ts";

const image = (tag: string) => `registry.fly.io/shop:${tag}`;

let rig: CliRig;
beforeAll(async () => {
  rig = new CliRig({ fixture: "shop", shipped: ["rollback-production"] });
  const keys = newKeyPair("operators@example");
  rig.write("keys/operators.pub", keys.publicLine);
  rig.write("keys/operators.pem", keys.privatePem, 0o600);
  await rig.sandboxVerb("start");
});
afterAll(() => rig.end());

test("it waits with nothing changed, goes on by a signature from another process, and the report names who", async () => {
  const started = await rig.json(["run", "rollback-production", "-t", "production", "-i", "reason=bad release"]);
  const { run } = started.document;
  expect(started.code).toBe(5);
  expect(started.document).toMatchObject({ result: "waiting", exitCode: 5, exitName: "waiting", report: null });
  expect(started.document.waitingFor).toMatchObject([
    {
      step: "approve",
      kind: "approval",
      prompt: `Roll shop back from v10 to v8 (${image("deploy-05")})?`,
      from: ["sre-oncall", "eng-managers"],
      next: `runbook approve ${run} --step approve --sign KEY`,
    },
  ]);
  expect(started.document.executor.alive).toBe(false);
  expect(await rig.version()).toEqual({ status: 200, image: image("deploy-08") });
  expect(rig.record(run).steps.get("deploy")?.status).toBe("pending");

  const approved = await rig.json<{ format: string }>(["approve", run, "--sign", "keys/operators.pem"]);
  expect(approved).toMatchObject({ code: 0, document: { format: "runbook.decision/1.0", step: "approve" } });
  const waited = await rig.json(["wait", run]);
  expect(waited.code).toBe(0);
  expect(waited.document).toMatchObject({ run, result: "succeeded" });
  expect(await rig.version()).toEqual({ status: 200, image: image("deploy-05") });

  const decided = rig.journal(run).find((entry) => entry.type === "approval.decided");
  expect(decided).toMatchObject({ decision: "approved", by: { name: "operators@example", method: "signature" } });
  expect(rig.file(run, "report.md")).toContain("operators@example");
  expect(await rig.json(["verify", run])).toMatchObject({ code: 0, document: { ok: true, problems: [] } });
});
