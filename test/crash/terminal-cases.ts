/** A terminal that is closed: the run goes on, nobody is told otherwise, and `attach` shows it from elsewhere. */
import { readdirSync } from "node:fs";
import { Pty } from "../cli/terminal/pty.ts";
import { program } from "../rig/cli-rig.ts";
import { ledgerStep } from "../rig/ledger-step.ts";
import { until } from "../rig/until.ts";
import type { MatrixCase } from "./matrix-case.ts";
import type { Workload } from "./workload.ts";

export function terminalCases(count: number): MatrixCase[] {
  return Array.from({ length: count }, (_, seed) => ({
    matrix: "TTY",
    name: `terminal ${seed} is closed while a step runs`,
    run: async (workload) => await closeTerminal(workload, seed),
  }));
}

/** Even seeds attach while the step still runs, odd ones when everything is over. */
async function closeTerminal(workload: Workload, seed: number): Promise<string[]> {
  const { rig } = workload;
  workload.restore(0);
  rig.runbook("closed", { steps: [ledgerStep("held", { gate: "held" }), ledgerStep("after")] });
  const gate = rig.gate("held");
  const pty = new Pty([process.execPath, program, "run", "closed", "-t", "here"], {
    columns: 80,
    env: rig.environment(workload.env()),
    cwd: rig.project,
  });
  await rig.waitForLedger("held");
  const [run = ""] = rig.runs();
  // Its master goes: the kernel hangs the terminal up.
  await pty.end();
  const viewers = () => rig.processes().filter(({ command }) => command.includes("run closed"));
  await until("the viewer is gone", () => viewers().length === 0);
  const found: string[] = [];
  if (rig.record(run).finished !== null) found.push("the run ended with its terminal");
  const early = seed % 2 === 0 ? rig.start(["attach", run], { env: workload.env() }) : null;
  gate.open();
  await rig.waitForRecord(run, "the verdict", ({ type }) => type === "run.finished");
  const attached = await (early ?? rig.start(["attach", run], { env: workload.env() })).ended;
  if (attached.code !== 0) found.push(`attach ended with ${attached.code}: ${attached.stderr}`);
  if (!attached.stdout.includes(`SUCCEEDED  ${run}`)) found.push(`attach does not show the end: ${attached.stdout}`);
  await until("its processes are gone", () => rig.processes().length === 0);
  const record = rig.record(run);
  if (record.result !== "succeeded") found.push(`the run ended as ${record.result}`);
  if (record.signals.length > 0) found.push("a signal was recorded");
  if (record.executors.length !== 1) found.push(`${record.executors.length} executors`);
  if (rig.ledger().join() !== "held,held done,after") found.push(`the ledger says ${rig.ledger().join()}`);
  for (const problem of await rig.problems(run)) found.push(`verify: ${JSON.stringify(problem)}`);
  for (const name of readdirSync(rig.project)) if (/^core(\.|$)/.test(name)) found.push(`${name} was dumped`);
  return found;
}
