/** A run that stops: by a failure, a person, a key press. What then goes on, what is undone, and what runs once. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CliRig } from "../rig/cli-rig.ts";
import { ledgerStep } from "../rig/ledger-step.ts";

/** Fails until the file `fixed` is there. */
const failing = (id: string, keys: object) => ({
  ...ledgerStep(id, {}, keys as never),
  with: { script: `printf '%s\\n' '${id}' >> "$LEDGER"; test -e "$GATES/fixed"` },
});
const concurrency = "test/${{ run.id }}";
const always = [ledgerStep("cleanup", { effects: "read" })];
const ask = { id: "agree", title: "Agree", uses: "approval", with: { prompt: "Go on?" } };

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig({ fixture: "ledger" });
  const last = ledgerStep("c");
  rig.runbook("repeatable", {
    concurrency,
    always,
    steps: [ledgerStep("a"), failing("b", { idempotent: true }), last],
  });
  rig.runbook("once", {
    concurrency,
    always,
    steps: [ledgerStep("a"), failing("b", { irreversible: "A line." }), last],
  });
  rig.runbook("asking", {
    concurrency,
    always,
    steps: [ledgerStep("a", {}, { rollback: [ledgerStep("undo_a")] }), ask, last],
  });
  rig.runbook("held", { concurrency, always, steps: [ledgerStep("a", { gate: "a" }), ledgerStep("b")] });
});
beforeEach(() => {
  rig.clearLedger();
  rmSync(join(rig.dir, "gates/fixed"), { force: true });
});
afterAll(() => rig.end());

const start = (name: string) => rig.json(["run", name, "-t", "here"]);
const fix = () => writeFileSync(join(rig.dir, "gates/fixed"), "");

describe("onFailure: stop", () => {
  test("ends with 1; resume goes on from the failed step, and runs nothing before it again", async () => {
    const failed = await start("repeatable");
    expect(failed.code).toBe(1);
    expect(failed.document).toMatchObject({ result: "failed", exitName: "failed" });
    expect(rig.ledger()).toEqual(["a", "b", "cleanup"]);
    const { run } = failed.document;
    expect(await rig.problems(run)).toEqual([]);
    expect((await rig.json(["resume", run])).code).toBe(1); // it is not fixed yet
    fix();
    const { code, document } = await rig.json(["resume", run]);
    expect(code).toBe(0);
    expect(document.result).toBe("succeeded");
    expect(rig.ledger()).toEqual(["a", "b", "cleanup", "b", "cleanup", "b", "c", "cleanup"]);
    expect(rig.journal(run).filter((entry) => entry.type === "verdict.reopened").length).toBe(2);
    expect(await rig.problems(run)).toEqual([]);
    expect(await rig.json(["resume", run])).toMatchObject({ code: 4 });
  });

  test("a failed write without a promise is repeated only when a person says so", async () => {
    const { run } = (await start("once")).document;
    fix();
    expect(await rig.json(["resume", run])).toMatchObject({
      code: 5,
      document: { result: "waiting", waitingFor: [{ step: "b", kind: "indeterminate" }] },
    });
    expect(rig.ledger()).toEqual(["a", "b", "cleanup"]);
    expect((await rig.json(["resume", run, "--retry", "b", "--reason", "fixed it"])).code).toBe(0);
    expect(rig.ledger()).toEqual(["a", "b", "cleanup", "b", "c", "cleanup"]);
  });

  test.each([
    ["--skip", "skipped"],
    ["--accept", "succeeded"],
  ])("%s leaves the step as a person says, with who and why", async (flag, status) => {
    const { run } = (await start("once")).document;
    const { code, document } = await rig.json(["resume", run, flag, "b", "--reason", "did it by hand"]);
    expect(code).toBe(0);
    expect(document.steps.find(({ path }) => path === "b")?.status).toBe(status);
    expect(document.deviations).toContainEqual(
      expect.objectContaining({ kind: flag.slice(2), step: "b", reason: "did it by hand" }),
    );
    expect(rig.ledger()).toEqual(["a", "b", "cleanup", "c", "cleanup"]);
    expect(rig.file(run, "report.md")).toContain("did it by hand");
  });

  test("a decision is refused on what has ended well and on what asks a person, and needs a reason", async () => {
    const { run } = (await start("asking")).document;
    const refusals = await Promise.all([
      rig.json(["resume", run, "--skip", "a", "--reason", "x"]),
      rig.json(["resume", run, "--skip", "agree", "--reason", "x"]),
      rig.json(["resume", run, "--accept", "agree", "--reason", "x"]),
      rig.json(["resume", run, "--skip", "c"]),
      rig.json(["resume", run, "--retry", "nothing"]),
    ]);
    expect(refusals.map(({ code }) => code)).toEqual([4, 4, 4, 2, 2]);
    expect(rig.ledger()).toEqual(["a"]);
  });
});

describe("abort", () => {
  test("of a run that waits: nothing more is run but the cleanup, once", async () => {
    const { run } = (await start("asking")).document;
    expect(rig.ledger()).toEqual(["a"]);
    expect(await rig.json(["abort", run, "--reason", "wrong day"])).toMatchObject({ code: 0 });
    expect(await rig.json(["wait", run])).toMatchObject({ code: 1, document: { result: "aborted" } });
    expect(rig.ledger()).toEqual(["a", "cleanup"]);
    expect(rig.file(run, "report.md")).toContain("wrong day");
    expect(await rig.json(["abort", run])).toMatchObject({ code: 4 });
    expect(await rig.problems(run)).toEqual([]);
  });

  test("--rollback undoes what took effect: 6, verified or told so", async () => {
    const { run } = (await start("asking")).document;
    expect(await rig.json(["abort", run, "--rollback", "--reason", "wrong day"])).toMatchObject({ code: 0 });
    expect(await rig.json(["wait", run])).toMatchObject({ code: 6, document: { result: "rolled_back" } });
    expect(rig.ledger()).toEqual(["a", "undo_a", "cleanup"]);
    expect(rig.file(run, "report.md")).toMatch(/not verified/);
    expect(await rig.problems(run)).toEqual([]);
  });

  test("of a run that is being executed: after its step", async () => {
    const gate = rig.gate("a");
    const viewer = rig.start(["run", "held", "-t", "here", "--no-input", "-o", "json"]);
    await viewer.waitForLedger("a");
    const run = await viewer.run();
    expect(await rig.json(["abort", run, "--reason", "enough"])).toMatchObject({ code: 0 });
    await viewer.waitForRecord("the abort", (entry) => entry.type === "abort.requested");
    gate.open();
    const ran = await viewer.ended;
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.stdout)).toMatchObject({ result: "aborted" });
    expect(rig.ledger()).toEqual(["a", "a done", "cleanup"]);
  });

  test("--now ends the running step too", async () => {
    rig.gate("a");
    const viewer = rig.start(["run", "held", "-t", "here", "--no-input", "-o", "json"]);
    await viewer.waitForLedger("a");
    expect(await rig.json(["abort", await viewer.run(), "--now", "--reason", "stop"])).toMatchObject({ code: 0 });
    const ran = await viewer.ended;
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.stdout)).toMatchObject({ result: "aborted" });
    expect(rig.ledger()).toEqual(["a", "cleanup"]);
    expect(rig.processes()).toEqual([]);
  });
});

describe("a key press", () => {
  async function heldRun() {
    const gate = rig.gate("a");
    const viewer = rig.start(["run", "held", "-t", "here", "--no-input", "-o", "json"]);
    await viewer.waitForLedger("a");
    return { gate, viewer, run: await viewer.run() };
  }
  const pressed = (press: number) => (entry: { type: string; press?: unknown }) =>
    entry.type === "signal.received" && entry.press === press;

  test.each([
    ["SIGINT", 130, "sigint"],
    ["SIGTERM", 143, "sigterm"],
  ] as const)("%s once: stops after the step with %i; resume goes on", async (signal, code, exitName) => {
    const { gate, viewer, run } = await heldRun();
    viewer.signal(signal);
    await viewer.waitForRecord("the press", pressed(1));
    gate.open();
    const ran = await viewer.ended;
    expect(ran.code).toBe(code);
    expect(JSON.parse(ran.stdout)).toMatchObject({ result: "interrupted", exitCode: code, exitName });
    expect(rig.ledger()).toEqual(["a", "a done"]);
    expect((await rig.json(["resume", run])).code).toBe(0);
    expect(rig.ledger()).toEqual(["a", "a done", "b", "cleanup"]);
    expect(await rig.problems(run)).toEqual([]);
  });

  test("twice: the step is ended, the run is resumable", async () => {
    const { viewer, run } = await heldRun();
    viewer.signal("SIGINT");
    await viewer.waitForRecord("the first press", pressed(1));
    viewer.signal("SIGINT");
    await viewer.waitForRecord("the second press", pressed(2));
    expect((await viewer.ended).code).toBe(130);
    expect(rig.record(run).steps.get("a")?.status).toBe("cancelled");
    expect(rig.ledger()).toEqual(["a"]);
    expect(rig.processes()).toEqual([]);
    expect(await rig.json(["status", run])).toMatchObject({ code: 0, document: { result: "interrupted" } });
    const gate = rig.gate("a");
    gate.open();
    // Nobody knows how far a cancelled write came: a person says so.
    const resumed = await rig.json(["resume", run]);
    expect([resumed.code, rig.ledger()]).toEqual([5, ["a"]]);
    expect((await rig.json(["resume", run, "--retry", "a", "--reason", "harmless"])).code).toBe(0);
    expect(rig.ledger()).toEqual(["a", "a", "a done", "b", "cleanup"]);
  });
});
