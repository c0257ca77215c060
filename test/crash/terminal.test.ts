/** Keys and vanished viewers: each press is a record, and what the person who watches is told when an executor dies. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { noPty, Pty } from "../cli/terminal/pty.ts";
import { CliRig, program } from "../rig/cli-rig.ts";
import { ledgerStep } from "../rig/ledger-step.ts";
import { endProcessesOf } from "../rig/processes.ts";

let rig: CliRig;
const terminals: Pty[] = [];
beforeAll(() => {
  rig = new CliRig({ fixture: "ledger" });
  const concurrency = "test/${{ run.id }}";
  rig.runbook("held", { concurrency, steps: [ledgerStep("held", { gate: "held" }), ledgerStep("after")] });
  const stubborn = {
    ...ledgerStep("held"),
    // A step that does not hear TERM: the run goes on stopping when its viewer has left.
    with: { script: `trap '' TERM; printf 'held\\n' >> "$LEDGER"; while :; do read -r _ < "$GATES/held"; done` },
  };
  rig.runbook("stubborn", { concurrency, steps: [stubborn, ledgerStep("after")] });
});
beforeEach(() => rig.clearLedger());
afterEach(async () => {
  for (const pty of terminals.splice(0)) await pty.end();
  await endProcessesOf(rig.dir);
});
afterAll(() => rig.end());

function terminal(...words: string[]): Pty {
  const options = { columns: 100, env: rig.environment(), cwd: rig.project };
  const pty = new Pty([process.execPath, program, ...words], options);
  terminals.push(pty);
  return pty;
}

async function underTerminal(name: string): Promise<{ pty: Pty; run: string }> {
  const before = new Set(rig.runs());
  const pty = terminal("run", name, "-t", "here");
  await rig.waitForLedger("held");
  return { pty, run: rig.runs().find((id) => !before.has(id)) ?? "" };
}

const presses = (run: string) =>
  rig.journal(run).flatMap((entry) => (entry.type === "signal.received" ? [`${entry.signal} ${entry.press}`] : []));
const pressed = (press: number) => (entry: { type: string; press?: unknown }) =>
  entry.type === "signal.received" && entry.press === press;

test.skipIf(noPty)("Ctrl-C once: the step is finished, nothing after it is started, 130", async () => {
  const gate = rig.gate("held");
  const { pty, run } = await underTerminal("held");
  pty.type("\u0003");
  await rig.waitForRecord(run, "the press", pressed(1));
  gate.open();
  expect(await pty.ended).toBe(130);
  expect(presses(run)).toEqual(["SIGINT 1"]);
  expect(rig.ledger()).toEqual(["held", "held done"]);
});

test.skipIf(noPty)("Ctrl-C of somebody who is attached stops the run too: both leave with 130", async () => {
  const gate = rig.gate("held");
  const { pty, run } = await underTerminal("held");
  const other = terminal("attach", run);
  await other.see(/Say held/);
  other.type("\u0003");
  await rig.waitForRecord(run, "the press", pressed(1));
  gate.open();
  expect([await other.ended, await pty.ended]).toEqual([130, 130]);
  expect(rig.ledger()).toEqual(["held", "held done"]);
});

test.skipIf(noPty)("twice: the step is ended, 130, and none of its processes is left", async () => {
  rig.gate("held");
  const { pty, run } = await underTerminal("held");
  pty.type("\u0003");
  await rig.waitForRecord(run, "the first press", pressed(1));
  pty.type("\u0003");
  expect(await pty.ended).toBe(130);
  expect(presses(run)).toEqual(["SIGINT 1", "SIGINT 2"]);
  expect(rig.record(run).steps.get("held")?.status).toBe("cancelled");
  expect(rig.ledger()).toEqual(["held"]);
  expect(rig.processes()).toEqual([]);
});

test.skipIf(noPty)(
  "three times: the viewer leaves at once and says how to come back; the run goes on stopping",
  async () => {
    rig.gate("held");
    const { pty, run } = await underTerminal("stubborn");
    for (const press of [1, 2, 3]) {
      pty.type("\u0003");
      if (press < 3) await rig.waitForRecord(run, `press ${press}`, pressed(press));
    }
    expect(await pty.ended).toBe(130);
    expect(pty.output).toContain(`runbook attach ${run}`);
    expect(rig.record(run).steps.get("held")?.status).toBe("running");
    await rig.waitForRecord(run, "the third press", pressed(3));
    // TERM, its grace, KILL: the executor does what it was told, without anybody watching.
    await rig.waitForRecord(run, "the stop", ({ type }) => type === "executor.stopped");
    expect(presses(run)).toEqual(["SIGINT 1", "SIGINT 2", "SIGINT 3"]);
    expect(rig.record(run).steps.get("held")?.status).toBe("cancelled");
    expect(rig.ledger()).toEqual(["held"]);
  },
);

test.skipIf(noPty)(
  "an executor that dies under its viewer: told at once, with where it stood and what to type",
  async () => {
    const gate = rig.gate("held");
    const { pty, run } = await underTerminal("held");
    await rig.killExecutor(run);
    expect(await pty.ended).toBe(1);
    const said = pty.screen().join("\n");
    expect(said).toMatch(new RegExp(`INTERRUPTED {2}${run} {2}exit 1 \\(failed\\): nobody works on it any more`));
    expect(said).toContain("it stopped at held");
    expect(said).toContain(`runbook resume ${run}`);
    gate.open();
    await rig.waitForLedger("held done");
  },
);

test.each([
  ["stop", ["held", "held done"]],
  ["continue", ["held", "held done", "after"]],
] as const)("a viewer without a terminal that vanishes, --on-disconnect %s", async (flag, ledger) => {
  const gate = rig.gate("held");
  const viewer = rig.start(["run", "held", "-t", "here", "--on-disconnect", flag, "--no-input", "-o", "json"]);
  await viewer.waitForLedger("held");
  const run = await viewer.run();
  await viewer.kill9Viewer();
  if (flag === "stop")
    await rig.waitForRecord(
      run,
      "the hang-up",
      (entry) => entry.type === "signal.received" && entry.signal === "SIGHUP",
    );
  gate.open();
  await rig.waitForRecord(run, "the end", ({ type }) => type === "executor.stopped");
  expect(rig.ledger()).toEqual(ledger);
  expect(rig.record(run).result).toBe(flag === "stop" ? "running" : "succeeded");
});
