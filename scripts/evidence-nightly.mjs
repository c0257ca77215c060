// Nightly: random damage to run directories, each found by `verify`, the first bad record of a damaged journal named;
// then the second verifier over good and damaged runs. Seeds are fixed, so any number repeats alone.
//   node scripts/evidence-nightly.mjs [--mutations N] [--runs N] [--from N]
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { rolldown } from "rolldown";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { values } = parseArgs({
  options: {
    mutations: { type: "string", default: "10000" },
    runs: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
  },
});
const [mutations, runs, from] = [values.mutations, values.runs, values.from].map((text) => {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`not a whole number: ${text}`);
  return Number(text);
});
const { verifyRun, someRun, writeRun, randomFrom, spoilBytes, readAll, pathsIn, JournalBuilder } = await modules();
const work = mkdtempSync(join(root, "node_modules/.cache/evidence-"));
try {
  await mutate();
  await compare();
  await large();
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** Half of the mutations hit the journal, the others any file of the directory. */
async function mutate() {
  const kept = Array.from({ length: 50 }, (_, index) => {
    const dir = join(work, `run-${index}`);
    mkdirSync(dir);
    writeRun(dir, someRun(index + 1));
    return { dir, files: readAll(dir) };
  });
  let named = 0;
  for (let number = from; number < from + mutations; number++) {
    const random = randomFrom(number);
    const { dir, files } = kept[random(kept.length)];
    const paths = [...files.keys()];
    const path = random(2) === 0 ? "journal.ndjson" : paths[random(paths.length)];
    const original = files.get(path);
    const { what, bytes } = spoilBytes(original, random);
    writeFileSync(join(dir, path), bytes);
    const { ok, problems } = await verifyRun(dir);
    writeFileSync(join(dir, path), original);
    const told = JSON.stringify(problems.slice(0, 3));
    if (ok) fail(number, `${what} of ${path} was not found`);
    const first = path === "journal.ndjson" ? firstBad(original, bytes) : null;
    if (first === null) continue;
    if (!problems.some((problem) => problem.seq === first)) fail(number, `${what}: record ${first} not named: ${told}`);
    named++;
  }
  console.log(
    `${mutations} mutations: all found; ${named} of them damaged a record, and the first one was named each time`,
  );
}

/** Number of the first record that is not what it was; null when whole records are missing at the end. */
function firstBad(original, bytes) {
  const before = original.toString("latin1").split("\n");
  const after = bytes.toString("latin1").split("\n");
  const at = after.findIndex((line, index) => line !== before[index]);
  if (at < 0) return null;
  return at === after.length - 1 && after[at] === "" ? null : at + 1;
}

async function compare() {
  let agreed = 0;
  const batch = 100;
  for (let start = 1; start <= runs; start += batch) {
    const directories = [];
    for (let seed = start; seed < Math.min(start + batch, runs + 1); seed++) {
      const [good, bad] = [join(work, `good-${seed}`), join(work, `bad-${seed}`)];
      mkdirSync(good);
      writeRun(good, someRun(seed));
      cpSync(good, bad, { recursive: true });
      const random = randomFrom(seed + 5000);
      const paths = pathsIn(bad);
      const path = random(2) === 0 ? "journal.ndjson" : paths[random(paths.length)];
      if (random(10) === 0) rmSync(join(bad, path));
      else writeFileSync(join(bad, path), spoilBytes(readAll(bad).get(path), random).bytes);
      directories.push({ seed, dir: good, ok: true }, { seed, dir: bad, ok: false });
    }
    const script = join(root, "test/report/second-verifier.py");
    const second = spawnSync("python3", [script, ...directories.map(({ dir }) => dir)], { encoding: "utf8" });
    if (second.error || second.stderr !== "") fail(start, `second verifier: ${second.error ?? second.stderr}`);
    const answers = second.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    for (const [index, { seed, dir, ok }] of directories.entries()) {
      const first = await verifyRun(dir);
      if (first.ok !== ok || answers[index]?.ok !== ok) {
        fail(seed, `${dir}: first ${first.ok}, second ${answers[index]?.ok}, it is ${ok}`);
      }
      agreed++;
      rmSync(dir, { recursive: true });
    }
  }
  console.log(`second verifier: agrees on ${agreed / 2} good and ${agreed / 2} damaged runs`);
}

async function large() {
  const dir = join(work, "large");
  mkdirSync(dir);
  const builder = new JournalBuilder("rb-222222").start([{ path: "a" }]);
  while (builder.lines.length < 99_998) builder.append({ type: "lock.acquired", key: `k${builder.lines.length}` });
  writeRun(dir, builder.step("a").finish("succeeded", 0).seal());
  const begin = process.cpuUsage();
  const { ok, records, problems } = await verifyRun(dir);
  const { user, system } = process.cpuUsage(begin);
  if (!ok) fail(0, `the large run is not intact: ${JSON.stringify(problems.slice(0, 3))}`);
  console.log(`${records} records: verified in ${Math.round((user + system) / 1000)} ms of processor time`);
}

function fail(number, message) {
  console.error(
    `${number}: ${message}\nnext: node scripts/evidence-nightly.mjs --from ${number} --mutations 1 --runs 0`,
  );
  rmSync(work, { recursive: true, force: true });
  process.exit(1);
}

async function modules() {
  mkdirSync(join(root, "node_modules/.cache"), { recursive: true });
  const out = mkdtempSync(join(root, "node_modules/.cache/evidence-modules-"));
  const entry = "evidence-entry";
  const source = [
    `export { verifyRun } from "${join(root, "src/report/verify.ts")}";`,
    `export { someRun } from "${join(root, "test/rig/random-run.ts")}";`,
    `export { JournalBuilder } from "${join(root, "test/rig/journal-builder.ts")}";`,
    `export { writeRun, randomFrom, spoilBytes, readAll, pathsIn } from "${join(root, "test/rig/run-directory.ts")}";`,
  ];
  try {
    const plugin = {
      name: entry,
      resolveId: (id) => (id === entry ? id : null),
      load: (id) => (id === entry ? source.join("\n") : null),
    };
    const bundle = await rolldown({ input: entry, platform: "node", logLevel: "silent", plugins: [plugin] });
    await bundle.write({ dir: out, format: "cjs", entryFileNames: "evidence.cjs" });
    await bundle.close();
    return createRequire(import.meta.url)(join(out, "evidence.cjs"));
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
