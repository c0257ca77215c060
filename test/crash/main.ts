/**
 * The crash matrix from the command line (`npm run test:crash`): `--size pr|nightly`, `--only CM-1[,CM-2]`, `--from N`
 * to go on after a stop. Prints a table of the matrices and `N passed, N failed`; a failed case prints what did not hold
 * and the line that repeats it. Fixed seeds: the same call runs the same cases.
 */
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import type { MatrixCase } from "./matrix-case.ts";
import { casesOf, missingTools, sizes } from "./sizes.ts";
import { Workload } from "./workload.ts";

interface Tally {
  cases: number;
  passed: number;
  ms: number;
}

export async function main(words: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      size: { type: "string", default: "nightly" },
      only: { type: "string" },
      from: { type: "string", default: "1" },
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
    .slice(from - 1)
    .values();
  const tallies = new Map<string, Tally>();
  const repeat = (number: number) =>
    `npm run test:crash -- --size ${size}${values.only ? ` --only ${values.only}` : ""} --from ${number}`;
  const worker = async () => {
    const workload = new Workload();
    try {
      await workload.prepare();
      for (const { each, number } of queue) await runCase(workload, each, number, tallies, repeat(number));
    } finally {
      await workload.rig.end();
    }
  };
  await Promise.all(Array.from({ length: Number(values.workers) }, worker));
  return conclude(tallies);
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
  const tally = tallies.get(each.matrix) ?? { cases: 0, passed: 0, ms: 0 };
  tallies.set(each.matrix, tally);
  tally.cases++;
  tally.ms += performance.now() - begin;
  if (found.length === 0) {
    tally.passed++;
    return;
  }
  console.log(`FAILED ${each.matrix} ${number}: ${each.name}`);
  for (const line of found) console.log(`  ${line}`);
  console.log(`  again: ${repeat}`);
}

function conclude(tallies: ReadonlyMap<string, Tally>): number {
  console.log("matrix  cases  passed  failed  mean");
  let passed = 0;
  let failed = 0;
  for (const [matrix, tally] of [...tallies].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }))) {
    const bad = tally.cases - tally.passed;
    const mean = `${(tally.ms / tally.cases / 1_000).toFixed(2)} s`;
    const row = [matrix.padEnd(6), String(tally.cases).padStart(5), String(tally.passed).padStart(6)];
    console.log([...row, String(bad).padStart(6), mean].join("  "));
    passed += tally.passed;
    failed += bad;
  }
  for (const tool of missingTools()) console.log(`not run: ${tool}`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}
