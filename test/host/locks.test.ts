/** Concurrency locks within one state directory. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { claimRun, RunIsTaken } from "../../src/host/claim.ts";
import { acquireLock, releaseLock } from "../../src/host/locks.ts";

let state: string;
const now = new Date("2026-03-14T03:12:07.114Z");
const runDir = (run: string) => join(state, "runs", run);

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), "locks-"));
  mkdirSync(join(state, "locks"));
  for (const run of ["rb-aaaaaa", "rb-bbbbbb"]) mkdirSync(runDir(run), { recursive: true });
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

test("a key is held by one run at a time, and free again after its release", async () => {
  const release = await claimRun(runDir("rb-aaaaaa"), "rb-aaaaaa", now);
  expect(await acquireLock(state, "fly/shop", "rb-aaaaaa", now)).toEqual({ kind: "acquired" });
  expect(await acquireLock(state, "fly/shop", "rb-bbbbbb", now)).toMatchObject({ kind: "busy", run: "rb-aaaaaa" });
  expect(await acquireLock(state, "fly/other", "rb-bbbbbb", now)).toEqual({ kind: "acquired" });
  await releaseLock(state, "fly/shop", "rb-aaaaaa");
  expect(await acquireLock(state, "fly/shop", "rb-bbbbbb", now)).toEqual({ kind: "acquired" });
  release();
});

test("a lock whose executor is dead is taken over at once", async () => {
  writeFileSync(
    join(runDir("rb-aaaaaa"), "executor.json"),
    JSON.stringify({ pid: 999_999_999, startTime: 1, bootId: "gone", host: "elsewhere-not" }).replace(
      "elsewhere-not",
      (await import("node:os")).hostname(),
    ),
  );
  expect(await acquireLock(state, "fly/shop", "rb-aaaaaa", now)).toEqual({ kind: "acquired" });
  expect(await acquireLock(state, "fly/shop", "rb-bbbbbb", now)).toEqual({ kind: "acquired" });
});

test("releasing a lock that another run holds does nothing", async () => {
  const release = await claimRun(runDir("rb-aaaaaa"), "rb-aaaaaa", now);
  await acquireLock(state, "fly/shop", "rb-aaaaaa", now);
  await releaseLock(state, "fly/shop", "rb-bbbbbb");
  expect(await acquireLock(state, "fly/shop", "rb-bbbbbb", now)).toMatchObject({ kind: "busy" });
  release();
});

test("of 50 that want a free key at once, one gets it", async () => {
  const runs = Array.from({ length: 50 }, (_, index) => `rb-${String(index).padStart(6, "0")}`);
  const releases = await Promise.all(
    runs.map((run) => {
      mkdirSync(runDir(run));
      return claimRun(runDir(run), run, now);
    }),
  );
  const outcomes = await Promise.all(runs.map((run) => acquireLock(state, "fly/shop", run, now)));
  expect(outcomes.filter((outcome) => outcome.kind === "acquired")).toHaveLength(1);
  for (const release of releases) release();
});

test("a run is advanced by one executor", async () => {
  const release = await claimRun(runDir("rb-aaaaaa"), "rb-aaaaaa", now);
  await expect(claimRun(runDir("rb-aaaaaa"), "rb-aaaaaa", now)).rejects.toThrow(RunIsTaken);
  release();
});
