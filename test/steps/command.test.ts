import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jsonOrNull } from "../../src/steps/command-result.ts";
import { commandText, lastLines } from "../../src/steps/command-text.ts";
import { run } from "../../src/steps/run.ts";
import { script } from "../../src/steps/script.ts";
import { failureOf, rigHost, runStep, schemaErrors } from "../rig/step-host.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "runbook-steps-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const environment = { PATH: process.env["PATH"] ?? "", GREETING: "hello; rm -rf $HOME" };
const real = () => rigHost({ environment, workDir: dir, sealedDir: dir });

describe("run", () => {
  test("gives the words to the program as they are, without a shell", async () => {
    const words = ["a b", "$HOME", "*", "; echo no", "", "ü"];
    const program = "process.stdout.write(JSON.stringify(process.argv.slice(1)))";
    const result = await runStep(run, { argv: [process.execPath, "-e", program, "--", ...words] }, real());
    expect(result).toMatchObject({ exitCode: 0, signal: null, json: words, lines: [JSON.stringify(words)] });
  });

  test.each([
    ["a\nb\n", ["a", "b"]],
    ["a\r\n\r\nb", ["a", "", "b"]],
    ["", []],
    ["\n", [""]],
  ])("lines of %j", async (stdout, lines) => {
    const result = await runStep(run, { argv: ["tool"] }, rigHost({ replies: { tool: { stdout } } }));
    expect(result.lines).toEqual(lines);
  });

  test("fails on any other exit code with the last words, and keeps the result", async () => {
    const host = rigHost({ replies: { pg_dump: { exitCode: 75, stdout: "{}", stderr: "first\n\nlast words\n" } } });
    const failure = await failureOf(run, { argv: ["pg_dump", "--file", "x"] }, host);
    expect(failure).toMatchObject({
      class: "failed",
      reason: "exit-code",
      message: "pg_dump ended with exit code 75: first\nlast words",
      facts: { exitCode: 75, signal: null },
      result: { exitCode: 75, json: {} },
    });
  });

  test("a signal is told apart from an exit code, and numbered as shells do", async () => {
    const failure = await failureOf(run, { argv: ["tool"] }, rigHost({ replies: { tool: { signal: "SIGKILL" } } }));
    expect(failure).toMatchObject({ reason: "signal", result: { exitCode: 137, signal: "SIGKILL" } });
    expect(failure.message).toBe("tool was ended by SIGKILL and printed nothing");
  });

  test("an empty program is refused before anything starts", async () => {
    const host = rigHost();
    await expect(run.run({ argv: [""] }, host)).rejects.toMatchObject({ class: "fatal", reason: "command-empty" });
    expect(host.calls).toEqual([]);
  });
});

describe("script", () => {
  test("stops at the first command that fails, though the last one would pass", async () => {
    const failure = await failureOf(script, { script: "echo one\nfalse\necho two" }, real());
    expect(failure).toMatchObject({ reason: "exit-code", result: { exitCode: 1, stdout: "one\n" } });
  });

  test("gets values by arguments and environment, never as shell text", async () => {
    const evil = "$(touch pwned); `id`";
    const host = real();
    const result = await runStep(script, { script: 'echo "$0|$1|$2|$GREETING"', args: [evil, 3] }, host);
    expect(result.stdout).toBe(`sh|${evil}|3|${environment.GREETING}\n`);
  });

  test("fails when any part of a pipeline does, where the shell can tell", async () => {
    const spec = { script: "false | cat", shell: "bash" };
    expect(await failureOf(script, spec, real())).toMatchObject({ result: { exitCode: 1 } });
  });

  test("runs the sealed copy of a file, with the same options", async () => {
    writeFileSync(join(dir, "check.sh"), 'echo "$1"\nfalse\necho never\n');
    const host = real();
    const failure = await failureOf(script, { file: "check.sh", args: ["first"] }, host);
    expect(failure).toMatchObject({ result: { stdout: "first\n" } });
    expect(failure.message).toBe("check.sh ended with exit code 1: first");
    expect(host.calls[0]?.argv).toEqual(["sh", "-e", join(dir, "check.sh"), "first"]);
    expect(script.fileFields).toEqual(["file"]);
  });

  test.each([
    ["neither text nor file", {}],
    ["both", { script: "true", file: "a.sh" }],
    ["a shell nobody knows", { script: "true", shell: "fish" }],
    ["text too long for one argument", { script: "x".repeat(30_001) }],
  ])("its schema refuses %s", (_name, spec) => {
    expect(schemaErrors(script.input, spec)).not.toEqual([]);
  });

  test("its text may be as long as the schema allows", async () => {
    const text = `: ${"😀".repeat(29_990)}\necho ok`;
    expect([...text]).toHaveLength(30_000);
    expect((await runStep(script, { script: text }, real())).stdout).toBe("ok\n");
  });
});

test.each([
  ['{"a":1}', { a: 1 }],
  [" [1]\n", [1]],
  ["\ufeff{}", {}],
  ["null", null],
  ["<!doctype html><p>200 OK", null],
  ["", null],
  ["{", null],
  ["true story", null],
  ["v42", null],
  ['"text"', "text"],
  ["-1.5", -1.5],
])("JSON of %j", (source, value) => {
  expect(jsonOrNull(source)).toEqual(value);
});

test("commands read as they would be typed", () => {
  expect(commandText(["fly", "deploy", "--image", "a:1@sha256:0"])).toBe("fly deploy --image a:1@sha256:0");
  expect(commandText(["echo", "a b", "it's", "", "$HOME", "a\nb"])).toBe(`echo 'a b' 'it'\\''s' '' '$HOME' 'a\nb'`);
  expect(commandText(["fly", "--image", "‹known after choose›", "‹a b›:1"])).toBe(
    "fly --image ‹known after choose› ‹a b›:1",
  );
  expect(commandText(["echo", "a ‹b›"])).toBe("echo 'a ‹b›'");
});

test("last lines leave out the blank ones", () => {
  expect(lastLines("a\n\nb  \n\nc\n\n", 2)).toBe("b\nc");
});
