// Writes the files that are made from code and from the shipped runbooks: schemas/*.json, docs/cli.md, docs/reference/,
// docs/runbooks/, man/, the table of runbooks in README.md, src/report/generated/. `--check` writes nothing and ends with 1
// when one is stale; a test does the same.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { reportFunctions } from "./report-functions.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const isCheck = process.argv.includes("--check");

// Inside the package, so that its own dependencies are found.
mkdirSync(join(root, "node_modules/.cache"), { recursive: true });
const out = mkdtempSync(join(root, "node_modules/.cache/generate-"));
let files;
try {
  const bundle = await rolldown({
    logLevel: "silent",
    input: join(root, "src/cli/help/generated-files.ts"),
    platform: "node",
  });
  await bundle.write({ dir: out, format: "cjs", entryFileNames: "generated-files.cjs" });
  await bundle.close();
  const made = createRequire(import.meta.url)(join(out, "generated-files.cjs"));
  files = { ...made.generatedFiles(), ...made.shippedRunbookFiles(root), ...reportFunctions(root) };
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
const kept = ["schemas", "docs/runbooks"].flatMap((folder) =>
  readdirSync(join(root, folder)).map((name) => `${folder}/${name}`),
);
for (const path of kept) {
  if (!/\.schema\.json$|\.md$/.test(path) || path in files) continue;
  stale.push(path);
  if (!isCheck) rmSync(join(root, path));
}
if (stale.length > 0) console.log(`${isCheck ? "stale" : "written"}: ${stale.join(", ")}`);
if (isCheck && stale.length > 0) {
  console.log("next: node scripts/generate.mjs");
  process.exitCode = 1;
}
