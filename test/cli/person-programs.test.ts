/** Where a text is paged and what opens a report. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openInBrowser, pagerFor } from "../../src/cli/terminal/person-programs.ts";

const dir = mkdtempSync(join(tmpdir(), "browser "));
afterAll(() => rmSync(dir, { recursive: true }));

const long = "a line\n".repeat(50);
const screen = { isTerminal: true, rows: 24, env: {} };

test.each<[name: string, text: string, of: Partial<Parameters<typeof pagerFor>[1]>, pager: readonly string[] | null]>([
  ["longer than the screen", long, {}, ["less", "-FIRX"]],
  ["short", "a line\n", {}, null],
  ["into a pipe", long, { isTerminal: false }, null],
  ["a dumb terminal", long, { env: { TERM: "dumb" } }, null],
  ["PAGER", long, { env: { PAGER: "more -d" } }, ["more", "-d"]],
  ["RUNBOOK_PAGER wins", long, { env: { PAGER: "more", RUNBOOK_PAGER: "cat" } }, null],
  ["no pager", long, { env: { PAGER: "" } }, null],
])("paging: %s", (_, text, of, pager) => {
  expect(pagerFor(text, { ...screen, ...of })).toEqual(pager);
});

test("a browser gets the file as one word, whatever its name", async () => {
  const program = join(mkdtempSync(join(tmpdir(), "browser-")), "show");
  const seen = join(dir, "seen");
  writeFileSync(program, `#!/bin/sh\nprintf '%s|' "$@" > '${seen}'\n`);
  chmodSync(program, 0o755);
  const env = (words: string) => ({ BROWSER: `${program}${words}` });
  expect(await openInBrowser("/a b/report.html", env(""))).toBeNull();
  expect(readFileSync(seen, "utf8")).toBe("/a b/report.html|");
  expect(await openInBrowser("/a b/report.html", env(" --new=%s -x"))).toBeNull();
  expect(readFileSync(seen, "utf8")).toBe("--new=/a b/report.html|-x|");
  rmSync(join(program, ".."), { recursive: true });
});

test("a browser that is not there or fails is told", async () => {
  expect(await openInBrowser("x", { BROWSER: "no-such-browser" })).toBe('there is no program "no-such-browser"');
  expect(await openInBrowser("x", { BROWSER: "false" })).toBe("false ended with 1");
});
