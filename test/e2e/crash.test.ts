/** The executor dies, at any point: what was recorded is never run again, and nothing acknowledged is lost. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { failpoints } from "../../src/host/failpoints.ts";
import { CliRig } from "../rig/cli-rig.ts";
import { ledgerStep } from "../rig/ledger-step.ts";
import { endProcessesOf } from "../rig/processes.ts";

const run = ["run", "crash", "-t", "here", "--no-input", "-o", "json"];
const isThere = (word: string) => ({
  uses: "script",
  with: { script: `grep -cx ${word} "$LEDGER" || true` },
  that: "result.json == 1",
});

// A lock of its own for every run: what one test leaves open must not stop the next.
const concurrency = "crash/${{ run.id }}";

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig({ fixture: "ledger" });
  rig.runbook("crash", {
    concurrency,
    steps: [
      ledgerStep("look", { effects: "read" }),
      ledgerStep("once"),
      ledgerStep("again", {}, { idempotent: true }),
      ledgerStep("checked", {}, { irreversible: "A line.", check: isThere("checked") }),
    ],
    always: [ledgerStep("last", { effects: "read" })],
  });
  rig.runbook("fails", { concurrency, steps: [ledgerStep("fails", { exit: 3 })] });
  rig.runbook("held", {
    concurrency,
    steps: [ledgerStep("first"), ledgerStep("held", { gate: "held" }), ledgerStep("after")],
  });
});
beforeEach(() => rig.clearLedger());
afterAll(() => rig.end());

const count = (word: string) => rig.ledger().filter((line) => line === word).length;

/** Resumes until the run ends; what nobody can know is decided by what the ledger says. */
async function resumeToTheEnd(id: string): Promise<number | null> {
  let flags: string[] = [];
  for (;;) {
    const { code, document, stderr } = await rig.json(["resume", id, ...flags]);
    if (code !== 5) return code;
    const open = [...rig.record(id).steps.values()].find((step) => step.status === "indeterminate");
    if (open === undefined) throw new Error(`waits for nothing known: ${JSON.stringify(document)} ${stderr}`);
    expect(document).toMatchObject(
      "waitingFor" in document && document.waitingFor !== null
        ? { waitingFor: [{ step: open.path, kind: "indeterminate" }] }
        : { exitName: "waiting" },
    );
    flags = count(open.path) > 0 ? ["--accept", open.path, "--reason", "the ledger has it"] : ["--retry", open.path];
  }
}

describe("killed at every named point, then resumed", () => {
  // The n-th time a point is passed, chosen so that the kills spread over the whole run.
  const nth: Record<string, readonly number[]> = {
    "intent.before_write": [2],
    "intent.torn": [3],
    "intent.before_sync": [4],
    "intent.after_sync": [1, 5],
    "spawn.after_fork": [2, 4],
    "spawn.pid_recorded": [3],
    "step.running": [2, 4],
    "result.before_write": [4],
    "result.torn": [5],
    "result.before_sync": [6],
    "result.after_sync": [2, 5],
  };
  const cases = Object.keys(failpoints)
    .filter((name) => name !== "approval.before_sync") // approvals.test.ts
    .flatMap((name) => (nth[name] ?? [1]).map((n) => `${name}:${n}=${name.endsWith(".torn") ? "torn:30" : "kill"}`));

  test.each(cases)("%s", async (failpoint) => {
    const started = rig.start(run, { env: { RUNBOOK_TESTING: "1", RUNBOOK_FAILPOINT: failpoint } });
    const ran = await started.ended;
    const id = await started.run();
    const before = rig.journal(id);
    // The report's points come after the verdict, which then stands.
    expect(ran.code).toBe(failpoint.startsWith("report.") ? 0 : 1);
    const recorded = before.flatMap((entry) => (entry.type === "step.finished" ? [entry.step] : []));
    const ledger = rig.ledger();

    if (failpoint.startsWith("report.")) {
      expect(JSON.parse(ran.stdout)).toMatchObject({ result: "succeeded", report: null });
      expect(ran.stderr).toContain(`runbook report ${id}`);
    } else {
      expect(JSON.parse(ran.stdout)).toMatchObject({ result: "interrupted" });
    }
    expect(await resumeToTheEnd(id)).toBe(0);
    for (const step of recorded)
      expect([step, count(step)]).toEqual([step, ledger.filter((line) => line === step).length]);
    expect({ once: count("once"), checked: count("checked") }).toEqual({ once: 1, checked: 1 });
    expect(count("look")).toBeGreaterThanOrEqual(1);
    expect(count("again")).toBeGreaterThanOrEqual(1);
    expect(rig.record(id).result).toBe("succeeded");
    const torn = failpoint.includes("torn");
    expect(existsSync(join(rig.runDir(id), "journal.broken-1"))).toBe(torn);
    expect(rig.journal(id).some((entry) => entry.type === "recovery.truncated")).toBe(torn);
    expect(await rig.problems(id)).toEqual([]);
    expect(rig.processes()).toEqual([]);
  });
});

test.each(["report.before_rename", "report.before_dirsync"])(
  "a failed run killed at %s gets its evidence by `report`, and stays failed",
  async (point) => {
    const started = rig.start(["run", "fails", "-t", "here", "--no-input", "-o", "json"], {
      env: { RUNBOOK_TESTING: "1", RUNBOOK_FAILPOINT: `${point}=kill` },
    });
    const ran = await started.ended;
    const id = await started.run();
    expect([ran.code, rig.record(id).result]).toEqual([1, "failed"]);
    expect(ran.stderr).toContain(`the evidence of ${id} is not complete`);
    expect(await rig.problems(id)).not.toEqual([]);
    const journal = rig.file(id, "journal.ndjson");
    const report = await rig.run(["report", id]);
    expect(report.code).toBe(0);
    expect(report.stderr).toContain("it is now");
    expect(report.stdout).toBe(rig.file(id, "report.md"));
    expect(await rig.problems(id)).toEqual([]);
    expect(rig.file(id, "journal.ndjson").startsWith(journal)).toBe(true);
    expect(rig.ledger()).toEqual(["fails"]);
    expect((await rig.run(["report", id])).stderr).toBe("");
  },
);

test("a run cut off between its verdict and its seal gets both by `report`", async () => {
  const { run: id } = (await rig.json(["run", "fails", "-t", "here"])).document;
  const file = join(rig.runDir(id), "journal.ndjson");
  const whole = readFileSync(file, "utf8");
  const unsealed = whole.slice(0, whole.lastIndexOf("\n", whole.length - 2) + 1);
  writeFileSync(file, unsealed);
  expect(rig.record(id)).toMatchObject({ result: "failed", sealed: null });
  expect((await rig.run(["report", id])).stderr).toContain("it is now");
  expect(rig.record(id).sealed).not.toBeNull();
  expect(rig.file(id, "journal.ndjson").startsWith(unsealed)).toBe(true);
  expect(await rig.problems(id)).toEqual([]);
});

describe("killed while a step runs", () => {
  async function heldRun() {
    const gate = rig.gate("held");
    const viewer = rig.start(["run", "held", "-t", "here", "--no-input", "-o", "json"]);
    await viewer.waitForLedger("held");
    return { gate, viewer, id: await viewer.run() };
  }

  test("the step outlives its executor, and its result is adopted", async () => {
    const { gate, viewer, id } = await heldRun();
    await viewer.kill9Executor();
    expect((await viewer.ended).code).toBe(1);
    expect(await rig.json(["status", id])).toMatchObject({ code: 0, document: { result: "interrupted" } });
    gate.open();
    await rig.waitForLedger("held done");
    const { code, document } = await rig.json(["resume", id]);
    expect(code).toBe(0);
    expect(document).toMatchObject({ result: "succeeded", deviations: [{ kind: "resumed" }] });
    expect(rig.ledger()).toEqual(["first", "held", "held done", "after"]);
    expect(rig.journal(id).find((entry) => entry.type === "command.finished" && entry.step === "held")).toMatchObject({
      adopted: true,
    });
    expect(await rig.problems(id)).toEqual([]);
  });

  test("resumed while the step still runs, it is waited for, not started again", async () => {
    const { gate, viewer, id } = await heldRun();
    await viewer.kill9Executor();
    await viewer.ended;
    const resumed = rig.start(["resume", id, "--no-input", "-o", "json"]);
    await rig.waitForRecord(id, "a second executor", (entry) => entry.type === "executor.started" && entry.resumed);
    gate.open();
    expect((await resumed.ended).code).toBe(0);
    expect(rig.ledger()).toEqual(["first", "held", "held done", "after"]);
  });

  test("a viewer that is killed stops a run without a terminal at the next safe point; resume goes on", async () => {
    const { gate, viewer, id } = await heldRun();
    await viewer.kill9Viewer();
    await rig.waitForRecord(id, "the hang-up", (entry) => entry.type === "signal.received");
    gate.open();
    await rig.waitForRecord(id, "the stop", (entry) => entry.type === "executor.stopped");
    expect(rig.ledger()).toEqual(["first", "held", "held done"]);
    expect(await rig.json(["resume", id])).toMatchObject({ code: 0, document: { result: "succeeded" } });
    expect(rig.ledger()).toEqual(["first", "held", "held done", "after"]);
  });

  test("the supervisor dies too: the write's holder keeps its end for whoever resumes", async () => {
    const { gate, viewer, id } = await heldRun();
    await rig.killSupervisors(id);
    await viewer.kill9Executor();
    await viewer.ended;
    gate.open();
    await rig.waitForLedger("held done");
    const { code, document } = await rig.json(["resume", id]);
    expect(code).toBe(0);
    expect(document.deviations.map(({ kind }) => kind)).toEqual(["resumed", "output-gap"]);
    expect(rig.ledger()).toEqual(["first", "held", "held done", "after"]);
    expect(await rig.problems(id)).toEqual([]);
  });

  test.each(["--accept", "--retry"])(
    "all of its processes die: nobody knows, 5 until a person says %s",
    async (flag) => {
      const { gate, viewer, id } = await heldRun();
      await rig.killSupervisors(id);
      await viewer.kill9Executor();
      await viewer.ended;
      await endProcessesOf(rig.dir);
      const unknown = await rig.json(["resume", id]);
      expect(unknown.code).toBe(5);
      expect(unknown.document).toMatchObject({
        result: "waiting",
        waitingFor: [
          { step: "held", kind: "indeterminate", next: expect.stringContaining(`runbook resume ${id} --accept held`) },
        ],
      });
      expect(await rig.json(["resume", id])).toMatchObject({ code: 5 });
      expect(await rig.json(["resume", id, "--accept", "held"])).toMatchObject({ code: 2 }); // a reason is missing
      expect(rig.ledger()).toEqual(["first", "held"]);
      gate.open();
      const { code, document } = await rig.json(["resume", id, flag, "held", "--reason", "looked at it"]);
      expect(code).toBe(0);
      expect(document.deviations).toContainEqual(
        expect.objectContaining({ kind: flag.slice(2), step: "held", reason: "looked at it" }),
      );
      const expected = flag === "--retry" ? ["held", "held done", "after"] : ["after"];
      expect(rig.ledger()).toEqual(["first", "held", ...expected]);
      expect(rig.file(id, "report.md")).toContain("looked at it");
      expect(await rig.problems(id)).toEqual([]);
    },
  );
});

test("a journal that cannot be made durable: exit 9, no step starts after it, and resume works once it can", async () => {
  const env = { RUNBOOK_TESTING: "1", RUNBOOK_FAILPOINT: "intent.before_sync:2=enospc" };
  const started = rig.start(run, { env });
  const ran = await started.ended;
  const id = await started.run();
  expect(ran.code).toBe(9);
  expect(JSON.parse(ran.stdout)).toMatchObject({ result: "interrupted", exitCode: 9, exitName: "io" });
  const ledger = rig.ledger();
  expect(ledger.length).toBeLessThanOrEqual(1);
  expect(await resumeToTheEnd(id)).toBe(0);
  expect(rig.ledger()).toEqual(["look", "once", "again", "checked", "last"]);
});

test("damage in the middle of the journal is refused with 8, and the record named", async () => {
  const started = rig.start(run, { env: { RUNBOOK_TESTING: "1", RUNBOOK_FAILPOINT: "step.running:3=kill" } });
  await started.ended;
  const id = await started.run();
  const file = join(rig.runDir(id), "journal.ndjson");
  const lines = readFileSync(file, "utf8").split("\n");
  lines[3] = (lines[3] ?? "")
    .replace('"status":"succeeded"', '"status":"failed"')
    .replace('"attempt":1', '"attempt":2');
  writeFileSync(file, lines.join("\n"));
  const ledger = rig.ledger();
  const { code, document } = await rig.json<{ message: string; exitName: string }>(["resume", id]);
  expect(code).toBe(8);
  expect(document).toMatchObject({ exitName: "corrupt", message: expect.stringContaining("record 4 is damaged") });
  expect(rig.ledger()).toEqual(ledger);
  expect(await rig.json(["status", id])).toMatchObject({ code: 8 });
  expect(await rig.json(["verify", id])).toMatchObject({ code: 1, document: { ok: false } });
});

test("an executor that comes after the end of its run adds nothing: 4", async () => {
  const { run: id } = (await rig.json<{ run: string }>(run)).document;
  const journal = rig.file(id, "journal.ndjson");
  const by = { name: "tester", method: "login", login: "tester", keyId: null, groups: [] };
  const drive = { resumed: true, by, decisions: [], overrides: [], rollback: false, abort: null, refusal: null };
  const { stateDir } = rig;
  // As a command asks that looked before the end and is slow.
  const request = { stateDir, run: id, runbook: null, start: null, sensitive: {}, drive, onDisconnect: "continue" };
  const program = join(import.meta.dirname, "../../dist/executor.cjs");
  const { status } = spawnSync(process.execPath, [program], {
    env: rig.environment(),
    input: `${JSON.stringify(request)}\n`,
  });
  expect(status).toBe(4);
  expect(rig.file(id, "executor.log")).toContain(`${id} has ended as succeeded; there is nothing to resume`);
  expect(rig.file(id, "journal.ndjson")).toBe(journal);
  expect(await rig.problems(id)).toEqual([]);
});
