/** Promises about one run that no crash may break: intent before effect, the sealed copy, private files, adoption. */
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { lastExecutor } from "../../src/host/claim.ts";
import { livingSupervisors } from "../../src/host/supervisor/supervisor-file.ts";
import { CliRig, packageDir } from "../rig/cli-rig.ts";
import { ledgerStep } from "../rig/ledger-step.ts";
import { endProcessesOf } from "../rig/processes.ts";

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig({ fixture: "ledger" });
  rig.runbook("one", { steps: [ledgerStep("one")] });
  rig.runbook("held", { steps: [ledgerStep("held", { gate: "held" }), ledgerStep("after")] });
  const talk = { uses: "script", effects: "read", with: { script: "seq 1 1500000" } };
  rig.runbook("talks", { steps: [{ id: "talk", title: "Talk", ...talk }] });
  rig.runbook("asks", {
    steps: [
      { id: "agree", title: "Agree", uses: "approval", with: { prompt: "Go on?" } },
      ledgerStep("change"),
      { id: "again", title: "Agree again", uses: "approval", with: { prompt: "Go on?" } },
    ],
  });
});
beforeEach(async () => {
  await endProcessesOf(rig.dir); // a test that failed may have left its run, and with it the lock
  rig.clearLedger();
});
afterAll(() => rig.end());

const here = ["-t", "here", "--no-input", "-o", "json"];

test.each([1, 2, 3])("no command starts before its intent is durable: write %i of an intent fails", async (nth) => {
  const env = { RUNBOOK_TESTING: "1", RUNBOOK_FAILPOINT: `intent.before_write:${nth}=eio` };
  const started = rig.start(["run", "one", ...here], { env });
  const { code } = await started.ended;
  const intents = rig.journal(await started.run()).filter(({ type }) => type === "command.started");
  expect(rig.ledger().length).toBeLessThanOrEqual(intents.length);
  if (intents.length === 0) expect(code).toBe(9);
});

test("what was approved runs, not what stands in the working tree by then", async () => {
  const waiting = await rig.json(["run", "asks", ...here]);
  const { run } = waiting.document;
  const file = join(rig.project, "runbooks/asks.yaml");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace("'change' >>", "'something else' >>"));
  try {
    expect((await rig.run(["approve", run, "--step", "agree", "--no-input"])).code).toBe(0);
    expect((await rig.run(["wait", run])).code).toBe(5);
  } finally {
    writeFileSync(file, text);
  }
  expect(rig.ledger()).toEqual(["change"]);
  expect((await rig.run(["approve", run, "--step", "again", "--no-input"])).code).toBe(0);
  expect((await rig.run(["wait", run])).code).toBe(0);
});

test.each(["000", "0777"])("umask %s: everything is 0700 and 0600, while a run works and after it", async (umask) => {
  rmSync(rig.stateDir, { recursive: true, force: true });
  const gate = rig.gate("held");
  const viewer = rig.start(["run", "held", ...here], { umask });
  await viewer.waitForLedger("held");
  const run = await viewer.run();
  const modes = () =>
    ["", ...readdirSync(rig.stateDir, { recursive: true, encoding: "utf8" })].flatMap((name) => {
      const entry = lstatSync(join(rig.stateDir, name));
      const mode = (entry.mode & 0o777).toString(8);
      return mode === (entry.isDirectory() ? "700" : "600") ? [] : [`${mode} ${name}`];
    });
  const programs = [lastExecutor(rig.runDir(run)), ...livingSupervisors(rig.runDir(run))];
  const limits = programs.map(
    (program) => /^Max core file size\s+(\d+)/m.exec(readFileSync(`/proc/${program?.pid}/limits`, "utf8"))?.[1],
  );
  expect(limits).toEqual(["0", "0"]);
  expect(modes()).toEqual([]);
  gate.open();
  expect((await viewer.ended).code).toBe(0);
  expect(modes()).toEqual([]);
});

test("evidence with an output that is longer than what is kept of it is intact", async () => {
  const { code, document } = await rig.json(["run", "talks", ...here]);
  expect(code).toBe(0);
  expect(await rig.problems(document.run)).toEqual([]);
  expect(rig.journal(document.run)).toContainEqual(
    expect.objectContaining({
      type: "command.finished",
      output: expect.objectContaining({
        stdout: expect.objectContaining({ droppedBytes: expect.any(Number), whole: expect.anything() }),
      }),
    }),
  );
});

test("a resume with another TMPDIR adopts the step that still runs, and keeps the lock until then", async () => {
  const gate = rig.gate("held");
  const viewer = rig.start(["run", "held", ...here]);
  await rig.waitForLedger("held");
  const run = await viewer.run();
  await viewer.kill9Executor();
  await viewer.ended;
  // Its step still changes the target: nobody else may, and who has it is named.
  const other = await rig.json(["run", "one", ...here]);
  expect(other.code).toBe(4);
  expect(rig.record(other.document.run).finished?.summary).toContain(`locked by ${run} at held`);
  expect(rig.ledger()).toEqual(["held"]);
  // The supervisor dies as well: what the command left in the runtime directory is all there is.
  await rig.killSupervisors(run);
  mkdirSync(join(rig.dir, "elsewhere"));
  const resumed = rig.start(["resume", run, "--no-input", "-o", "json"], {
    env: { TMPDIR: join(rig.dir, "elsewhere") },
  });
  await rig.waitForRecord(run, "a second executor", (entry) => entry.type === "executor.started" && entry.resumed);
  gate.open();
  const { code, stdout } = await resumed.ended;
  expect([code, stdout]).toEqual([0, expect.stringContaining('"succeeded"')]);
  expect(rig.ledger()).toEqual(["held", "held done", "after"]);
  expect(rig.journal(run)).toContainEqual(
    expect.objectContaining({ type: "command.finished", step: "held", adopted: true, exitCode: 0 }),
  );
});

test("an abort of a run without executor adopts the step that still runs", async () => {
  const gate = rig.gate("held");
  const viewer = rig.start(["run", "held", ...here]);
  await rig.waitForLedger("held");
  const run = await viewer.run();
  await viewer.kill9Executor();
  await viewer.ended;
  const abort = rig.start(["abort", run, "--reason", "a test", "--no-input", "-o", "json"]);
  await rig.waitForRecord(run, "the abort", (entry) => entry.type === "abort.requested");
  gate.open();
  expect((await abort.ended).code).toBe(0);
  await rig.waitForRecord(run, "the verdict", (entry) => entry.type === "run.finished");
  expect(rig.record(run).result).toBe("aborted");
  expect(rig.record(run).steps.get("held")?.status).toBe("succeeded");
  expect(rig.ledger()).toEqual(["held", "held done"]);
});

test("a run whose directory is removed starts nothing more, and its viewer says so: 9", async () => {
  const gate = rig.gate("held");
  const started = rig.start(["run", "held", ...here]);
  await started.waitForLedger("held");
  rmSync(rig.runDir(await started.run()), { recursive: true });
  gate.open();
  const { code, stdout } = await started.ended;
  expect([code, JSON.parse(stdout).message]).toEqual([9, expect.stringContaining("lost its journal")]);
  expect(rig.ledger()).toEqual(["held", "held done"]);
});

test("SIGXFSZ does not end an executor, although a library that it uses re-raises what nobody else hears", async () => {
  const gate = rig.gate("held");
  const signalExit = createRequire(join(packageDir, "package.json")).resolve("signal-exit");
  rig.write("listen.cjs", `require(${JSON.stringify(signalExit)}).onExit(() => {});`);
  const env = { NODE_OPTIONS: `--require=${JSON.stringify(join(rig.project, "listen.cjs"))}` };
  const started = rig.start(["run", "held", ...here], { env });
  await started.waitForLedger("held");
  process.kill(lastExecutor(rig.runDir(await started.run()))?.pid ?? 0, "SIGXFSZ");
  gate.open();
  expect((await started.ended).code).toBe(0);
});

test("a state directory that others may write is refused by run and by resume, with the command to type", async () => {
  const waiting = await rig.json(["run", "asks", ...here]);
  for (const [directory, words] of [
    [rig.stateDir, ["run", "one", "-t", "here"]],
    [join(rig.stateDir, "runs"), ["resume", waiting.document.run]],
    [join(rig.stateDir, "runs"), ["approve", waiting.document.run, "--step", "agree"]],
  ] as const) {
    chmodSync(directory, 0o770);
    const { code, document } = await rig.json<{ message: string }>(words);
    chmodSync(directory, 0o700);
    expect([code, document.message]).toEqual([4, expect.stringContaining(`chmod go-w ${directory}`)]);
  }
  expect(rig.ledger()).toEqual([]);
});
