import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { digestsOf, formatSums, parseSums } from "../../src/report/sums.ts";
import { removeDirectory, temporaryDirectory } from "../rig/run-directory.ts";

const dir = temporaryDirectory();
afterAll(() => removeDirectory(dir));

test("lists regular files of the evidence only, sorted by bytes, as sha256sum checks them", () => {
  mkdirSync(join(dir, "logs"));
  mkdirSync(join(dir, "inbox"));
  const names = [
    "logs/z.log",
    "logs/a b.log",
    "Z",
    "a",
    "é",
    "\u{1f600}",
    "\uff5e",
    "back\\slash",
    "new\nline",
    "cr\rhere",
  ];
  for (const name of [...names, "executor.json", "inbox/message", "SHA256SUMS"]) writeFileSync(join(dir, name), name);
  symlinkSync("a", join(dir, "link"));
  const digests = digestsOf(dir);
  expect([...digests.keys()].sort()).toEqual([...names].sort());
  const text = formatSums(digests);
  expect(parseSums(text)).toEqual(
    new Map([...digests].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))),
  );
  writeFileSync(join(dir, "SHA256SUMS"), text);
  const check = spawnSync("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], {
    cwd: dir,
    encoding: "utf8",
  });
  if (check.error) console.log(`sha256sum: not run, ${check.error.message}`);
  else expect({ status: check.status, said: check.stderr + check.stdout }).toEqual({ status: 0, said: "" });
});

test.each([
  ["unsorted", `${"a".repeat(64)}  b\n${"a".repeat(64)}  a\n`],
  ["twice", `${"a".repeat(64)}  b\n${"a".repeat(64)}  b\n`],
  ["without a newline", `${"a".repeat(64)}  b`],
  ["binary mark", `${"a".repeat(64)} *b\n`],
  ["upper case", `${"A".repeat(64)}  b\n`],
  ["an empty line", `${"a".repeat(64)}  b\n\n`],
  ["Windows ends", `${"a".repeat(64)}  b\r\n`],
  ["a needless escape", `\\${"a".repeat(64)}  b\n`],
])("%s is not what is written", (_, text) => {
  expect(parseSums(text)).toBeNull();
});
