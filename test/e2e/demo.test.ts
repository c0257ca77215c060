/** The demo of the README's first screen: ends with 0 and leaves nothing running. */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { CliRig, finished, packageDir } from "../rig/cli-rig.ts";

const rig = new CliRig();
afterAll(() => rig.end());

test("npm run demo rolls a real app back, says where the report is, and stops what it started", async () => {
  const tmp = join(rig.dir, "demo");
  mkdirSync(tmp);
  const { RUNBOOK_STATE_DIR: _, ...env } = rig.environment({ TMPDIR: tmp });
  const child = spawn(process.execPath, [join(packageDir, "scripts/demo.mjs")], {
    cwd: packageDir,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ran = await finished(child);
  expect(ran).toMatchObject({ code: 0 });
  expect(ran.stdout + ran.stderr).toContain("report.md");
  const folder = readdirSync(tmp).find((name) => name.startsWith("runbook-demo-")) ?? "";
  const [run = ""] = readdirSync(join(tmp, folder, "state/runs"));
  expect(readdirSync(join(tmp, folder, "state/runs", run))).toContain("report.md");
  expect(rig.processes()).toEqual([]);
});
