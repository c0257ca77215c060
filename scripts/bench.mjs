// `npm run bench [-- W2 G1 L3 …]`: measures the workloads of docs/performance.md side by side with their limits, in
// interleaved rounds, and prints ratios; without names all W, while growth (G) and load (L) run when they are named. What counts is a ratio inside one round: absolute times move with the machine.
//
//   --small       a smoke test: small sizes, one round
//   --rounds N    rounds of each workload (default 5)
//   --dir DIR     where to work (default: the system's temporary folder); a RAM disk makes syncs free and ratios unreal
//   --json FILE   also the samples and ratios, as JSON; `-` is standard output, and then the table goes to standard error
//   --list        what there is
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, release, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { median, ratios } from "./bench/statistics.mjs";
import { fileWorkloads } from "./bench/workloads/files.mjs";
import { growthWorkloads } from "./bench/workloads/growth.mjs";
import { journalWorkloads } from "./bench/workloads/journals.mjs";
import { loadWorkloads } from "./bench/workloads/load.mjs";
import { outputWorkloads } from "./bench/workloads/output.mjs";
import { startWorkloads } from "./bench/workloads/start.mjs";
import { stepWorkloads } from "./bench/workloads/steps.mjs";

const measured = [...startWorkloads, ...stepWorkloads, ...journalWorkloads, ...fileWorkloads, ...outputWorkloads];
measured.sort((a, b) => a.id.localeCompare(b.id, "en", { numeric: true }));
const workloads = [...measured, ...growthWorkloads, ...loadWorkloads];
const mebibyte = 1024 * 1024;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    small: { type: "boolean", default: false },
    rounds: { type: "string" },
    dir: { type: "string" },
    json: { type: "string" },
    list: { type: "boolean", default: false },
  },
});
const say = (line = "") => (flags.json === "-" ? process.stderr : process.stdout).write(`${line}\n`);

if (flags.list) {
  for (const { id, title } of workloads) say(`${id.padEnd(5)}${title}`);
} else {
  await main();
}

async function main() {
  const chosen = positionals.length === 0 ? measured : positionals.map(workloadOf);
  const rounds = Number(flags.rounds ?? (flags.small ? 1 : 5));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${flags.rounds}: a number from 1 on`);
  const base = resolve(flags.dir ?? tmpdir());
  mkdirSync(base, { recursive: true });
  const directory = mkdtempSync(join(base, "runbook-bench-"));
  const machine = { node: process.version, platform: `${platform()} ${release()} ${arch()}`, cpus: cpus().length };
  say(
    `Node ${machine.node}, ${machine.platform}, ${machine.cpus} processors, ${rounds} interleaved rounds; × = median`,
  );
  const results = [];
  try {
    for (const workload of chosen) {
      const result = await measure(workload, directory, rounds);
      results.push(result);
      for (const line of tableOf(result)) say(line);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  if (flags.json !== undefined) {
    const text = `${JSON.stringify({ format: "runbook.bench/1.0", machine, rounds, small: flags.small, results }, null, 2)}\n`;
    if (flags.json === "-") process.stdout.write(text);
    else writeFileSync(flags.json, text);
  }
}

function workloadOf(id) {
  const found = workloads.find((each) => each.id.toLowerCase() === id.toLowerCase());
  if (found === undefined) throw new Error(`${id}: there are ${workloads.map((each) => each.id).join(", ")}`);
  return found;
}

/** Every entrant once a round, in turn, so that each meets the same moods of the machine. */
async function measure(workload, base, rounds) {
  const directory = join(base, workload.id);
  mkdirSync(directory);
  const prepared = await workload.prepare({ directory, small: flags.small });
  const entrants = prepared.entrants.filter((each) => !each.missing);
  const samples = new Map(entrants.map((each) => [each.name, []]));
  try {
    for (let round = 0; round < rounds; round++) {
      for (const each of entrants) samples.get(each.name).push(await each.run());
    }
  } finally {
    await prepared.end?.();
  }
  let limit = null;
  const rows = prepared.entrants.map((each) => {
    if (each.missing) return { name: each.name, missing: each.missing };
    if (each.limit) limit = samples.get(each.name);
    return { ...rowOf(each, samples.get(each.name), each.limit ? null : limit), isLimit: each.limit === true };
  });
  const growth = prepared.growth === undefined ? null : growthOf(prepared.growth, samples);
  return { id: workload.id, title: workload.title, unit: prepared.unit ?? "", rows, growth };
}

function rowOf({ name, goal = null, goalBytes = null }, samples, limit) {
  const wallMs = median(samples.map((each) => each.wallMs));
  const cpus = samples.map((each) => each.cpuMs).filter((ms) => ms !== null);
  const peaks = samples.map((each) => each.peakBytes ?? null).filter((bytes) => bytes !== null);
  const wall = limit === null ? null : ratios(samples, limit, (each) => each.wallMs);
  const cpu = limit === null ? null : ratios(samples, limit, (each) => each.cpuMs);
  const peakBytes = peaks.length === 0 ? null : Math.max(...peaks);
  const isFast = goal === null || wall === null ? null : wall.median <= goal;
  const isSmall = goalBytes === null || peakBytes === null ? null : peakBytes <= goalBytes;
  const isMet = isFast === null && isSmall === null ? null : isFast !== false && isSmall !== false;
  return {
    name,
    wallMs,
    cpuMs: cpus.length === 0 ? null : median(cpus),
    wall,
    cpu,
    peakBytes,
    goal,
    goalBytes,
    isMet,
    samples,
  };
}

/** What a unit of the large size costs, in units of the small one. Processor time where there is any: it is steadier. */
function growthOf({ names, few, many, timeGoal, memoryGoal = null }, samples) {
  const [start, small, large] = names.map((name) => samples.get(name));
  const timeOf = (sample) => sample.cpuMs ?? sample.wallMs;
  const time = small.map((sample, round) => {
    const perUnit = (each, units) => (timeOf(each) - timeOf(start[round])) / units;
    return perUnit(large[round], many) / perUnit(sample, few);
  });
  const memory = small.map((sample, round) => large[round].peakBytes / sample.peakBytes);
  const result = { time: median(time), timeGoal, memory: median(memory), memoryGoal };
  return { ...result, isMet: result.time <= timeGoal && (memoryGoal === null || result.memory <= memoryGoal) };
}

function tableOf({ id, title, unit, rows, growth }) {
  const width = Math.max(...rows.map(({ name }) => name.length));
  const lines = ["", `${id}  ${title}${unit === "" ? "" : `: ${unit}`}`];
  for (const row of rows) {
    const name = `  ${row.name.padEnd(width)}`;
    if (row.missing) {
      lines.push(`${name}  ${row.missing}`);
      continue;
    }
    const seconds = `${(row.wallMs / 1_000).toFixed(3)} s`.padStart(10);
    const cpu = row.cpuMs === null ? "" : `cpu ${(row.cpuMs / 1_000).toFixed(2)} s`;
    const peak = row.peakBytes === null ? "" : `peak ${Math.round(row.peakBytes / mebibyte)} MiB`;
    const ratio =
      row.wall === null
        ? row.isLimit
          ? "limit"
          : ""
        : `${row.wall.median.toFixed(2)}× (${row.wall.least.toFixed(2)}–${row.wall.most.toFixed(2)})`;
    const cpuRatio = row.cpu === null ? "" : `cpu ${row.cpu.median.toFixed(2)}×`;
    const goals = [
      row.goal === null ? [] : `${row.goal}×`,
      row.goalBytes === null ? [] : `${row.goalBytes / mebibyte} MiB`,
    ];
    const goal = row.isMet === null ? "" : `goal ${goals.flat().join(", ")}: ${row.isMet ? "reached" : "not reached"}`;
    const cells = [seconds, cpu.padEnd(12), ratio.padEnd(18), cpuRatio.padEnd(10), peak.padEnd(12), goal];
    lines.push(`${name}${cells.join("  ").trimEnd()}`);
  }
  if (growth !== null) {
    const memory = `peak memory ${growth.memory.toFixed(2)}×${growth.memoryGoal === null ? "" : ` (goal ${growth.memoryGoal})`}`;
    const verdict = growth.isMet ? "reached" : "not reached";
    lines.push(
      `  a unit of the large size: ${growth.time.toFixed(2)}× (goal ${growth.timeGoal}), ${memory}: ${verdict}`,
    );
  }
  return lines;
}
