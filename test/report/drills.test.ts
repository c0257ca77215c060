import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { appendDrill, readDrills } from "../../src/cli/project/drills-file.ts";
import trendVerb from "../../src/cli/verbs/trend.ts";
import {
  type DrillEntry,
  drillLine,
  drillSignature,
  drillStates,
  drillsFile,
  parseDrills,
} from "../../src/report/drills.ts";
import { newKeyPair, parsePrivateKey } from "../../src/report/keys.ts";
import { trendOf } from "../../src/report/trend.ts";
import { trendMarkdown, trendSvg, trendTitle } from "../../src/report/trend-text.ts";
import { fakeCommand } from "../rig/fake-command.ts";
import { JournalBuilder } from "../rig/journal-builder.ts";
import { removeDirectory, temporaryDirectory } from "../rig/run-directory.ts";
import { stories } from "../rig/run-stories.ts";

const dayMs = 86_400_000;
let dir: string;
beforeEach(() => {
  dir = temporaryDirectory();
});
afterEach(() => removeDirectory(dir));

const entry = (more: Partial<DrillEntry>): DrillEntry => ({
  ...(JSON.parse(drillLine(stories.succeeded().fold(), null)) as DrillEntry),
  ...more,
});

describe("the register", () => {
  test("says what a clean checkout needs to know", () => {
    const builder = stories.succeeded();
    expect(JSON.parse(drillLine(builder.fold(), null))).toMatchObject({
      format: "runbook.drill/1.0",
      run: "rb-2q9x4d",
      runbook: "rollback-production",
      version: "1.0.0",
      target: "production",
      result: "succeeded",
      finishedAt: builder.records.find((record) => record.type === "run.finished")?.at,
      objectives: [{ name: "rto", met: true }],
      image: "shop-web:deploy-01HY",
      headHash: `sha256:${builder.headHash}`,
      signature: null,
    });
    expect(() => drillLine(stories.waiting().fold(), null)).toThrow("has no verdict");
  });

  test("lines are signed by the key of the evidence, over everything they say", () => {
    const mine = newKeyPair("evidence");
    const line = drillLine(stories.succeeded().fold(), parsePrivateKey(mine.privatePem));
    const [signed] = parseDrills(line).entries as [DrillEntry];
    expect(drillSignature(signed)).toBe("untrusted");
    expect(drillSignature(signed, [mine.publicLine])).toBe("valid");
    expect(drillSignature(signed, [newKeyPair("x").publicLine])).toBe("untrusted");
    expect(drillSignature({ ...signed, result: "failed" }, [mine.publicLine])).toBe("invalid");
    expect(drillSignature(entry({}))).toBe("absent");
  });

  test("twenty runs that end at once do not interleave, and one that ends twice counts once", async () => {
    const file = join(dir, drillsFile);
    writeFileSync(file, JSON.stringify(entry({ run: "rb-before" }))); // no newline at its end
    const builders = Array.from({ length: 20 }, (_, index) =>
      new JournalBuilder(`rb-${String(index).padStart(6, "0")}`)
        .start([{ path: "a" }])
        .step("a")
        .finish("succeeded", 0)
        .seal(),
    );
    await Promise.all([...builders, ...builders].map((builder) => appendDrill(file, builder.fold(), null)));
    const register = readDrills(dir);
    expect(register.badLines).toEqual([]);
    expect(register.entries).toHaveLength(21);
    expect(readFileSync(file, "utf8").split("\n")).toHaveLength(22);
  });

  test("another process that appends meanwhile does not interleave", async () => {
    const file = join(dir, drillsFile);
    const line = drillLine(stories.succeeded().fold(), null);
    const script = `const fs=require("fs");const fd=fs.openSync(process.argv[1],"a");for(let i=0;i<200;i++)fs.writeSync(fd,process.argv[2]);`;
    const other = spawn(process.execPath, ["-e", script, file, line], { stdio: "ignore" });
    const ended = once(other, "close");
    await Promise.all(
      ["rb-a", "rb-b", "rb-c"].map((id) =>
        appendDrill(file, new JournalBuilder(id).start([]).finish("failed", 1).seal().fold(), null),
      ),
    );
    expect(await ended).toEqual([0, null]);
    const register = readDrills(dir);
    expect(register.badLines).toEqual([]);
    expect(new Set(register.entries.map((item) => item.run))).toEqual(new Set(["rb-a", "rb-b", "rb-c", "rb-2q9x4d"]));
  });

  test("a merge conflict hides nothing but its own lines", () => {
    const text = `<<<<<<< ours\n${JSON.stringify(entry({ run: "rb-a" }))}\n=======\n${JSON.stringify(entry({ run: "rb-b" }))}\n>>>>>>> theirs\n{"format":"runbook.drill/1.0"}\n`;
    const { entries, badLines } = parseDrills(text);
    expect(entries.map((item) => item.run)).toEqual(["rb-a", "rb-b"]);
    expect(badLines).toEqual([1, 3, 5, 6]);
  });
});

describe("a drill", () => {
  const need = { runbook: "restore-drill", everyMs: 90 * dayMs, targets: ["local", "production"] };
  const at = (day: string, more: Partial<DrillEntry> = {}) =>
    entry({ runbook: "restore-drill", target: "production", finishedAt: `${day}T09:00:00.000Z`, ...more });
  const on = (day: string) => Date.parse(`${day}T09:00:00.000Z`);
  const stateAt = (day: string, entries: DrillEntry[]) => drillStates([need], entries, on(day))[0];

  test("is overdue when its last success is older than it allows, to the millisecond", () => {
    const entries = [at("2026-01-01")];
    expect(stateAt("2026-04-01", entries)).toMatchObject({
      overdue: false,
      dueAt: "2026-04-01T09:00:00.000Z",
      daysSince: 90,
    });
    expect(drillStates([need], entries, on("2026-04-01") + 1)[0]?.overdue).toBe(true);
  });

  test("counts successes on a listed target only, whatever came after", () => {
    expect(stateAt("2026-02-01", [])).toMatchObject({
      overdue: true,
      lastSuccessAt: null,
      dueAt: null,
      daysSince: null,
    });
    expect(stateAt("2026-02-01", [at("2026-01-01", { target: "scratch" })])?.overdue).toBe(true);
    expect(stateAt("2026-02-01", [at("2026-01-01", { runbook: "other" })])?.overdue).toBe(true);
    const failed = at("2026-01-20", { run: "rb-late", result: "failed" });
    expect(stateAt("2026-02-01", [failed, at("2026-01-01")])).toMatchObject({
      overdue: false,
      lastRun: "rb-late",
      lastResult: "failed",
      lastSuccessAt: "2026-01-01T09:00:00.000Z",
    });
  });
});

describe("a trend", () => {
  const drill = (id: string, day: string, actualMs: number, more: Partial<DrillEntry> = {}) =>
    entry({
      run: id,
      runbook: "restore-drill",
      finishedAt: `${day}T09:00:00.000Z`,
      objectives: [{ name: "rto", targetMs: 1_800_000, actualMs, met: actualMs <= 1_800_000 }],
      ...more,
    });
  const register = [
    drill("rb-1", "2025-06-12", 1_620_000),
    drill("rb-2", "2025-09-12", 1_860_000, { deviations: 1 }),
    drill("rb-3", "2025-12-12", 1_440_000),
    drill("rb-4", "2026-03-14", 1_080_000),
  ];
  const options = { runbook: "restore-drill", records: [], register, nowMs: Date.parse("2026-03-24T09:00:00.000Z") };

  test("tells objectives against targets, as table, Mermaid and SVG", () => {
    const trend = trendOf(options);
    expect(trendTitle(trend)).toBe("restore-drill: last 4 runs, 3 met every target, RTO improving");
    expect(trend).toMatchObject({ format: "runbook.trend/1.0", metAll: 3, daysSinceProven: 10 });
    const text = trendMarkdown(trend);
    expect(text).toContain("    bar [27, 31, 24, 18]\n    line [30, 30, 30, 30]");
    expect(text).toContain("| 2025-09-12 | **missed RTO** | 31m | 30m | 1 | 1.0.0 | rb-2 | register |");
    expect(text).toContain("Last proven 2026-03-14, 10 days ago.");
    const svg = trendSvg(trend);
    expect(svg.match(/<rect [^>]*fill="#b42318"/g)).toHaveLength(1);
    expect(svg).toContain("<title>rb-2: 31m of 30m</title>");
    expect(svg).not.toMatch(/href|script|@import|url\(/);
  });

  test("tells of the runs asked for; when it was last proven counts over all", () => {
    const lastTwo = trendOf({ ...options, filter: { fits: () => true, number: 2 } });
    expect(lastTwo.drills.map((drill) => drill.run)).toEqual(["rb-3", "rb-4"]);
    const late = trendOf({ ...options, filter: { fits: (drill) => drill.run < "rb-3", number: null } });
    expect(late.drills.map((drill) => drill.run)).toEqual(["rb-1", "rb-2"]);
    expect(late).toMatchObject({ lastSuccessAt: trendOf(options).lastSuccessAt, daysSinceProven: 10 });
  });

  test("tells the slowest steps, their drift, and what was ever skipped, from the journals that are here", () => {
    const run = (id: string, backupMs: number, skip: boolean) => {
      const builder = new JournalBuilder(id).start([{ path: "backup" }, { path: "check" }], {
        runbook: "restore-drill",
      });
      builder.step("backup", { ms: backupMs });
      if (skip) builder.append({ type: "step.skipped", step: "check", title: "Check", why: "asked for" });
      else builder.step("check", { ms: 100 });
      return builder.finish("succeeded", 0).seal().fold();
    };
    const trend = trendOf({
      ...options,
      register: [],
      records: [run("rb-aaaaaa", 1000, false), run("rb-bbbbbb", 2000, true), run("rb-cccccc", 4500, false)],
    });
    expect(trend.slowest[0]).toEqual({ step: "backup", runs: 3, meanMs: 2500, lastMs: 4500, driftMs: 3000 });
    expect(trend.skipped).toEqual([{ step: "check", times: 1, runs: 3, lastRun: "rb-bbbbbb" }]);
  });

  test("a run that is here and in the register counts once; nothing at all is said so", () => {
    const record = stories.succeeded().fold();
    const twice = trendOf({ runbook: "rollback-production", records: [record], register: [entry({})], nowMs: 0 });
    expect(twice.drills.map((item) => item.source)).toEqual(["run"]);
    const none = trendOf({ ...options, register: [] });
    expect(trendMarkdown(none)).toContain("No run has finished.");
    expect(trendTitle(none)).toBe(`${none.runbook}: no data, no run has finished`);
    expect(trendSvg(none)).toContain("No objective was measured.");
  });

  test("the verb reads the register of the project", () => {
    writeFileSync(join(dir, drillsFile), `${register.map((item) => JSON.stringify(item)).join("\n")}\n`);
    const json = fakeCommand({ words: ["restore-drill"], output: "json", dir });
    expect(trendVerb(json.command)).toBe(0);
    expect(json.document()).toMatchObject({ runbook: "restore-drill", metAll: 3 });
    const unknown = fakeCommand({ words: ["restore-dril"], dir });
    expect(() => trendVerb(unknown.command)).toThrow('Did you mean "restore-drill"?');
  });
});
