/** What is recorded of the repository a run was started from. */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { sourceState } from "../../src/host/environment.ts";

const dir = mkdtempSync(join(tmpdir(), "source-"));
afterAll(() => rmSync(dir, { recursive: true }));

const author = ["-c", "user.name=Test", "-c", "user.email=test@shop.example"];
const git = (...words: string[]) => execFileSync("git", ["-C", dir, ...author, ...words], { encoding: "utf8" }).trim();

test("commit and changes of the project; the register of drills is none", async () => {
  const unknown = { commit: null, dirty: null };
  expect(await sourceState(join(dir, "absent"))).toEqual(unknown);
  expect(await sourceState(dir)).toEqual(unknown);
  git("init", "-q");
  expect(await sourceState(dir)).toEqual(unknown);
  for (const name of ["runbook.yaml", "drills.ndjson"]) writeFileSync(join(dir, name), "one\n");
  git("add", ".");
  git("commit", "-q", "-m", "First");
  const commit = git("rev-parse", "HEAD");
  writeFileSync(join(dir, "new.yaml"), "");
  appendFileSync(join(dir, "drills.ndjson"), "two\n");
  expect(await sourceState(dir)).toEqual({ commit, dirty: false });
  appendFileSync(join(dir, "runbook.yaml"), "two\n");
  expect(await sourceState(dir)).toEqual({ commit, dirty: true });
  // A status that cannot be had does not hide the commit.
  writeFileSync(join(dir, ".git/index"), "broken");
  expect(await sourceState(dir)).toEqual({ commit, dirty: null });
});
