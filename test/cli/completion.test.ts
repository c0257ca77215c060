import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { splitLine } from "../../src/cli/help/completion-scripts.ts";
import { verbs } from "../../src/cli/verbs/table.ts";
import { CliRig } from "../rig/cli-rig.ts";

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig({ shipped: ["rollback-production", "smoke-tests"] });
  rig.write(
    "runbooks/choices.yaml",
    "name: choices\ninputs:\n  mode: { type: string, enum: [fast, slow], description: How }\n  dry: { type: boolean }\ntargets: [staging]\n",
  );
  rig.write("runbooks/broken.yaml", "a: [unclosed\n");
  rig.write("runbooks/na me;x.yaml", "name: x\n");
  mkdirSync(rig.runDir("rb-abc234"), { recursive: true });
  writeFileSync(join(rig.runDir("rb-abc234"), "journal.ndjson"), '{"runbook":"choices","target":"staging"');
});
afterAll(() => rig.end());

async function fish(...words: string[]): Promise<string[]> {
  const ran = await rig.run(["__complete", "fish", ...words]);
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  return ran.stdout.split("\n").slice(0, -1);
}
const values = async (...words: string[]) => (await fish(...words)).map((line) => line.split("\t")[0]);

describe("candidates", () => {
  test("verbs with what they do", async () => {
    expect(await values("")).toEqual(verbs.map((verb) => verb.name));
    expect(await fish("pl")).toEqual(["plan\tShow what would happen; execute nothing"]);
  });

  test.each([
    [["plan", "ro"], ["rollback-production"]],
    [
      ["plan", ""],
      ["broken", "choices", "rollback-production", "smoke-tests"],
    ],
    [["plan", "choices", "-t", ""], ["staging"]],
    [["plan", "rollback-production", "--target", "l"], ["local"]],
    [["plan", "rollback-production", "--target=p"], ["--target=production"]],
    [
      ["plan", "broken", "-t", "l"],
      ["local", "local-kv"],
    ],
    [
      ["plan", "choices", "-i", ""],
      ["mode=", "dry="],
    ],
    [
      ["plan", "choices", "-i", "mode="],
      ["mode=fast", "mode=slow"],
    ],
    [["plan", "choices", "-i", "dry=t"], ["dry=true"]],
    [["plan", "choices", "-i", "constructor="], []],
    [
      ["logs", ""],
      ["last", "rb-abc234"],
    ],
    [["show", "rb"], ["rb-abc234"]],
    [
      ["new", "x", "--template", "r"],
      ["rollback", "restore-drill"],
    ],
    [["validate", "--explain", "shell-in"], ["shell-in-run"]],
    [
      ["validate", "-o", ""],
      ["text", "json", "github", "sarif", "junit"],
    ],
    [["run", "--dry"], ["--dry-run"]],
    [["run", "--dry-run", "--dry"], []],
    [
      ["keys", ""],
      ["new", "list"],
    ],
    [
      ["schema", "plan"],
      ["plan", "plans"],
    ],
    [["help", "exit"], ["exit-codes"]],
    [["list", "--kind", "roll"], ["rollback"]],
    [["nonsense", ""], verbs.map((verb) => verb.name)],
  ])("%j", async (words, expected) => {
    expect(await values(...words)).toEqual(expected);
  });

  test("from a folder below, with -C, and without a project", async () => {
    mkdirSync(join(rig.project, "below"), { recursive: true });
    const below = await rig.run(["__complete", "fish", "plan", "smo"], { cwd: "below" });
    expect(below.stdout).toBe("smoke-tests\n");
    expect(await values("-C", rig.project, "plan", "smo")).toEqual(["smoke-tests"]);
    expect(await values("-C", rig.dir, "plan", "")).toEqual([]);
  });
});

test("a line is split as a shell would", () => {
  expect(splitLine("runbook plan ")).toEqual(["runbook", "plan", ""]);
  expect(splitLine("  runbook  plan 'a b' c\\ d \"e ' f\"")).toEqual(["runbook", "plan", "a b", "c d", "e ' f"]);
  expect(splitLine("runbook plan 'open")).toEqual(["runbook", "plan", "open"]);
  expect(splitLine("")).toEqual([""]);
});

describe("the bash script", () => {
  /** Sources the script in a real bash and asks what a Tab after `line` would offer. */
  function tab(line: string): string[] {
    const bin = join(rig.dir, "bin");
    mkdirSync(bin, { recursive: true });
    const program = process.env["RUNBOOK_TEST_BIN"] ?? join(import.meta.dirname, "../../bin/runbook.cjs");
    try {
      writeFileSync(join(bin, "runbook"), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`, {
        mode: 0o755,
        flag: "wx",
      });
      symlinkSync(join(bin, "runbook"), join(bin, "rbk"));
    } catch {
      // made by an earlier test
    }
    // As readline does it: words end at blanks and at "=" and ":".
    const words = line.split(/(?<=[=:])|(?=[=:])| +/).filter((word, at, all) => word !== "" || at === all.length - 1);
    const script = `
      source <(runbook completion bash)
      compopt() { :; }
      COMP_LINE=$1 COMP_POINT=\${#1}; shift
      COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
      _runbook_complete
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const ended = spawnSync("bash", ["--norc", "-c", script, "bash", line, ...words], {
      cwd: rig.project,
      env: rig.environment({ PATH: `${bin}:${process.env["PATH"]}` }),
      encoding: "utf8",
    });
    expect(ended.stderr).toBe("");
    return ended.stdout.split("\n").filter((item) => item !== "");
  }

  test.each([
    ["runbook pla", ["plan"]],
    ["rbk plan smo", ["smoke-tests"]],
    ["runbook plan choices -i mode=", ["fast", "slow"]],
    ["runbook plan rollback-production --target=st", ["staging"]],
    ["runbook plan rollback-production -t ", ["local", "staging", "production"]],
  ])("%s", (line, expected) => {
    expect(tab(line)).toEqual(expected);
  });
});

test("an unknown shell names the nearest", async () => {
  const ran = await rig.run(["completion", "bsh"]);
  expect(ran).toMatchObject({ code: 2, stdout: "" });
  expect(ran.stderr).toContain("runbook completion bash");
});
