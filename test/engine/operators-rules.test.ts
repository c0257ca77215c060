/** What operators ask of every rollback and deployment, with the shipped runbooks in the engine and a clock that jumps. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ActionOutcome, ActionRequest } from "../../src/engine/ports.ts";
import { loadConfig } from "../../src/language/load-config.ts";
import { loadRunbook } from "../../src/language/load-runbook.ts";
import { catalogue } from "../../src/steps/index.ts";
import { windowState } from "../../src/steps/window-calendar.ts";
import { EngineRig, type Scripted, type VirtualClock } from "../rig/engine-rig.ts";

const root = join(import.meta.dirname, "../..");
const textOf = (name: string) => readFileSync(join(root, "runbooks", `${name}.yaml`), "utf8");
const { config } = loadConfig({
  file: "runbook.config.yaml",
  text: readFileSync(join(root, "runbook.config.yaml"), "utf8"),
});

/** Done with `result` after `ms` of the clock; a text fails. */
const takes =
  (ms: number, result: Record<string, unknown> | string) =>
  async (request: ActionRequest, clock: VirtualClock): Promise<ActionOutcome> => {
    await clock.sleep(ms, request.signal);
    if (typeof result !== "string") return { kind: "done", result: result as never, durationMs: ms };
    const failure = { class: "failed", reason: "scripted", message: result, facts: {} } as const;
    return { kind: "failed", failure, result: null, durationMs: ms };
  };

const bad = { version: 10, image: "shop:bad", images: [], machines: [] };
const good = { version: 11, image: "shop:good", images: [], machines: [], before: null };
const http = (json: object) => ({ status: 200, headers: {}, body: "", json, durationMs: 1 });
const window = { open: false, now: "Sat 20:12 America/Los_Angeles" };

/** `rollback-production` where every step takes as long as it may. */
function slowRollback(over: Record<string, Scripted> = {}): EngineRig {
  return new EngineRig(
    "",
    {
      window,
      pre_state: takes(29_000, bad),
      choose: takes(59_000, { version: 9, image: "shop:good", createdAt: "", skipped: [] }),
      deploy: takes(99_000, good),
      healthy: takes(59_000, good),
      "confirm.version": takes(1_000, http({ image: "shop:good" })),
      "confirm.health": takes(1_000, http({ status: "ok" })),
      "confirm.latency": takes(119_000, { requests: 40, errors: 0, p50Ms: 1, p95Ms: 2, p99Ms: 3, maxMs: 4 }),
      ...over,
    },
    null,
    {
      name: "rollback-production",
      text: textOf("rollback-production"),
      inputs: { reason: "bad release", incident: null, release: null },
      target: { app: "shop", url: "http://127.0.0.1:1" },
    },
  );
}

describe("a rollback over its budgets of two and five minutes", () => {
  test("is marked on both, and finishes", async () => {
    const rig = slowRollback();
    expect(await rig.drive()).toEqual({ kind: "finished", exitCode: 0 });
    const { finished } = rig.record;
    expect(finished?.result).toBe("succeeded");
    expect(finished?.budget).toMatchObject({ targetMs: 120_000, met: false });
    expect(finished?.objectives).toMatchObject([{ name: "rto", targetMs: 300_000, met: false }]);
    expect(finished?.objectives[0]?.actualMs).toBeGreaterThan(300_000);
    expect(rig.status("confirm.latency")).toBe("succeeded");
  });

  test("within them it is marked on neither", async () => {
    const rig = slowRollback({
      choose: takes(1_000, { version: 9, image: "shop:good" }),
      deploy: takes(9_000, good),
      healthy: takes(9_000, good),
      "confirm.latency": takes(1_000, { p95Ms: 2, requests: 40 }),
    });
    await rig.drive();
    const { finished } = rig.record;
    expect(finished?.budget).toMatchObject({ met: true });
    expect(finished?.objectives).toMatchObject([{ name: "rto", met: true }]);
  });

  test("still goes all the way back when it fails late", async () => {
    const rig = slowRollback({
      healthy: takes(59_000, "a machine never passed its check"),
      "deploy.rollback.redeploy": takes(99_000, bad),
      "deploy.rollback.restored": takes(59_000, bad),
    });
    expect(await rig.drive()).toEqual({ kind: "finished", exitCode: 6 });
    expect(rig.status("deploy")).toBe("undone");
    expect(rig.status("deploy.rollback.restored")).toBe("succeeded");
    expect(rig.record.finished).toMatchObject({ result: "rolled_back", budget: { met: false } });
  });

  test("runs outside the window all the same, and that is on record", async () => {
    const rig = slowRollback();
    await rig.drive();
    expect(rig.record.deviations).toContainEqual(expect.objectContaining({ kind: "window", step: "window" }));
    expect(rig.status("deploy")).toBe("succeeded");
  });
});

describe("the window of the project file", () => {
  const deploy = config?.windows["deploy"];
  // America/Los_Angeles, Mon-Fri, half-open.
  test.each<[string, string, boolean]>([
    ["16:00Z is 08:00 before summer time began", "2026-03-06T16:00:00Z", false],
    ["17:00Z is 09:00 on that Friday", "2026-03-06T17:00:00Z", true],
    ["16:00Z is 09:00 on the Monday after", "2026-03-09T16:00:00Z", true],
    ["15:59Z is not yet", "2026-03-09T15:59:59Z", false],
    ["17:00 is outside", "2026-03-10T00:00:00Z", false],
    ["01:30 the first time, on the Sunday winter time begins", "2026-11-01T08:30:00Z", false],
    ["01:30 the second time", "2026-11-01T09:30:00Z", false],
    ["16:00Z is 08:00 on the Monday after", "2026-11-02T16:00:00Z", false],
    ["17:00Z is 09:00 then", "2026-11-02T17:00:00Z", true],
    ["a holiday", "2026-11-26T18:00:00Z", false],
  ])("%s", async (_, at, open) => {
    if (deploy === undefined) throw new Error("the project has no window deploy");
    expect(deploy.mode).toBe("block");
    expect((await windowState(deploy, new Date(at))).open).toBe(open);
  });

  test("stops every deployment to a protected target, and only warns a rollback", () => {
    const guards = (name: string) =>
      loaded(name).guards.map(({ action }) => (action.kind === "uses" ? action.with : {}));
    for (const name of ["deploy-production", "canary-deploy", "chaos-drill"])
      expect(guards(name), name).toEqual([{ name: "deploy", mode: "block" }]);
    expect(guards("rollback-production")).toEqual([{ name: "deploy", mode: "warn" }]);
    expect(guards("rollback-staging")).toEqual([]);
  });
});

function loaded(name: string) {
  const { runbook } = loadRunbook({
    file: `runbooks/${name}.yaml`,
    text: textOf(name),
    catalogue,
    readInclude: (used) => ({ path: `runbooks/${used}.yaml`, text: textOf(used) }),
  });
  if (runbook === null) throw new Error(`${name} does not load`);
  return runbook;
}

const step = (more: string) =>
  `apiVersion: runbook/v1
name: test
version: 1.0.0
title: Test
owner: team
kind: deploy
description: A test.
targets: [production]
steps:
  - id: deploy
    title: Deploy
    uses: fly/deploy
    with: { app: shop, image: "shop:1" }
    verify: [result.image == "shop:1"]
    ${more}
`;
const codes = (text: string) =>
  loadRunbook({ file: "runbooks/test.yaml", text, catalogue, config: config ?? undefined }).diagnostics.map(
    ({ code, severity }) => `${severity} ${code}`,
  );

describe("rules that hold before anything runs", () => {
  test("a deployment without a way back is an error; with one, or with a reason why there is none, it is not", () => {
    expect(codes(step(""))).toContain("error no-way-back");
    expect(codes(step("irreversible: The image before is gone."))).not.toContain("error no-way-back");
  });

  test("more than three attempts are an error", () => {
    expect(codes(step("idempotent: true\n    retry: 3"))).toEqual(codes(step("idempotent: true")));
    expect(codes(step("idempotent: true\n    retry: 4"))).toContain("error retry-above-cap");
  });

  test("every shipped deployment step has a way back, promises to be repeatable or says why there is none", () => {
    const names = readdirSync(join(root, "runbooks")).flatMap((file) =>
      file.endsWith(".yaml") ? file.slice(0, -".yaml".length) : [],
    );
    const deployments: string[] = [];
    const visit = (name: string, steps: readonly ReturnType<typeof loaded>["steps"][number][]) => {
      for (const each of steps) {
        const { action } = each;
        if (action.kind === "group" || action.kind === "parallel") visit(name, action.steps);
        if (action.kind !== "uses" || action.type !== "fly/deploy") continue;
        deployments.push(`${name}.${each.id}`);
        const says = each.rollback.length > 0 || each.idempotent || each.irreversible !== null;
        expect(says, `${name}.${each.id}`).toBe(true);
      }
    };
    for (const name of names) visit(name, loaded(name).steps);
    expect(deployments).toEqual(
      expect.arrayContaining(["rollback-production.deploy", "deploy-production.deploy", "canary-deploy.promote"]),
    );
  });
});
