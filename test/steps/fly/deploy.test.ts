import { describe, expect, test } from "vitest";
import { flyDeploy } from "../../../src/steps/fly/deploy.ts";
import { image, machine, status } from "../../rig/fly-json.ts";
import { failureOf, rigHost, runStep } from "../../rig/step-host.ts";

const spec = { app: "shop", image: image("GOOD"), strategy: "rolling", waitTimeout: "1m30s" };
const live = { stdout: status([machine()], 43) };

test("deploys by image, then reads what runs", async () => {
  const host = rigHost({ replies: { deploy: {}, status: live } });
  const result = await runStep(flyDeploy, spec, host);
  expect(result).toMatchObject({ image: image("GOOD"), version: 43, machines: [{ state: "started" }] });
  expect(result.before).toEqual({ image: image("GOOD"), version: 43 });
  expect(host.calls.map((call) => call.argv.join(" "))).toEqual([
    "fly status --app shop --json",
    `fly deploy --app shop --image ${image("GOOD")} --strategy rolling --wait-timeout 90s --yes`,
    "fly status --app shop --json",
  ]);
  // The deployment has the step's own effects, so it is journalled as a write; the reading may be repeated.
  expect(host.calls.map((call) => call.options.effects)).toEqual(["read", undefined, "read"]);
});

test("prints in a plan exactly what it runs, unknowns included", () => {
  const text = (more: object) => flyDeploy.action({ ...spec, ...more }, { target: {} }).text;
  expect(text({})).toBe(`fly deploy --app shop --image ${image("GOOD")} --strategy rolling --wait-timeout 90s --yes`);
  expect(text({ image: "‹known after choose›", waitTimeout: "‹known after x›" })).toContain("‹known after choose›");
  expect(flyDeploy.action({ app: "shop", image: "a:1", waitTimeout: "1d" }, { target: {} }).argv).toEqual([
    "fly",
    "deploy",
    "--app",
    "shop",
    "--image",
    "a:1",
    "--wait-timeout",
    "86400s",
    "--yes",
  ]);
});

describe("a deployment that fails", () => {
  test("is failed with fly's last words and what to look at, even when it reads like a network error", async () => {
    const stderr = [
      "==> Verifying app config",
      "Updating existing machines in 'shop' with rolling strategy",
      "Error: timeout reached waiting for health checks to pass for machine 3d8d: context deadline exceeded",
    ].join("\n");
    const host = rigHost({ replies: { deploy: { exitCode: 1, stderr }, status: live } });
    const failure = await failureOf(flyDeploy, spec, host);
    expect(failure).toMatchObject({ class: "failed", reason: "exit-code", facts: { exitCode: 1 } });
    expect(failure.message).toContain("timeout reached waiting for health checks");
    expect(failure.message).toContain("fly status --app shop");
    expect(host.calls.map((call) => call.argv[1])).toEqual(["status", "deploy"]);
  });

  test("is failed when a signal ended it", async () => {
    const failure = await failureOf(
      flyDeploy,
      spec,
      rigHost({ replies: { deploy: { signal: "SIGKILL" }, status: live } }),
    );
    expect(failure).toMatchObject({ class: "failed", reason: "signal", facts: { signal: "SIGKILL" } });
  });

  test.each(["--detach", "", "two words"])("never starts with the image %j", async (wrong) => {
    const host = rigHost();
    const run = flyDeploy.run({ ...spec, image: wrong }, host);
    await expect(run).rejects.toMatchObject({ class: "fatal", reason: "image-invalid" });
    expect(host.calls).toEqual([]);
  });

  test("never starts with a wait that is no length of time", async () => {
    const host = rigHost();
    await expect(flyDeploy.run({ ...spec, waitTimeout: "soon" }, host)).rejects.toMatchObject({
      class: "fatal",
      reason: "duration-invalid",
    });
    expect(host.calls).toEqual([]);
  });
});

test("a reading lost after the deployment is tried again", async () => {
  const down = { exitCode: 1, stderr: "Error: 503 Service Unavailable" };
  const host = rigHost({ replies: { deploy: {}, status: [live, down, down, live] } });
  expect((await runStep(flyDeploy, spec, host)).version).toBe(43);
  expect(host.sleeps).toEqual([500, 1_000]);
});

test("a reading that stays lost fails as transient after three", async () => {
  const down = { exitCode: 1, stderr: "Error: 503 Service Unavailable" };
  const host = rigHost({ replies: { deploy: {}, status: down } });
  expect(await failureOf(flyDeploy, spec, host)).toMatchObject({ class: "transient" });
  expect(host.calls).toHaveLength(5);
});

test("a reading that fails before the deployment does not hold it up", async () => {
  const down = { exitCode: 1, stderr: "Error: 503 Service Unavailable" };
  const host = rigHost({ replies: { deploy: {}, status: [down, live] } });
  expect(await runStep(flyDeploy, spec, host)).toMatchObject({ before: null, version: 43 });
});
