import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { scanForSecrets } from "../../src/host/secret-scan.ts";
import { encodeLine, zeroHash } from "../../src/util/journal-line.ts";

const token = { name: "TOKEN", value: "fo1_9sJkQ2vXz-Lw7TnR_bC5yHd8mPaE3uGi0oKf" };
const password = { name: "PASSWORD", value: "correct horse battery" };

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "runbook-scan-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function put(path: string, content: string | Buffer): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), content);
}
const leaks = async (...secrets: { name: string; value: string }[]) => (await scanForSecrets(dir, secrets)).leaks;

test("names each file and each secret in it, whatever wrote it", async () => {
  put("executor.log", `{"level":60,"msg":"${token.value}"}\n`);
  put("supervisor.log", `defect: ${password.value}\n`);
  put("logs/a.1.log", "*** nothing here\n");
  put("artifacts/dump/x.b64", Buffer.from(`a=${token.value}\nb=${password.value}`).toString("base64"));
  expect(await scanForSecrets(dir, [token, password])).toMatchObject({
    files: 4,
    problem: null,
    leaks: [
      { file: "artifacts/dump/x.b64", secret: "TOKEN" },
      { file: "artifacts/dump/x.b64", secret: "PASSWORD" },
      { file: "executor.log", secret: "TOKEN" },
      { file: "supervisor.log", secret: "PASSWORD" },
    ],
  });
});

test("a file's name counts as its content does", async () => {
  put(`artifacts/a/${token.value}.txt`, "empty\n");
  expect(await leaks(token)).toEqual([{ file: `artifacts/a/${token.value}.txt`, secret: "TOKEN" }]);
});

test("finds a secret at every place around the end of a piece that is read at once", async () => {
  const piece = 1024 * 1024;
  for (const before of [0, 1, 20, token.value.length - 1, token.value.length]) {
    put("big.log", Buffer.alloc(piece - before, 0x2e));
    appendFileSync(join(dir, "big.log"), `${token.value} and more`);
    expect(await leaks(token), `${before} bytes before the end`).toEqual([{ file: "big.log", secret: "TOKEN" }]);
  }
});

test("a record's hash, made after masking, is no find; the same text in the record is", async () => {
  const { line, hash } = encodeLine({ seq: 1, at: "2026-03-14T09:00:00.000Z", run: "rb-7f3k2m", type: "x" }, zeroHash);
  const short = { name: "PIN", value: hash.slice(20, 28) };
  put("journal.ndjson", line);
  expect(await leaks(short)).toEqual([]);
  // Also when the piece that is read ends inside the hash.
  const padding = `{"pad":"${".".repeat(1024 * 1024 - line.length + 20)}"}\n`;
  put("journal.ndjson", padding + line);
  expect(await leaks(short)).toEqual([]);
  put("journal.ndjson", `${JSON.stringify({ note: short.value })}\n${line}`);
  expect(await leaks(short)).toEqual([{ file: "journal.ndjson", secret: "PIN" }]);
});

test("digits in the tool's own files are process ids and times, not a find; in a log they are", async () => {
  const pin = { name: "PIN", value: "908172" };
  put("exits.ndjson", '{"pid":908172}\n');
  put("executor.json", '{"startTime":1908172}');
  expect(await leaks(pin)).toEqual([]);
  put("logs/a.1.log", "code 908172\n");
  expect(await leaks(pin)).toEqual([{ file: "logs/a.1.log", secret: "PIN" }]);
});

test("follows no link, and says when something cannot be read", async () => {
  put("logs/a.1.log", "clean\n");
  symlinkSync("/proc/self/environ", join(dir, "link"));
  expect(await scanForSecrets(dir, [token])).toMatchObject({ files: 1, leaks: [], problem: null });
  const missing = await scanForSecrets(join(dir, "nowhere"), [token]);
  expect(missing.problem).toContain("ENOENT");
});
