/** Percentiles kept in a file, and how far a later measurement is from them. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { baseline } from "../../src/steps/baseline.ts";
import { failureOf, rigHost, runStep } from "../rig/step-host.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "baseline test'"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const host = (effects: "read" | "write", now = "2026-11-20T18:00:00Z") =>
  rigHost({ environment: { PATH: process.env["PATH"] ?? "" }, workDir: dir, effects, now });
const sample = (p50Ms: number, p95Ms = p50Ms * 2, p99Ms = p50Ms * 3) => ({
  requests: 40,
  errors: 0,
  p50Ms,
  p95Ms,
  p99Ms,
  maxMs: p99Ms,
});
const spec = (of: object, more: object = {}) => ({ file: "kept/local.json", name: "/healthz", sample: of, ...more });
const keep = (of: object, more: object = {}) => runStep(baseline, spec(of, more), host("write"));
const compare = (of: object, more: object = {}) => runStep(baseline, spec(of, more), host("read"));
const kept = () => JSON.parse(readFileSync(join(dir, "kept/local.json"), "utf8")) as { entries: object };

test("the first one is kept and says that there was nothing to compare with", async () => {
  const first = await keep(sample(100));
  expect(first).toEqual({ existed: false, within: false, changes: [], storedAt: null, storedRun: null, saved: true });
  expect(kept()).toEqual({
    format: "runbook.baseline/1.0",
    entries: {
      "/healthz": { p50Ms: 100, p95Ms: 200, p99Ms: 300, measuredAt: "2026-11-20T18:00:00.000Z", run: "rb-7f3k2m" },
    },
  });
  expect(readdirSync(join(dir, "kept"))).toEqual(["local.json"]);
});

test("comparing alone writes nothing, and without a kept one it is not within", async () => {
  expect(await compare(sample(100))).toMatchObject({ existed: false, within: false, saved: false });
  expect(existsSync(join(dir, "kept"))).toBe(false);
  const required = await failureOf(baseline, spec(sample(100), { required: true }), host("read"));
  expect(required).toMatchObject({ class: "failed", reason: "baseline-missing" });
  expect(required.message).toContain('"/healthz"');
});

describe("the tolerance", () => {
  test.each([
    [119, true],
    [120, true],
    [121, false],
    [80, true],
    [79, false],
  ])("100 ms before, %i ms now: within 20 %% is %s", async (p50Ms, within) => {
    await keep(sample(100));
    const result = await compare(sample(p50Ms));
    expect(result).toMatchObject({ existed: true, within, storedRun: "rb-7f3k2m", saved: false });
    expect(result.changes[0]).toEqual({
      measure: "p50Ms",
      storedMs: 100,
      measuredMs: p50Ms,
      changePercent: p50Ms - 100,
      within,
    });
  });

  test("one percentile that is off is enough", async () => {
    await keep(sample(100, 200, 300));
    const { within, changes } = await compare(sample(100, 200, 400));
    expect(within).toBe(false);
    expect(changes.map((each) => each.within)).toEqual([true, true, false]);
  });

  test("a difference below the floor is none, and both can be set", async () => {
    await keep(sample(1, 2, 3));
    expect(await compare(sample(4, 6, 8))).toMatchObject({ within: true });
    expect(await compare(sample(4, 6, 8), { floorMs: 0 })).toMatchObject({ within: false });
    expect(await compare(sample(4, 6, 8), { floorMs: 0, tolerance: 300 })).toMatchObject({ within: true });
  });

  test("nothing before and something now is a difference", async () => {
    await keep(sample(0));
    expect((await compare(sample(50), { floorMs: 0 })).changes[0]).toMatchObject({ changePercent: 100, within: false });
  });
});

test("keeping a new one tells what changed and leaves the other names alone", async () => {
  await keep(sample(100));
  await keep(sample(7), { name: "/" });
  expect(await keep(sample(200))).toMatchObject({ existed: true, within: false, saved: true });
  expect(kept().entries).toMatchObject({ "/": { p50Ms: 7 }, "/healthz": { p50Ms: 200 } });
});

describe("is neither compared nor kept:", () => {
  test("a sample with errors", async () => {
    const failure = await failureOf(baseline, spec({ ...sample(100), errors: 1 }), host("write"));
    expect(failure).toMatchObject({ class: "failed", reason: "sample-with-errors" });
    expect(existsSync(join(dir, "kept"))).toBe(false);
  });

  test.each([[{}], [{ p50Ms: 1, p95Ms: "2", p99Ms: 3 }], [{ p50Ms: 1, p95Ms: Number.NaN, p99Ms: 3 }]])(
    "%j",
    async (of) => {
      expect(await failureOf(baseline, spec(of), host("write"))).toMatchObject({ reason: "sample-invalid" });
    },
  );

  test.each([
    ["{ cut off", "it is no JSON"],
    ["[]", "it is not runbook.baseline/1.0"],
    ['{"format":"runbook.baseline/2.0","entries":{}}', "it is not runbook.baseline/1.0"],
    ['{"format":"runbook.baseline/1.0","entries":{"/healthz":{"p50Ms":"1"}}}', "no percentiles"],
  ])("anything over a damaged file: %s", async (text, why) => {
    mkdirSync(join(dir, "kept"));
    writeFileSync(join(dir, "kept/local.json"), text);
    const failure = await failureOf(baseline, spec(sample(100)), host("write"));
    expect(failure).toMatchObject({ class: "failed", reason: "baseline-damaged" });
    expect(failure.message).toContain(why);
    expect(readFileSync(join(dir, "kept/local.json"), "utf8")).toBe(text);
  });

  test("a place that cannot be written, and the old file stays", async () => {
    mkdirSync(join(dir, "kept"));
    writeFileSync(join(dir, "blocked"), "");
    const failure = await failureOf(baseline, spec(sample(100), { file: "blocked/local.json" }), host("write"));
    expect(failure).toMatchObject({ reason: "exit-code" });
    expect(failure.message).toContain("blocked/local.json");
  });
});
