/** LOAD: runs of many steps, items and hosts, and a long journal; the ledger says what ran. How long they take is for the benchmark. */
import type { Ran } from "../rig/cli-rig.ts";
import { ledgerStep } from "../rig/ledger-step.ts";
import type { MatrixCase } from "./matrix-case.ts";
import type { Workload } from "./workload.ts";

/** `share` of the whole: 10,000 steps, 1,000 items 64 at a time, 1,000 hosts, a journal of 100,000 records. */
export function loadCases(share: number): MatrixCase[] {
  const of = (whole: number) => Math.max(1, Math.round(whole * share));
  return [
    {
      matrix: "LOAD",
      name: `${of(10_000)} steps one after the other`,
      run: (workload) => sequence(workload, of(10_000)),
    },
    { matrix: "LOAD", name: `${of(1_000)} items, 64 at a time`, run: (workload) => items(workload, of(1_000)) },
    { matrix: "LOAD", name: `${of(1_000)} hosts, 2 % fail`, run: (workload) => hosts(workload, of(1_000)) },
    {
      matrix: "LOAD",
      name: "a run with a long journal is resumed",
      run: (workload) => longJournal(workload, of(25_000)),
    },
  ];
}

/** Ids of the steps of a runbook, and uses of it: as many steps in all, which one file could not hold. */
function nested(count: number): { ids: string[]; uses: object[] } {
  const ids = Array.from({ length: Math.min(count, 500) }, (_, at) => `s${at}`);
  const inputs = { ledger: "${{ inputs.ledger }}", gates: "${{ inputs.gates }}" };
  const use = (_: unknown, at: number) => ({
    id: `part${at}`,
    title: `Part ${at}`,
    uses: "runbook/inner",
    with: inputs,
  });
  return { ids, uses: Array.from({ length: count / ids.length }, use) };
}

async function sequence(workload: Workload, count: number): Promise<string[]> {
  const { rig } = workload;
  workload.restore(0);
  const { ids, uses } = nested(count);
  rig.runbook("inner", { steps: ids.map((id) => ledgerStep(id, { effects: "read" })) });
  rig.runbook("long", { steps: uses });
  const ran = await rig.run(["run", "long", "-t", "here", "--no-input"]);
  const expected = uses.flatMap(() => ids);
  return await judged(workload, ran, 0, rig.ledger().join() === expected.join() ? [] : ["steps ran out of order"]);
}

async function items(workload: Workload, count: number): Promise<string[]> {
  const { rig } = workload;
  workload.restore(0);
  const numbers = Array.from({ length: count }, (_, at) => at);
  const forEach = { in: "${{ inputs.list }}", as: "item", max: 64 };
  const script = 'printf \'%s\\n\' "$ITEM" >> "$LEDGER"';
  const env = { ITEM: "${{ string(item) }}" };
  const all = { id: "all", title: "All", forEach, uses: "script", with: { script }, env, effects: "read" };
  rig.runbook("wide", { inputs: { list: { type: "array", default: numbers } }, steps: [all] });
  const ran = await rig.run(["run", "wide", "-t", "here", "--no-input"]);
  const ledger = rig.ledger().map(Number);
  ledger.sort((a, b) => a - b);
  return await judged(workload, ran, 0, ledger.join() === numbers.join() ? [] : ["not every item ran once"]);
}

/** Every fiftieth is down; a twentieth may fail. */
async function hosts(workload: Workload, count: number): Promise<string[]> {
  const { rig } = workload;
  workload.restore(0);
  // Also a few hosts have one among them that is down.
  const names = Array.from({ length: count }, (_, at) => `host${at + 40}`);
  const forEach = { in: "${{ inputs.list }}", as: "host", max: 64, maxFailures: "5%" };
  const script = 'printf \'%s\\n\' "$HOST" >> "$LEDGER"; case "$HOST" in *49|*99) exit 255;; esac';
  const env = { HOST: "${{ host }}" };
  const all = { id: "all", title: "All", forEach, uses: "script", with: { script }, env, effects: "read" };
  rig.runbook("hosts", { inputs: { list: { type: "array", default: names } }, steps: [all] });
  const ran = await rig.run(["run", "hosts", "-t", "here", "--no-input"]);
  const found = rig.ledger().sort().join() === names.toSorted().join() ? [] : ["not every host was asked once"];
  const down = names.filter((host) => /[49]9$/.test(host));
  const [run = ""] = rig.runs();
  const failed = [...rig.record(run).steps.values()].filter(
    ({ path, status }) => path.includes("[") && status === "failed",
  );
  if (failed.length !== down.length) found.push(`${failed.length} hosts failed, ${down.length} were down`);
  return await judged(workload, ran, 0, found);
}

async function longJournal(workload: Workload, count: number): Promise<string[]> {
  const { rig } = workload;
  workload.restore(0);
  const { ids, uses } = nested(count);
  rig.runbook("inner", { steps: ids.map((id) => ({ id, title: id, run: "true", effects: "read" })) });
  const ask = { id: "ask", title: "Ask", uses: "approval", with: { prompt: "Go on?" } };
  rig.runbook("long", { steps: [...uses, ask, ledgerStep("after")] });
  const ran = await rig.run(["run", "long", "-t", "here", "--no-input"]);
  const [run = ""] = rig.runs();
  if (ran.code !== 5) return await judged(workload, ran, 5, []);
  const found: string[] = [];
  const before = rig.journal(run).length;
  if (before < count * 4) found.push(`only ${before} records`);
  const answered = await rig.run(["approve", run, "--no-input"]);
  if (answered.code !== 0) found.push(`approve ended with ${answered.code}: ${answered.stderr}`);
  const ended = await rig.run(["wait", run]);
  if (rig.ledger().join() !== "after") found.push(`the ledger says ${rig.ledger().join()}`);
  const again = rig.journal(run).slice(before);
  if (again.some((entry) => entry.type === "step.started" && entry.step !== "after")) found.push("a step ran again");
  return await judged(workload, ended, 0, found);
}

async function judged({ rig }: Workload, ran: Ran, code: number, found: string[]): Promise<string[]> {
  const [run] = rig.runs();
  if (run === undefined) return [...found, `it did not begin: ${ran.stderr.slice(-1_000)}`];
  if (ran.code !== code) found.push(`ended with ${ran.code}: ${ran.stderr.slice(-500)}`);
  if (rig.record(run).result !== "succeeded") found.push(`the run is ${rig.record(run).result}`);
  for (const problem of await rig.problems(run)) found.push(`verify: ${JSON.stringify(problem)}`);
  if (rig.processes().length > 0) found.push("processes are left");
  return found;
}
