/** Secrets in files: found is fatal, not looked at is a failure, and neither is shown. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { secretScan } from "../../src/steps/secret-scan.ts";
import { failureOf, rigHost, runStep } from "../rig/step-host.ts";

// Put together here so that a scan of this project finds nothing.
const webhook = ["https://hooks.slack.com", "services", "T01234567", "B01234567", "abcdefghijklmnopqrstuvwx"].join("/");
const privateKey = `-----BEGIN ${"RSA PRIVATE"} KEY-----\n${"MIIEowIBAAKCAQEA".repeat(12)}\n-----END ${"RSA PRIVATE"} KEY-----\n`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "scan-"));
  execFileSync("git", ["init", "-q"], { cwd: dir });
  put("README.md", "# Shop\n");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function put(path: string, content: string | Buffer): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), content);
}

/** A host over the folder, with everything tracked. */
function host() {
  execFileSync("git", ["add", "-A"], { cwd: dir });
  return rigHost({ workDir: dir, environment: { PATH: process.env["PATH"] ?? "" } });
}

test("a clean tree says how much was looked at", async () => {
  put("src/ü b.ts", "export const a = 1;\n");
  put("logo.png", Buffer.from([0x89, 0x50, 0, 0, 1]));
  put("big.txt", "x".repeat(2_000_000));
  symlinkSync("README.md", join(dir, "link"));
  expect(await runStep(secretScan, {}, host())).toEqual({
    files: 2,
    bytes: 27,
    binary: 1,
    large: ["big.txt"],
    findings: [],
    rotation: [],
  });
});

test("a finding is fatal, names the place and what to do, and never the secret", async () => {
  put("docs/notes.md", `one\ntwo\nhook: ${webhook}\n`);
  put("keys/server.pem", privateKey);
  const failure = await failureOf(secretScan, {}, host());
  expect(failure).toMatchObject({ class: "fatal", reason: "secrets-found" });
  expect(failure.facts["findings"]).toEqual([
    { file: "docs/notes.md", line: 3, rule: "slack", kind: "IncomingWebhook" },
    { file: "keys/server.pem", line: 1, rule: "privatekey", kind: "PrivateKey" },
  ]);
  expect((failure.result as { rotation: string[] }).rotation).toHaveLength(2);
  const told = JSON.stringify([failure.message, failure.facts, failure.result]);
  for (const text of [webhook, "abcdefghijklmnopqrstuvwx", "MIIEowIBAAKCAQEA", "****"])
    expect(told).not.toContain(text);
});

test("looks at tracked files only unless told otherwise, and by glob", async () => {
  put("docs/notes.md", webhook);
  put("test/fixtures/notes.md", webhook);
  const tracked = host();
  put("untracked.txt", webhook);
  const places = async (spec: object) =>
    ((await failureOf(secretScan, spec, tracked)).facts["findings"] as { file: string }[]).map((each) => each.file);
  expect(await places({})).toEqual(["docs/notes.md", "test/fixtures/notes.md"]);
  expect(await places({ exclude: ["test/**"] })).toEqual(["docs/notes.md"]);
  expect(await places({ files: "all", exclude: ["**/*.md"] })).toEqual(["untracked.txt"]);
  expect(await runStep(secretScan, { paths: ["*.md"] }, tracked)).toMatchObject({ files: 1 });
});

test("a scan of nothing, outside a repository, or of files it may not read is broken, not clean", async () => {
  const at = host();
  expect(await failureOf(secretScan, { paths: ["none/**"] }, at)).toMatchObject({
    class: "failed",
    reason: "nothing-scanned",
  });
  const outside = rigHost({ workDir: "/", environment: { PATH: process.env["PATH"] ?? "" } });
  expect(await failureOf(secretScan, {}, outside)).toMatchObject({ class: "failed", reason: "exit-code" });
  // A name that is too long cannot be opened, by root neither.
  const replies = { "git ls-files": { stdout: `README.md\0${"x".repeat(300)}\0` } };
  expect(await failureOf(secretScan, {}, rigHost({ workDir: dir, replies }))).toMatchObject({
    class: "failed",
    reason: "scan-incomplete",
    message: expect.stringContaining("ENAMETOOLONG"),
  });
});

test("a file that is tracked and gone is no secret", async () => {
  const replies = { "git ls-files": { stdout: "README.md\0gone.md\0" } };
  expect(await runStep(secretScan, {}, rigHost({ workDir: dir, replies }))).toMatchObject({ files: 1 });
});

test("stops when its time is over", async () => {
  const over = new AbortController();
  over.abort();
  const replies = { "git ls-files": { stdout: "README.md\0" } };
  const late = rigHost({ workDir: dir, replies, signal: over.signal });
  expect(await failureOf(secretScan, {}, late)).toMatchObject({ class: "timeout" });
});
