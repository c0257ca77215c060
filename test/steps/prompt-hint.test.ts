/** What programs print when nobody answers them; each text is one that the program printed without a terminal. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { promptHint } from "../../src/steps/prompt-hint.ts";
import { script } from "../../src/steps/script.ts";
import { failureOf, rigHost } from "../rig/step-host.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "runbook-prompts-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test.each([
  ["sudo: a password is required\n", "sudo -n"],
  ["sudo: a terminal is required to read the password; either use the -S option\n", "NOPASSWD"],
  ["fatal: could not read Username for 'https://host.example': terminal prompts disabled\n", "credential helper"],
  ["Host key verification failed.\r\n", "known_hosts"],
  ["me@host.example: Permission denied (publickey,password).\n", "BatchMode=yes"],
  ['psql: error: connection to server at "127.0.0.1", port 5432 failed: fe_sendauth: no password supplied\n', "PGPASS"],
  ["gpg: cannot open '/dev/tty': No such device or address\n", "--batch"],
  ["Do you want to continue? [Y/n] Abort.\n", "apt-get -y"],
  ["Error: Cannot perform an interactive login from a non TTY device\n", "--yes"],
  [
    'Continue? Traceback (most recent call last):\n  File "<string>", line 1\nEOFError: EOF when reading a line\n',
    "--yes",
  ],
  ["Press ^C at any time to quit.\npackage name: (app) ", "--yes"],
  ["New password: ", "stdin"],
  ["Overwrite (y/n)? ", "--yes"],
])("%j", (stderr, advice) => {
  const hint = promptHint({ stdout: "", stderr });
  expect(hint).toContain("nobody answers a step");
  expect(hint).toContain(advice);
});

test.each([
  "",
  "cat: x: Permission denied\n",
  "open /x: permission denied (os error 13)\n",
  "Error: which one? see the manual\n",
  "3 of 4 done (75 %)",
  "usage: tool [-y] FILE\n",
  '{"error":"a list (of words)"}',
])("no question: %j", (text) => {
  expect(promptHint({ stdout: text, stderr: text })).toBe(null);
});

test.each([
  ["git", "printf 'protocol=https\\nhost=host.example\\n\\n' | git credential fill", "credential helper"],
  ["python3", "exec python3 -c 'input(\"Sure? \")'", "--yes"],
])("a real %s is told apart by what it prints", async (_, text, advice) => {
  const environment = {
    PATH: process.env["PATH"] ?? "",
    HOME: dir,
    GIT_TERMINAL_PROMPT: "0",
    GIT_CONFIG_NOSYSTEM: "1",
  };
  const host = rigHost({ environment, workDir: dir, sealedDir: dir });
  const failure = await failureOf(script, { script: text }, host);
  expect(failure).toMatchObject({ reason: "exit-code", message: expect.stringContaining(advice) });
});
