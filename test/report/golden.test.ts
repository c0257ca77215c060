/**
 * Complete run directories of each release: every later version verifies them, and the version that made them renders
 * them again to the same bytes. They are never edited; a release adds its own (`vitest -u` writes those of an unreleased version anew). The keys are those of `rig/test-keys.ts`.
 */
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JournalRecord } from "../../src/engine/events.ts";
import { foldRun } from "../../src/engine/fold.ts";
import { renderHtml } from "../../src/report/html.ts";
import { formatPublicKey } from "../../src/report/keys.ts";
import { renderMarkdown } from "../../src/report/markdown.ts";
import { verifyRun } from "../../src/report/verify.ts";
import { reportView } from "../../src/report/view.ts";
import { goldenNames, writeGolden } from "../rig/golden-runs.ts";
import { readAll, removeDirectory, temporaryDirectory } from "../rig/run-directory.ts";
import { testKey } from "../rig/test-keys.ts";

const version: string = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")).version;
const golden = join(import.meta.dirname, "../fixtures/golden");
const runs = readdirSync(golden).flatMap((release) =>
  readdirSync(join(golden, release)).map((name) => ({ release, name, dir: join(golden, release, name) })),
);
const key = formatPublicKey(testKey("evidence").key, "evidence");

let copy: string;
beforeEach(() => {
  copy = temporaryDirectory();
});
afterEach(() => removeDirectory(copy));

test.each(goldenNames)("this version writes exactly what is kept of it: %s", async (name) => {
  writeGolden(name, copy);
  for (const [path, bytes] of readAll(copy)) {
    await expect(bytes.toString("utf8")).toMatchFileSnapshot(join(golden, version, name, path));
  }
});

test("there are some of this release", () => {
  expect(runs.filter((run) => run.release === version).map((run) => run.name)).toEqual(["rolled-back", "succeeded"]);
});

describe.each(runs)("$release $name", ({ release, name, dir }) => {
  test("verifies, wherever it lies", async () => {
    cpSync(dir, copy, { recursive: true });
    const signed = name === "succeeded";
    const verified = await verifyRun(copy, { tool: version, ...(signed ? { key } : {}) });
    expect(verified).toMatchObject({ ok: true, problems: [], sealed: true, signature: signed ? "valid" : "absent" });
    expect(verified.addendum?.signatures ?? null).toEqual(
      signed ? { valid: 3, untrusted: 0, absent: 0, invalid: 0 } : null,
    );
  });

  test("is found out when one byte is another", async () => {
    cpSync(dir, copy, { recursive: true });
    const file = join(copy, "journal.ndjson");
    writeFileSync(file, readFileSync(file, "utf8").replace("shop-web", "shop-wex"));
    expect((await verifyRun(copy)).ok).toBe(false);
  });

  test.skipIf(release !== version)("renders again to the same bytes", () => {
    const read = (path: string) => readFileSync(join(dir, path), "utf8");
    const records = read("journal.ndjson")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as JournalRecord);
    const view = reportView(foldRun(records), {
      runbookYaml: read("runbook.yaml"),
      config: JSON.parse(read("config.json")),
    });
    expect(renderMarkdown(view)).toBe(read("report.md"));
    expect(renderHtml(view)).toBe(read("report.html"));
  });
});
