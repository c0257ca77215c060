/** Which processes a run starts, and when: the executor before its request, the supervisor before its first command. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exitCodes } from "../../src/engine/exit-codes.ts";
import { CliRig, packageDir } from "../rig/cli-rig.ts";
import { ledgerStep } from "../rig/ledger-step.ts";
import { until } from "../rig/until.ts";

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig({ fixture: "ledger" });
});
afterAll(() => rig.end());

test("an executor that is given no request leaves, quietly", async () => {
  const child = spawn(process.execPath, [join(packageDir, "dist/executor.cjs")], { cwd: rig.dir, env: {} });
  const said: Buffer[] = [];
  child.stdout.on("data", (chunk) => said.push(chunk));
  child.stderr.on("data", (chunk) => said.push(chunk));
  child.stdin.end();
  await once(child, "close");
  expect({ code: child.exitCode, said: Buffer.concat(said).toString() }).toEqual({
    code: exitCodes.internal,
    said: "",
  });
});

test("a runbook that is refused leaves no run, and the executor that was waiting for it is gone", async () => {
  rig.runbook("refused", { steps: [ledgerStep("first", {}, { verify: ["nobody.knows == 1"] })] });
  expect(await rig.run(["run", "refused", "-t", "here"])).toMatchObject({ code: 3 });
  expect(existsSync(join(rig.stateDir, "runs"))).toBe(false);
  await until("no process is left", () => rig.processes().length === 0);
});

test("a run that is refused tells the supervisor nothing, which is gone with it", async () => {
  rig.runbook("lacking", { secrets: ["NOBODY_KNOWS_IT"], steps: [ledgerStep("first")] });
  const { code, document } = await rig.json(["run", "lacking", "-t", "here"]);
  expect(code).toBe(exitCodes.refused);
  for (const file of ["supervisor.json", "supervisor.log"])
    expect(existsSync(join(rig.runDir(document.run), file)), file).toBe(false);
});

test.each([
  ["commands", [ledgerStep("first")], true],
  ["questions", [{ id: "check", title: "Check", uses: "eval", verify: ["target.name == 'here'"] }], false],
])("a run of %s has a supervisor only if it has commands", async (name, steps, isSupervised) => {
  rig.runbook(name, { steps });
  const { run } = (await rig.json(["run", name, "-t", "here"])).document;
  expect(rig.journal(run).at(-1)).toMatchObject({ type: "run.sealed" });
  for (const file of ["supervisor.json", "supervisor.log", "exits.ndjson"])
    expect(existsSync(join(rig.runDir(run), file)), file).toBe(isSupervised);
});
