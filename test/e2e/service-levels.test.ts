/** What runbooks say of metrics, tools and mail servers that are ill: the real Prometheus of the sandbox, and its stand-ins. */
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CliRig, type RunDocument } from "../rig/cli-rig.ts";
import { describeWith } from "../rig/monitoring.ts";

let rig: CliRig;
beforeAll(async () => {
  rig = new CliRig({ shipped: ["slo-report", "smoke-tests", "deploy-staging"] });
  await rig.sandboxVerb("start");
});
afterAll(() => rig.end());

const stepOf = (steps: RunDocument["steps"], path: string) => steps.find((step) => step.path === path);

describeWith(["prometheus", "promtool"], "slo-report", () => {
  const report = (...inputs: string[]) =>
    rig.json(["run", "slo-report", "-t", "local", ...inputs.flatMap((input) => ["-i", input])]);

  test("keeps its levels, and deployments are not frozen", async () => {
    const { code, document } = await report();
    expect([code, document.result], JSON.stringify(document.steps, null, 1)).toEqual([0, "succeeded"]);
    expect(stepOf(document.steps, "measure.availability")?.outputs["share"]).toBe(1);
    expect(stepOf(document.steps, "measure.errors")?.outputs["budgetLeft"]).toBeCloseTo(0.92, 2);
    expect(stepOf(document.steps, "decide")?.outputs).toEqual({ freeze: false });
    expect(await rig.problems(document.run)).toEqual([]);
  });

  test("a month of failing requests fails it, and freezes deployments", async () => {
    await rig.setService("prometheus", "burning");
    const { code, document } = await report();
    expect([code, document.result]).toEqual([1, "failed"]);
    const errors = stepOf(document.steps, "measure.errors");
    expect(JSON.stringify(errors?.checks)).toContain("0.02");
    expect(stepOf(document.steps, "measure.latency")?.status).toBe("succeeded");
    expect(stepOf(document.steps, "decide")?.outputs).toEqual({ freeze: true });
  });

  test("nothing measured is not good: each empty series fails", async () => {
    await rig.setService("prometheus", "empty");
    const { code, document } = await report();
    expect([code, document.result]).toEqual([1, "failed"]);
    for (const name of ["availability", "errors"])
      expect(stepOf(document.steps, `measure.${name}`)?.failure?.reason).toBe("no-series");
    expect(stepOf(document.steps, "measure.latency")?.status).toBe("failed");
    expect(stepOf(document.steps, "decide")?.outputs).toEqual({ freeze: true });
  });

  test.each([
    ["down", /answered 503/],
    ["limited", /answered 429/],
    ["limited-blind", /answered 429/],
    ["html", /not one of Prometheus/],
    ["half", /closed|other side|terminated|reset/i],
  ])("a Prometheus that is %s fails it", async (state, said) => {
    await rig.setService("prometheus", state);
    const { code, document } = await report();
    expect(code).toBe(1);
    expect(stepOf(document.steps, "measure.availability")?.failure?.message).toMatch(said);
    await rig.setService("prometheus", "ok");
  });

  test("its levels are inputs: what is promised decides", async () => {
    const { code, document } = await report("p95Seconds=0.1");
    expect(code).toBe(1);
    expect(JSON.stringify(stepOf(document.steps, "measure.latency")?.checks)).toContain("less than 0.1 s is promised");
  });
});

test("without Prometheus slo-report on local is refused before anything is done, and the package is named", async () => {
  const bin = join(rig.dir, "bin");
  mkdirSync(bin);
  for (const [name, file] of [
    ["sh", "/bin/sh"],
    ["node", process.execPath],
  ] as const)
    symlinkSync(file, join(bin, name));
  const { code, document } = await rig.json(["run", "slo-report", "-t", "local"], { env: { PATH: bin } });
  expect([code, document.result]).toEqual([4, "refused"]);
  expect(rig.record(document.run).finished?.summary).toContain("Debian package prometheus");
  expect(document.steps.filter(({ status }) => status !== "pending")).toEqual([]);
});

describe("smoke-tests", () => {
  const smoke = () => rig.json(["run", "smoke-tests", "-t", "local"]);

  test("asks everything at once", async () => {
    const { code, document } = await smoke();
    expect([code, document.result], JSON.stringify(document.steps, null, 1)).toEqual([0, "succeeded"]);
    expect(stepOf(document.steps, "smoke.agents")?.status).toBe("succeeded");
    expect(stepOf(document.steps, "smoke.database")?.status).toBe("skipped");
    const key = rig.sandbox.secrets["MCP_API_KEY"] ?? "";
    expect(key.length).toBeGreaterThan(20);
    for (const file of ["report.md", "journal.ndjson"]) expect(rig.file(document.run, file)).not.toContain(key);
  });

  test.each([
    ["tool-failing", "tool-failed", /index is not loaded/],
    ["no-tools", "tool-missing", /lists none/],
    ["down", "http-status", /answered 503/],
    ["html", "not-mcp", /text\/html/],
  ])("agents whose server is %s fail it", async (state, reason, said) => {
    await rig.setService("mcp", state);
    const { code, document } = await smoke();
    await rig.setService("mcp", "ok");
    expect([code, document.result]).toEqual([1, "failed"]);
    const agents = stepOf(document.steps, "smoke.agents");
    expect(agents?.failure?.reason).toBe(reason);
    expect(agents?.failure?.message).toMatch(said);
    expect(stepOf(document.steps, "smoke.health")?.status).toBe("succeeded");
  });
});
