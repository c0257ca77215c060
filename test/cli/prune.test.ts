/** `prune` over run directories made by hand: what it deletes, what it never does, and what it leaves behind. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { KeepingFacts } from "../../src/engine/events.ts";
import { claimRun } from "../../src/host/claim.ts";
import { CliRig } from "../rig/cli-rig.ts";
import { JournalBuilder } from "../rig/journal-builder.ts";
import { writeRun } from "../rig/run-directory.ts";
import { schemaErrors } from "../rig/schema-check.ts";

/** The builder's clock stands at 2026-03-14. */
const at = (iso: string) => ({ env: { RUNBOOK_TESTING: "1", RUNBOOK_NOW: iso } });
const within = at("2026-06-12T08:59:00Z");
const past = at("2026-06-12T10:00:00Z");
const day = 86_400_000;
const keeping: KeepingFacts = {
  owner: "team",
  description: "d",
  windows: [],
  retentionMs: null,
  drillEveryMs: null,
  layout: null,
  append: null,
  artifactsDir: null,
};

let rig: CliRig;
beforeEach(() => {
  rig = new CliRig({ fixture: "ledger" });
});
afterEach(() => rig.end());

interface Pruned {
  readonly dryRun: boolean;
  readonly runs: readonly { readonly run: string; readonly status: string; readonly why: string | null }[];
}
function place(
  run: string,
  more: Partial<KeepingFacts> = {},
  result: "succeeded" | "failed" = "succeeded",
  laterMs = 0,
) {
  const builder = new JournalBuilder(run)
    .wait(laterMs)
    .start([{ path: "a" }], { runbook: "drill", target: "here", keeping: { ...keeping, ...more } })
    .step("a")
    .finish(result, result === "succeeded" ? 0 : 1)
    .seal();
  mkdirSync(rig.runDir(run), { recursive: true });
  writeRun(rig.runDir(run), builder);
  return builder;
}
async function prune(args: string[], when: object) {
  const { code, document, stderr } = await rig.json<Pruned>(["prune", ...args], when);
  expect(code, stderr).toBe(0);
  expect(schemaErrors("prune", document)).toEqual([]);
  return Object.fromEntries(
    document.runs.map(({ run, status, why }) => [run, why === null ? status : `${status}: ${why}`]),
  );
}

test("says what it would do and does it only when told; what was deleted is kept in a record", async () => {
  const builder = place("rb-222222");
  expect(await prune([], within)).toEqual({ "rb-222222": "kept: within its retention" });
  expect(await prune(["--yes"], within)).toEqual({ "rb-222222": "kept: within its retention" });
  const dry = await rig.run(["prune"], past);
  expect(dry.stdout).toMatch(/would delete\s+rb-222222\s+drill\s+here\s+succeeded\s+kept until 2026-06-12/);
  expect(dry.stderr).toContain("nothing was deleted. next: runbook prune --yes");
  expect(rig.runs()).toEqual(["rb-222222"]);

  expect(await prune(["--yes"], past)).toEqual({ "rb-222222": "pruned" });
  expect(rig.runs()).toEqual([]);
  expect(JSON.parse(readFileSync(join(rig.stateDir, "pruned.ndjson"), "utf8"))).toMatchObject({
    format: "runbook.pruned/1.0",
    at: "2026-06-12T10:00:00.000Z",
    run: "rb-222222",
    runbook: "drill",
    result: "succeeded",
    headHash: `sha256:${builder.headHash}`,
  });
  expect((await rig.run(["prune", "--yes"], past)).stderr).toContain("nothing is past its retention");
});

test("a runbook's own retention wins over the project's, and the project's over 90 days", async () => {
  place("rb-222222", { retentionMs: 365 * day });
  place("rb-333333");
  rig.write("runbook.config.yaml", "apiVersion: runbook/v1\ntargets: { here: {} }\nevidence: { retention: 30d }\n");
  const month = at("2026-04-14T00:00:00Z");
  expect(await prune([], month)).toEqual({ "rb-222222": "kept: within its retention", "rb-333333": "past" });
});

test("never an open run, one that is worked on, one without its evidence, one that cannot be read", async () => {
  const open = new JournalBuilder("rb-222222").start([{ path: "a" }]).begin("a");
  mkdirSync(rig.runDir("rb-222222"), { recursive: true });
  open.write(rig.runDir("rb-222222"));
  place("rb-333333");
  rmSync(join(rig.runDir("rb-333333"), "SHA256SUMS"));
  place("rb-444444");
  writeFileSync(join(rig.runDir("rb-444444"), "journal.ndjson"), "no journal\n");
  place("rb-555555");
  const release = await claimRun(rig.runDir("rb-555555"), "rb-555555", new Date());
  try {
    const busy = "kept: somebody works on it, or its evidence is not complete";
    expect(await prune(["--yes"], at("2036-01-01T00:00:00Z"))).toEqual({
      "rb-222222": "kept: open: it is running",
      "rb-333333": busy,
      "rb-555555": busy,
    });
  } finally {
    release();
  }
  expect(rig.runs()).toHaveLength(4);
});

test("never the newest proof of a drill, whatever failed after it", async () => {
  const drill = { drillEveryMs: 90 * day };
  place("rb-222222", drill);
  place("rb-333333", drill, "succeeded", day);
  place("rb-444444", drill, "failed", 2 * day);
  expect(await prune(["--yes"], at("2036-01-01T00:00:00Z"))).toEqual({
    "rb-222222": "pruned",
    "rb-333333": "kept: the newest proof of a drill",
    "rb-444444": "pruned",
  });
  expect(rig.runs()).toEqual(["rb-333333"]);
});

test("a run on hold stays until it is released", async () => {
  place("rb-222222");
  expect((await rig.run(["annotate", "rb-222222", "--field", "hold=case 17"], past)).code).toBe(0);
  expect(await prune(["--yes"], past)).toEqual({ "rb-222222": "kept: on hold: case 17" });
  await rig.run(["annotate", "rb-222222", "--field", "hold=released by legal"], past);
  expect(await prune(["--yes"], past)).toEqual({ "rb-222222": "pruned" });
});

test("a torn addendum might hold a run, so it stays; what a killed prune left is swept", async () => {
  place("rb-222222");
  writeFileSync(join(rig.runDir("rb-222222"), "addendum.ndjson"), '{"seq":1');
  mkdirSync(join(rig.stateDir, "runs/.pruned-rb-777777/logs"), { recursive: true });
  expect(await prune(["--yes"], past)).toEqual({
    "rb-222222": "kept: its addendum cannot be read, which may hold it",
  });
  expect((await rig.run(["history", "-o", "json"], past)).stdout).not.toContain("777777");
  expect(() => readFileSync(join(rig.stateDir, "runs/.pruned-rb-777777"))).toThrow("ENOENT");
});
