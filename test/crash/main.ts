/**
 * The crash matrix from the command line (`npm run test:crash`): `--size pr|nightly`, `--only CM-1[,CM-2]`, `--from N`
 * to go on after a stop, `--count N`. Prints a table of the matrices and `N passed, N failed`; a failed case prints what did not hold
 * and the line that repeats it. Fixed seeds: the same call runs the same cases.
 */
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { failpoints } from "../../src/host/failpoints.ts";
import { passedOtherwise } from "./kill-cases.ts";
import type { MatrixCase } from "./matrix-case.ts";
import { casesOf, missingTools, sizes } from "./sizes.ts";
import { Workload } from "./workload.ts";

interface Tally {
  cases: number;
  passed: number;
  /** Kills that were armed and whose point was never come to. */
  notReached: number;
  ms: number;
}

export async function main(words: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      size: { type: "string", default: "nightly" },
      only: { type: "string" },
      from: { type: "string", default: "1" },
      count: { type: "string" },
      workers: { type: "string", default: "2" },
    },
  });
  if (!(values.size in sizes)) throw new Error(`--size ${values.size}: it is one of ${Object.keys(sizes).join(", ")}`);
  const size = values.size as keyof typeof sizes;
  const only = values.only?.split(",") ?? null;
  const cases = casesOf(size).filter(({ matrix }) => only === null || only.includes(matrix));
  const from = Number(values.from);
  const queue = cases
    .map((each, index) => ({ each, number: index + 1 }))
    .slice(from - 1, values.count === undefined ? undefined : from - 1 + Number(values.count))
    .values();
  const reached = new Set<string>();
  const tallies = new Map<string, Tally>();
  const repeat = (number: number) =>
    `npm run test:crash -- --size ${size}${values.only ? ` --only ${values.only}` : ""} --from ${number} --count 1`;
  const worker = async () => {
    const workload = new Workload();
    try {
      await workload.prepare();
      const otherwise = passedOtherwise(workload);
      if (otherwise.length > 0) throw new Error(otherwise.join("\n"));
      for (const { each, number } of queue) {
        if (number % 20 === 0) console.log(`… ${number} of ${cases.length}`);
        await runCase(workload, each, number, tallies, repeat(number));
      }
    } finally {
      for (const point of workload.reached) reached.add(point);
      await workload.rig.end();
    }
  };
  await Promise.all(Array.from({ length: Number(values.workers) }, worker));
  const whole = from === 1 && values.count === undefined;
  const killed = whole && cases.some(({ matrix }) => matrix === "CM-1");
  const missed = killed ? Object.keys(failpoints).filter((point) => !reached.has(point)) : [];
  return conclude(tallies, missed);
}

async function runCase(
  workload: Workload,
  each: MatrixCase,
  number: number,
  tallies: Map<string, Tally>,
  repeat: string,
): Promise<void> {
  const begin = performance.now();
  const found = await each
    .run(workload)
    .catch((error: unknown) => [error instanceof Error ? error.message : String(error)]);
  const tally = tallies.get(each.matrix) ?? { cases: 0, passed: 0, notReached: 0, ms: 0 };
  tallies.set(each.matrix, tally);
  tally.cases++;
  tally.notReached += workload.notReached.length;
  tally.ms += performance.now() - begin;
  if (found.length === 0) {
    tally.passed++;
    return;
  }
  console.log(`FAILED ${each.matrix} ${number}: ${each.name}`);
  for (const line of found) console.log(`  ${line}`);
  console.log(`  again: ${repeat}`);
}

function conclude(tallies: ReadonlyMap<string, Tally>, missedPoints: readonly string[]): number {
  console.log("matrix  cases  passed  failed  not reached  mean");
  let passed = 0;
  let failed = 0;
  for (const [matrix, tally] of [...tallies].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }))) {
    const bad = tally.cases - tally.passed;
    const mean = `${(tally.ms / tally.cases / 1_000).toFixed(2)} s`;
    const row = [matrix.padEnd(6), String(tally.cases).padStart(5), String(tally.passed).padStart(6)];
    console.log([...row, String(bad).padStart(6), String(tally.notReached).padStart(11), mean].join("  "));
    passed += tally.passed;
    failed += bad;
  }
  for (const tool of missingTools()) {
    console.log(`not run: ${tool}`);
    if (process.env["RUNBOOK_TEST_REQUIRE"] === "1") failed++;
  }
  for (const point of missedPoints) console.log(`FAILED no process was killed at ${point}`);
  failed += missedPoints.length;
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}
