/** When a run may not start: outside its window, or while another one holds its lock. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CliRig } from "../rig/cli-rig.ts";
import { ledgerStep } from "../rig/ledger-step.ts";

const at = (now: string) => ({ env: { RUNBOOK_TESTING: "1", RUNBOOK_NOW: now } });
const saturday = at("2026-03-14T12:00:00Z");
const mondayMorning = at("2026-03-16T09:00:00+01:00");
const mondayEvening = at("2026-03-16T17:00:00+01:00");

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig({ fixture: "ledger" });
  const guard = (name: string, keys: object) => [
    { id: "hours", title: "In office hours", uses: "window", with: { name }, ...keys },
  ];
  const body = { steps: [ledgerStep("change")], always: [ledgerStep("cleanup", { effects: "read" })] };
  rig.runbook("strict", { ...body, guards: guard("office", {}) });
  rig.runbook("lenient", { ...body, guards: guard("office", { override: "reason" }) });
  rig.runbook("soft", { ...body, guards: guard("soft", {}) });
  rig.runbook("held", { concurrency: "one-at-a-time", steps: [ledgerStep("held", { gate: "held" })] });
  const agree = { id: "agree", title: "Agree", uses: "approval", with: { prompt: "Go on?", expires: "24h" } };
  rig.runbook("asks-first", {
    concurrency: "one-at-a-time",
    guards: guard("office", {}),
    steps: [agree, ledgerStep("a")],
  });
  rig.runbook("asks-later", { concurrency: "one-at-a-time", steps: [ledgerStep("a"), agree, ledgerStep("b")] });
  rig.runbook("other", { concurrency: "one-at-a-time", steps: [ledgerStep("other")] });
});
beforeEach(() => rig.clearLedger());
afterAll(() => rig.end());

const start = (name: string, options: object, ...flags: string[]) =>
  rig.json(["run", name, "-t", "here", ...flags], options);

describe("a closed window", () => {
  test("refuses with 4, a report, and nothing done, not even the cleanup", async () => {
    const { code, document } = await start("strict", saturday);
    expect(code).toBe(4);
    expect(document).toMatchObject({ result: "refused", exitName: "refused" });
    expect(document.steps).toContainEqual(
      expect.objectContaining({ path: "hours", phase: "guards", status: "failed" }),
    );
    expect(rig.ledger()).toEqual([]);
    expect(rig.file(document.run, "report.md").split("\n")[0]).toContain("REFUSED");
    expect(await rig.problems(document.run)).toEqual([]);
  });

  test("is half-open: 09:00 is inside, 17:00 is not", async () => {
    expect((await start("strict", mondayMorning)).code).toBe(0);
    expect((await start("strict", mondayEvening)).code).toBe(4);
    expect(rig.ledger()).toEqual(["change", "cleanup"]);
  });

  test("is passed by an override with a reason where its author allowed one, on record", async () => {
    const flags = ["--override", "hours", "--reason", "INC-482 sev1"];
    expect(await start("strict", saturday, ...flags)).toMatchObject({ code: 4 });
    expect(await start("lenient", saturday, "--override", "hours")).toMatchObject({ code: 2 });
    expect(await start("lenient", saturday, "--yes")).toMatchObject({ code: 4 });
    expect(rig.ledger()).toEqual([]);
    const { code, document } = await start("lenient", saturday, ...flags);
    expect(code).toBe(0);
    expect(document.deviations).toMatchObject([{ kind: "override", step: "hours", reason: "INC-482 sev1" }]);
    expect(rig.file(document.run, "report.md")).toContain("INC-482 sev1");
    expect(rig.ledger()).toEqual(["change", "cleanup"]);
  });

  test("that only warns lets the run go on, on record", async () => {
    const { code, document } = await start("soft", saturday);
    expect(code).toBe(0);
    expect(document.deviations).toMatchObject([{ kind: "window", step: "hours" }]);
  });
});

describe("one lock", () => {
  test("the second run is refused with 4 naming the holder, and may run when the first has ended", async () => {
    const gate = rig.gate("held");
    const first = rig.start(["run", "held", "-t", "here", "--no-input", "-o", "json"]);
    await first.waitForLedger("held");
    const holder = await first.run();
    const { code, document, stderr } = await start("other", {});
    expect(code).toBe(4);
    expect(document.result).toBe("refused");
    expect(stderr).toContain(`one-at-a-time is locked by ${holder} at held`);
    expect(stderr).toContain(`runbook abort ${holder}`);
    expect(rig.file(document.run, "report.md")).toContain(`locked by ${holder}`);
    expect(rig.ledger()).toEqual(["held"]);
    gate.open();
    expect((await first.ended).code).toBe(0);
    expect((await start("other", {})).code).toBe(0);
    expect(rig.ledger()).toEqual(["held", "held done", "other"]);
  });

  test("a lock whose holder was killed with all its processes is taken over at once", async () => {
    rig.gate("held");
    const first = rig.start(["run", "held", "-t", "here", "--no-input", "-o", "json"]);
    await first.waitForLedger("held");
    await rig.killSupervisors(await first.run());
    await first.kill9Executor();
    await first.ended;
    expect((await start("other", {})).code).toBe(0);
    expect(rig.ledger()).toEqual(["held", "other"]);
  });

  const locks = (run: string) =>
    rig.journal(run).flatMap(({ type }) => (type === "lock.acquired" || type === "lock.released" ? [type] : []));

  test("is free while a run waits before its first write; the guards run again when it goes on, on record", async () => {
    const { run } = (await start("asks-first", mondayMorning)).document;
    expect(locks(run)).toEqual(["lock.acquired", "lock.released"]);
    expect((await start("other", {})).code).toBe(0);
    // The window has closed meanwhile: what was approved does not start.
    await rig.run(["approve", run, "--step", "agree", "--no-input"], mondayEvening);
    const refused = await rig.json(["resume", run], mondayEvening);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain("hours: ");
    expect(rig.ledger()).toEqual(["other"]);
    const gate = rig.gate("held");
    const holder = rig.start(["run", "held", "-t", "here", "--no-input", "-o", "json"]);
    await holder.waitForLedger("held");
    const busy = await rig.json(["resume", run], mondayMorning);
    expect(busy.code).toBe(4);
    expect(busy.stderr).toContain(`one-at-a-time is locked by ${await holder.run()} at held`);
    gate.open();
    expect((await holder.ended).code).toBe(0);
    const { code, document } = await rig.json(["resume", run], mondayMorning);
    expect(code).toBe(0);
    expect(rig.ledger()).toEqual(["other", "held", "held done", "a"]);
    expect(document.steps.find(({ path }) => path === "hours")?.attempts).toBeGreaterThan(2);
    expect(locks(run).slice(-2)).toEqual(["lock.acquired", "lock.released"]);
    expect(await rig.problems(run)).toEqual([]);
  });

  test("is kept while a run waits after its first write", async () => {
    const { run } = (await start("asks-later", {})).document;
    expect(rig.ledger()).toEqual(["a"]);
    expect(locks(run)).toEqual(["lock.acquired"]);
    const other = await start("other", {});
    expect(other.code).toBe(4);
    expect(other.stderr).toContain(`one-at-a-time is locked by ${run} at agree`);
    expect((await rig.run(["approve", run, "--step", "agree", "--no-input"])).code).toBe(0);
    expect((await rig.run(["wait", run])).code).toBe(0);
    expect((await start("other", {})).code).toBe(0);
    expect(rig.ledger()).toEqual(["a", "b", "other"]);
    expect(locks(run)).toEqual(["lock.acquired", "lock.released"]);
  });

  test("two executors never advance one run", async () => {
    const gate = rig.gate("held");
    const first = rig.start(["run", "held", "-t", "here", "--no-input", "-o", "json"]);
    await first.waitForLedger("held");
    const resumed = await rig.json(["resume", await first.run()]);
    expect(resumed).toMatchObject({ code: 4, document: { exitName: "refused" } });
    gate.open();
    expect((await first.ended).code).toBe(0);
    expect(rig.ledger()).toEqual(["held", "held done"]);
  });
});
