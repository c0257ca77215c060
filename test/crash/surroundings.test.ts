/** What a command finds around it may be broken: full outputs, folders that are gone. It says so, and harms no run. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { CliRig, program } from "../rig/cli-rig.ts";
import { ledgerStep } from "../rig/ledger-step.ts";

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig({ fixture: "ledger" });
  rig.runbook("one", { steps: [ledgerStep("one")] });
});
beforeEach(() => rig.clearLedger());
afterAll(() => rig.end());

const run = ["run", "one", "-t", "here", "--no-input"];
const noFull = existsSync("/dev/full") ? null : "there is no /dev/full";
if (noFull !== null) process.stderr.write(`not run: full outputs: ${noFull}\n`);

/** `script` starts the command by `"$@"`. */
function under(script: string, args: readonly string[], env: Record<string, string> = {}) {
  const cwd = script.includes("rmdir") ? join(rig.dir, "gone") : rig.project;
  mkdirSync(cwd, { recursive: true });
  const words = ["-c", script, "sh", process.execPath, program, ...args];
  const { status, stdout, stderr } = spawnSync("sh", words, { cwd, env: rig.environment(env), encoding: "utf8" });
  return { code: status, said: `${stdout}${stderr}`.replaceAll(/\s+/g, " ") };
}

test.skipIf(noFull !== null).each([
  ["data that cannot be written are no success", '"$@" > /dev/full', ["list"], 9, "standard output: ENOSPC", []],
  ["progress that cannot be written stops no run", '"$@" 2> /dev/full', run, 0, "SUCCEEDED", ["one"]],
  ["neither stops a run", '"$@" > /dev/full 2>&1', run, 9, "", ["one"]],
])("full outputs: %s", (_, script, args, code, said, ledger) => {
  expect(under(script, args)).toMatchObject({ code, said: expect.stringContaining(said) });
  expect(rig.ledger()).toEqual(ledger);
});

test("a working directory that is gone is told by every verb", () => {
  const script = 'rmdir "$PWD"; exec "$@"';
  const said = "the working directory is not there any more next: cd ";
  expect(under(script, ["list"])).toEqual({ code: 2, said });
  expect(under(script, [...run, "-C", rig.project])).toEqual({ code: 2, said });
  expect(rig.ledger()).toEqual([]);
});

test.each(["missing", "runbook.config.yaml"])("without a temporary directory (%s) a run is refused: 4", (name) => {
  const path = join(rig.project, name);
  const { code, said } = under('exec "$@"', run, { TMPDIR: path });
  expect([code, said]).toEqual([4, expect.stringMatching(/cannot be used \(E[A-Z]+\)\. Set TMPDIR to a directory/)]);
  expect(rig.ledger()).toEqual([]);
});
