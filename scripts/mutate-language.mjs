// Nightly: random mutations of the shipped runbooks and of the tests' examples. Each must give a runbook or framed
// errors, in under a second and 200 MB, without an exception and with prototypes untouched.
//   node scripts/mutate-language.mjs [--from N] [--count N] [--seed N]
// A failure prints its number; `--from NUMBER --count 1` repeats exactly that one.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { rolldown } from "rolldown";

const slowestMs = 1000;
const largestMiB = 200;

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { values } = parseArgs({
  options: {
    from: { type: "string", default: "0" },
    count: { type: "string", default: "100000" },
    seed: { type: "string", default: "20261120" },
  },
});
const [from, count, seed] = [values.from, values.count, values.seed].map((text) => {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`not a whole number: ${text}`);
  return Number(text);
});

const { loadRunbook, renderText, catalogue, mutate, random } = await modules();
const texts = ["runbooks", "test/fixtures/language/examples/runbooks"].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => ({ file: `runbooks/${name}`, text: readFileSync(join(root, folder, name), "utf8") })),
);
// The first one compiles the schema, which is not what is measured.
loadRunbook({ ...texts[0], catalogue });
const prototypes = [Object.prototype, Array.prototype, Function.prototype, String.prototype];
const shapes = prototypes.map((prototype) => Reflect.ownKeys(prototype).length);

let [valid, refused, slowest] = [0, 0, 0];
for (let number = from; number < from + count; number++) {
  // Each mutation has a seed of its own, so that any one can be repeated alone.
  const next = random(seed + number);
  const chosen = texts[Math.floor(next() * texts.length)];
  const text = mutate(chosen.text, next);
  const problem = problemOf(chosen.file, text);
  if (problem !== null) {
    const kept = join(mkdtempSync(join(root, "node_modules/.cache/mutation-")), "runbook.yaml");
    writeFileSync(kept, text);
    console.error(`mutation ${number}: ${problem}\ntext: ${kept}`);
    console.error(`next: node scripts/mutate-language.mjs --seed ${seed} --from ${number} --count 1`);
    process.exit(1);
  }
  if ((number + 1 - from) % 5000 === 0)
    console.log(`${number + 1 - from} of ${count}; go on later with --from ${number + 1}`);
}
console.log(`${count} mutations: ${valid} valid, ${refused} refused; the slowest took ${Math.ceil(slowest)} ms`);

/** What is wrong with how a text was taken; null when nothing is. */
function problemOf(file, text) {
  const started = process.cpuUsage();
  let loaded;
  let frames;
  try {
    loaded = loadRunbook({ file, text, catalogue });
    frames = renderText(loaded.diagnostics, () => text);
  } catch (error) {
    return `an exception: ${error.stack}`;
  }
  const { user, system } = process.cpuUsage(started);
  // Time of the processor, which a busy machine does not stretch.
  const tookMs = (user + system) / 1000;
  slowest = Math.max(slowest, tookMs);
  if (tookMs > slowestMs) return `it took ${Math.ceil(tookMs)} ms`;
  const usedMiB = process.memoryUsage().heapUsed / 2 ** 20;
  if (usedMiB > largestMiB) return `${Math.ceil(usedMiB)} MiB are in use`;
  if (prototypes.some((prototype, i) => Reflect.ownKeys(prototype).length !== shapes[i]))
    return "a prototype has changed";
  const errors = loaded.diagnostics.filter(({ severity }) => severity === "error");
  if ((loaded.runbook === null) !== errors.length > 0) return "a runbook with errors, or neither";
  if (errors.length > 0 && !frames.startsWith(`${file}:`)) return `no frame: ${frames.slice(0, 200)}`;
  const outside = loaded.diagnostics.find(({ at }) => at.range.end > text.length || at.range.start > at.range.end);
  if (outside !== undefined) return `a range outside the text: ${JSON.stringify(outside)}`;
  if (errors.length > 0) refused++;
  else valid++;
  return null;
}

/** The language and what damages texts, bundled from their source. */
async function modules() {
  mkdirSync(join(root, "node_modules/.cache"), { recursive: true });
  const out = mkdtempSync(join(root, "node_modules/.cache/mutate-"));
  const entry = "mutate-entry";
  const source = [
    `export { loadRunbook } from "${join(root, "src/language/load-runbook.ts")}";`,
    `export { renderText } from "${join(root, "src/language/render.ts")}";`,
    `export { catalogue } from "${join(root, "src/steps/index.ts")}";`,
    `export { mutate, random } from "${join(root, "test/language/mutations.ts")}";`,
  ];
  try {
    const bundle = await rolldown({
      input: entry,
      platform: "node",
      plugins: [
        {
          name: entry,
          resolveId: (id) => (id === entry ? id : null),
          load: (id) => (id === entry ? source.join("\n") : null),
        },
      ],
    });
    await bundle.write({ dir: out, format: "cjs", entryFileNames: "language.cjs" });
    await bundle.close();
    return createRequire(import.meta.url)(join(out, "language.cjs"));
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
