/** `cost-report` and `security-headers` against a sandbox that uses too much, that measured nothing, and that shows too much. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CliRig, type RunDocument } from "../rig/cli-rig.ts";

let rig: CliRig;
beforeAll(async () => {
  rig = new CliRig({ shipped: ["cost-report", "security-headers"] });
  await rig.sandboxVerb("start");
});
afterAll(() => rig.end());

const run = (name: string, ...inputs: string[]) =>
  rig.json(["run", name, "-t", "local", ...inputs.flatMap((input) => ["-i", input])]);

const failed = (document: RunDocument) =>
  document.steps.filter(({ status, path }) => status === "failed" && !["used", "ceilings", "look"].includes(path));

test("what was used stays below its ceilings, and is written down", async () => {
  const { code, document } = await run("cost-report");
  expect([code, document.result], JSON.stringify(failed(document))).toEqual([0, "succeeded"]);
  const outputs = (path: string) => document.steps.find((step) => step.path === path)?.outputs;
  expect(outputs("used.ci")).toMatchObject({ runs: 60, minutes: 360 });
  // Two machines that were made a day ago.
  expect(outputs("used.machines")?.["hours"]).toBeCloseTo(48, 0);
  const text = readFileSync(join(document.dir, "artifacts/report/artifacts/ops/cost-report/cost.md"), "utf8");
  expect(text).toContain("| Billed minutes of GitHub Actions | 360 | 3000 |");
  expect(await rig.problems(document.run)).toEqual([]);
});

test.each([
  ["ci-heavy", [], ["ceilings.ci", "ceilings.speed"], /used 16200 billed minutes, the ceiling is 3000/],
  ["ok", ["machineHours=47"], ["ceilings.machines"], /Machines ran 48(\.\d+)? hours, and maybe 0 more/],
  ["ci-unused", [], ["used.ci"], /what CI costs is not known/],
  ["ok", ['workflows=["none.yml"]'], ["used.ci"], /there is no such thing/],
])("cost-report with GitHub %s and %j fails at %j", async (state, inputs, paths, said) => {
  await rig.setService("github", state);
  const { code, document } = await run("cost-report", ...inputs);
  await rig.setService("github", "ok");
  expect([code, document.result]).toEqual([1, "failed"]);
  expect(failed(document).map(({ path }) => path)).toEqual(paths);
  expect(JSON.stringify(failed(document))).toMatch(said);
});

test("answers carry their headers, plain HTTP leads to HTTPS, and insides are closed", async () => {
  const { code, document } = await run("security-headers");
  expect([code, document.result], JSON.stringify(failed(document))).toEqual([0, "succeeded"]);
  expect(document.steps.find(({ path }) => path === "look.headers[0]")?.checks).toHaveLength(9);
});

test("a release without headers and with a debug page fails, header by header", async () => {
  await rig.sandboxVerb("fly", "deploy", "-a", "shop", "--image", "registry.fly.io/shop:deploy-exposed");
  const { code, document } = await run("security-headers");
  expect([code, document.result]).toEqual([1, "failed"]);
  const [headers, debug] = failed(document).filter(({ path }) => path.endsWith("]"));
  const unmet = (step: typeof headers) => (step?.checks ?? []).filter(({ status }) => status === "not_met");
  expect(unmet(headers).map(({ that }) => /"([a-z-]+)"/.exec(that)?.[1])).toEqual([
    "strict-transport-security",
    "content-security-policy",
    "x-frame-options",
    "x-content-type-options",
    "referrer-policy",
    "x-powered-by",
    "permissions-policy",
  ]);
  expect(debug?.path).toBe("look.closed[2]");
  expect(JSON.stringify(debug)).toContain("/debug answered 200 instead of being turned away");
});

test("nothing to look at is no pass", async () => {
  const { code, document } = await run("security-headers", "closedPaths=[]");
  expect([code, failed(document).map(({ path }) => path)]).toEqual([1, ["listed"]]);
});
