// Writes the files that are made from code: schemas/*.json, docs/cli.md, docs/reference/, man/. `--check` writes nothing and ends with 1
// when one is stale; a test does the same.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const isCheck = process.argv.includes("--check");

// Inside the package, so that its own dependencies are found.
mkdirSync(join(root, "node_modules/.cache"), { recursive: true });
const out = mkdtempSync(join(root, "node_modules/.cache/generate-"));
let files;
try {
  const bundle = await rolldown({
    logLevel: "silent",
    input: join(root, "src/cli/generated-files.ts"),
    platform: "node",
  });
  await bundle.write({ dir: out, format: "cjs", entryFileNames: "generated-files.cjs" });
  await bundle.close();
  files = createRequire(import.meta.url)(join(out, "generated-files.cjs")).generatedFiles();
} finally {
  rmSync(out, { recursive: true, force: true });
}

const stale = [];
for (const [path, text] of Object.entries(files)) {
  const file = join(root, path);
  if (existsSync(file) && readFileSync(file, "utf8") === text) continue;
  stale.push(path);
  if (isCheck) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
for (const name of readdirSync(join(root, "schemas"))) {
  const path = `schemas/${name}`;
  if (!name.endsWith(".schema.json") || path in files) continue;
  stale.push(path);
  if (!isCheck) rmSync(join(root, path));
}
if (stale.length > 0) console.log(`${isCheck ? "stale" : "written"}: ${stale.join(", ")}`);
if (isCheck && stale.length > 0) {
  console.log("next: node scripts/generate.mjs");
  process.exitCode = 1;
}
