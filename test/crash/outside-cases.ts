/**
 * CM-8, CM-9 and full disks: faults made from outside by the programs of the machine. libfaketime sets the wall clock of
 * an executor, SIGSTOP makes processes stand still, a small tmpfs or a limit on file sizes lets writes fail half-way.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lastExecutor } from "../../src/host/claim.ts";
import { livingSupervisors } from "../../src/host/supervisor/supervisor-file.ts";
import { verifyRun } from "../../src/report/verify.ts";
import { finished, program, type Ran } from "../rig/cli-rig.ts";
import { ledgerStep } from "../rig/ledger-step.ts";
import { until } from "../rig/until.ts";
import { leaks } from "./leaks.ts";
import { type MatrixCase, pick } from "./matrix-case.ts";
import type { Workload } from "./workload.ts";

const hourMs = 3_600_000;
/** How the clock is set while a step runs, and again while the next one does. */
const jumps = [[-2 * hourMs], [30 * 24 * hourMs], [30 * 24 * hourMs, -30 * 24 * hourMs], [2 * hourMs]] as const;

const library = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"]
  .map((directory) => join(directory, "faketime/libfaketime.so.1"))
  .find(existsSync);

/** Why a kind of fault cannot be made here; null = it can. */
export const noClock = library === undefined ? "libfaketime is not installed (apt-get install faketime)" : null;
export const noTmpfs = mayMount() ? null : "mounting a tmpfs in a user namespace is not permitted (unshare -Urm)";
export const noLimits =
  spawnSync("prlimit", ["--version"]).error === undefined ? null : "prlimit is not installed (util-linux)";

function mayMount(): boolean {
  const script = "mount -t tmpfs -o size=64k none /mnt";
  return spawnSync("unshare", ["-Urm", "sh", "-c", script], { stdio: "ignore" }).status === 0;
}

const flags = ["-t", "here", "--no-input", "-o", "json"];

/** Two held steps between two others. */
function halting(workload: Workload): void {
  workload.restore(0);
  workload.rig.runbook("halting", {
    objectives: { rto: { target: "1h" } },
    steps: [
      ledgerStep("first"),
      ledgerStep("one", { gate: "one" }),
      ledgerStep("two", { gate: "two" }),
      { ...ledgerStep("last"), verify: ["result.exitCode == 0"] },
    ],
  });
}
const everything = "first,one,one done,two,two done,last";

export function clockCases(count: number): MatrixCase[] {
  return Array.from({ length: count }, (_, seed) => {
    const jump = pick<readonly number[]>(jumps, seed);
    return {
      matrix: "CM-8",
      name: `the clock is set by ${jump.map((ms) => `${ms / hourMs} h`).join(", then ")}, seed ${seed}`,
      run: (workload) => setClock(workload, jump),
    };
  });
}

async function setClock(workload: Workload, jump: readonly number[]): Promise<string[]> {
  const { rig } = workload;
  halting(workload);
  const file = join(rig.dir, "faketime");
  let offsetMs = 0;
  const set = (ms: number) => {
    offsetMs += ms;
    writeFileSync(file, `${offsetMs < 0 ? "-" : "+"}${Math.abs(offsetMs) / 1_000}`);
  };
  set(0);
  const gates = ["one", "two"].map((name) => rig.gate(name));
  const faked = {
    LD_PRELOAD: library ?? "",
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: "1",
    // Of the clocks a process can ask, people set only the one on the wall.
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
  const started = rig.start(["run", "halting", ...flags], { env: workload.env(faked) });
  for (const [index, name] of ["one", "two"].entries()) {
    await started.waitForLedger(name);
    set(jump[index] ?? 0);
    gates[index]?.open();
  }
  const { code, stderr } = await started.ended;
  const run = await started.run();
  const record = rig.record(run);
  const found: string[] = [];
  if (code !== 0) found.push(`ended with ${code}: ${stderr}`);
  if (rig.ledger().join() !== everything) found.push(`the ledger says ${rig.ledger().join()}`);
  const seen = record.clockAnomalies.map(({ wallMs, bootMs }) => Math.round((wallMs - bootMs) / hourMs));
  if (seen.join() !== jump.map((ms) => ms / hourMs).join()) found.push(`jumps of ${seen.join()} hours were recorded`);
  for (const step of record.steps.values())
    if ((step.durationMs ?? 0) < 0 || (step.durationMs ?? 0) > hourMs / 2)
      found.push(`${step.path} took ${step.durationMs} ms`);
  // From its start to its end: the longer of the two clocks.
  const longer = Math.max(
    0,
    jump.reduce((sum, ms) => sum + ms, 0),
  );
  const { durationMs = -1, objectives = [] } = record.finished ?? {};
  if (durationMs < longer || durationMs > longer + hourMs / 2) found.push(`the run took ${durationMs} ms`);
  if (objectives[0]?.measured !== "start of the run to end of last") found.push(`measured ${objectives[0]?.measured}`);
  if (!rig.file(run, "report.md").includes("wall clock moved")) found.push("the report does not tell");
  for (const problem of await rig.problems(run)) found.push(`verify: ${JSON.stringify(problem)}`);
  return found;
}

const sleepers = ["executor", "supervisor", "child"] as const;

export function pauseCases(count: number): MatrixCase[] {
  return Array.from({ length: count }, (_, seed) => {
    const sleeper = pick(sleepers, seed);
    return {
      matrix: "CM-9",
      name: `the ${sleeper} stands still while a step ends, seed ${seed}`,
      run: (workload) => pause(workload, sleeper),
    };
  });
}

async function pause(workload: Workload, sleeper: (typeof sleepers)[number]): Promise<string[]> {
  const { rig } = workload;
  halting(workload);
  const gates = ["one", "two"].map((name) => rig.gate(name));
  const started = rig.start(["run", "halting", ...flags], { env: workload.env() });
  await started.waitForLedger("one");
  const run = await started.run();
  const children = () => rig.processes().filter(({ command }) => /^(\/usr)?(\/bin\/)?sh -e -c /.test(command));
  const pid = {
    executor: () => lastExecutor(rig.runDir(run))?.pid,
    supervisor: () => livingSupervisors(rig.runDir(run))[0]?.pid,
    child: () => children()[0]?.pid,
  }[sleeper]();
  if (pid === undefined) return [`there is no ${sleeper}`];
  const found: string[] = [];
  process.kill(pid, "SIGSTOP");
  try {
    gates[0]?.open();
    // The step goes on unless it is the one that stands still; nobody else may take the run.
    if (sleeper !== "child") await rig.waitForLedger("one done");
    const resumed = await rig.run(["resume", run, "--no-input", "-o", "json"], { env: workload.env() });
    if (resumed.code !== 4) found.push(`resume ended with ${resumed.code}: ${resumed.stderr}`);
    const status = await rig.json(["status", run], { env: workload.env() });
    if (status.document.result !== "running") found.push(`status says ${status.document.result}`);
    if (rig.ledger().includes("two")) found.push("the next step began before the end of this one was recorded");
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await rig.waitForLedger("two");
  gates[1]?.open();
  const { code, stderr } = await started.ended;
  if (code !== 0) found.push(`ended with ${code}: ${stderr}`);
  if (rig.ledger().join() !== everything) found.push(`the ledger says ${rig.ledger().join()}`);
  const record = rig.record(run);
  if ([...record.steps.values()].some((step) => step.attempts.length !== 1)) found.push("a step was attempted twice");
  if (record.executors.length !== 1) found.push(`${record.executors.length} executors`);
  for (const problem of await rig.problems(run)) found.push(`verify: ${JSON.stringify(problem)}`);
  return found;
}

export function diskCases(count: number): MatrixCase[] {
  return Array.from({ length: count }, (_, seed) => {
    const kib = 96 + 16 * (seed % 12);
    return {
      matrix: "DISK",
      name: `a file system of ${kib} KiB is full, and is made larger, seed ${seed}`,
      run: (workload) => fillDisk(workload, kib),
    };
  });
}

/** The whole life of the run is in one mount namespace; its ledger is outside. */
async function fillDisk(workload: Workload, kib: number): Promise<string[]> {
  const { rig } = workload;
  workload.restore(0);
  const talks = (id: string) => {
    const script = `printf '${id}\\n' >> "$LEDGER"; seq -f 'line %g of a long text to fill the disk' 1 1500; printf '${id} done\\n' >> "$LEDGER"`;
    return { ...ledgerStep(id), with: { script } };
  };
  const ids = ["a", "b", "c", "d", "e", "f"];
  rig.runbook("filling", { steps: ids.map(talks) });
  mkdirSync(rig.stateDir, { recursive: true, mode: 0o700 });
  const script = `
    exec 2>&1
    mount -t tmpfs -o size=${kib}k,mode=700 none "$RUNBOOK_STATE_DIR" || exit 99
    "$0" "$1" run filling ${flags.join(" ")} >/dev/null; first=$?
    wc -l < "$LEDGER" ; echo "first $first"
    mount -o remount,size=32m "$RUNBOOK_STATE_DIR"
    "$0" "$1" resume --no-input >/dev/null; echo "then $?"
    "$0" "$1" status -o json; echo
    cp -r "$RUNBOOK_STATE_DIR"/runs/* "$SAVED"`;
  const saved = join(rig.dir, `saved-${rig.runs().length}-${kib}`);
  mkdirSync(saved, { recursive: true });
  const { stdout } = await inNamespace(workload, script, { LEDGER: rig.ledgerFile, SAVED: saved });
  const first = Number(/^first (\d+)$/m.exec(stdout)?.[1]);
  const then = Number(/^then (\d+)$/m.exec(stdout)?.[1]);
  const found: string[] = [];
  const ledger = rig.ledger();
  if (first !== 9 && first !== 0 && !(first === 4 && ledger.length === 0)) found.push(`ended with ${first}: ${stdout}`);
  if (first === 9 && !/ENOSPC|no space left|only \d+ of \d+ bytes were written/i.test(stdout))
    found.push(`does not say that the disk is full: ${stdout}`);
  for (const id of ids) {
    const times = ledger.filter((line) => line === id).length;
    if (times > 1) found.push(`${id} ran ${times} times`);
  }
  // With space again it goes on to the end; a write of unknown outcome waits for a person instead.
  if (first === 9 && then !== 0 && then !== 5) found.push(`resume ended with ${then}: ${stdout}`);
  if (then === 0 && ledger.join() !== ids.flatMap((id) => [id, `${id} done`]).join())
    found.push(`the ledger says ${ledger.join()}`);
  for (const name of then === 0 ? readdirSync(saved) : [])
    for (const problem of (await verifyRun(join(saved, name))).problems)
      found.push(`verify: ${JSON.stringify(problem)}`);
  found.push(...leaks(saved));
  return found;
}

async function inNamespace(workload: Workload, script: string, more: Record<string, string>): Promise<Ran> {
  const { rig } = workload;
  const child = spawn("unshare", ["-Urm", "sh", "-c", script, process.execPath, program], {
    cwd: rig.project,
    env: { ...rig.environment(workload.env()), ...more },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return await finished(child);
}

/** RLIMIT_FSIZE: the write that crosses it is short, the next one fails with EFBIG. */
export function limitCases(count: number): MatrixCase[] {
  return Array.from({ length: count }, (_, seed) => {
    const bytes = 5_000 + Math.round((33_000 * seed) / count);
    return {
      matrix: "DISK",
      name: `files of the executor end at ${bytes} bytes`,
      run: (workload) => limitFiles(workload, bytes),
    };
  });
}

async function limitFiles(workload: Workload, bytes: number): Promise<string[]> {
  const { rig } = workload;
  workload.restore(0);
  const ids = ["a", "b", "c", "d", "e", "f"];
  rig.runbook("limited", { steps: ids.map((id) => ledgerStep(id)) });
  const argv = [`--fsize=${bytes}`, process.execPath, program, "run", "limited", ...flags];
  const child = spawn("prlimit", argv, {
    cwd: rig.project,
    env: rig.environment(workload.env()),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { code, stdout, stderr } = await finished(child);
  const found: string[] = [];
  const [run] = rig.runs();
  const ledger = rig.ledger();
  if (run === undefined || !workload.journalText(run).includes("\n")) {
    if (ledger.length > 0) found.push(`ran without a journal: ${ledger.join()}`);
    if (code === 0) found.push("ended with 0");
    return found;
  }
  if (code !== 9 && code !== 0) found.push(`ended with ${code}: ${stderr}`);
  if (code === 9 && !/EFBIG|file too large|only \d+ of \d+ bytes were written/i.test(`${stdout}${stderr}`))
    found.push(`does not say why: ${stdout}${stderr}`);
  const intents = rig.journal(run).filter(({ type }) => type === "step.started").length;
  if (ledger.length > intents) found.push(`${ledger.length} steps ran, ${intents} intents are recorded`);
  await until("its processes are gone", () => rig.processes().length === 0);
  if (code === 9) await workload.toTheEnd(run);
  if (rig.ledger().join() !== ids.join()) found.push(`the ledger says ${rig.ledger().join()}`);
  for (const problem of await rig.problems(run)) found.push(`verify: ${JSON.stringify(problem)}`);
  for (const name of readdirSync(rig.runDir(run)))
    if (name.endsWith(".tmp") && readFileSync(join(rig.runDir(run), name)).length > 0) found.push(`${name} was left`);
  return found;
}
