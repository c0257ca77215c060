// The mutation gate: plants one deliberate bug at a time in a copy of the checkout, builds it, and runs the tests that
// should notice. Fails when a bug stays unnoticed, or when its place is no longer found. `node scripts/mutation-gate.mjs
// [name …]` plants only the named ones; `--list` prints them. Needs no network; leaves nothing behind.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { mutations } from "./mutations.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

const wanted = process.argv.slice(2);
if (wanted.includes("--list")) {
  for (const { name, why } of mutations) console.log(`${name}: ${why}`);
  process.exit(0);
}
const unknown = wanted.filter((name) => !mutations.some((mutation) => mutation.name === name));
if (unknown.length > 0) throw new Error(`no such mutation: ${unknown.join(", ")}; --list prints them`);

const copy = mkdtempSync(join(tmpdir(), "mutation-gate-"));
let missed = 0;
try {
  const skipped = new Set(["node_modules", ".git", "dist", ".runbook"]);
  cpSync(root, copy, { recursive: true, filter: (path) => !skipped.has(basename(path)) });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  // A test that fails anyway would notice everything: each must pass before anything is planted.
  const chosen = mutations.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  const healthy = check([...new Set(chosen.flatMap(({ tests }) => tests))]);
  if (healthy.end !== "passed") throw new Error(`before anything is planted: ${healthy.end}, by ${healthy.by}`);
  for (const mutation of chosen) {
    const file = join(copy, mutation.file);
    const text = readFileSync(file, "utf8");
    const places = text.split(mutation.from).length - 1;
    if (places !== 1) throw new Error(`${mutation.name}: its place stands ${places} times in ${mutation.file}`);
    writeFileSync(
      file,
      text.replace(mutation.from, () => mutation.to),
    );
    const { end, by } = check(mutation.tests);
    writeFileSync(file, text);
    if (end !== "failed") missed++;
    console.log(`${end === "failed" ? "caught" : `MISSED (${end})`}  ${mutation.name}: ${mutation.why}`);
    if (by !== null) console.log(`        by ${by}`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(missed === 0 ? "every planted bug was caught" : `${missed} planted bugs were not caught`);
process.exitCode = missed === 0 ? 0 : 1;

/** Builds the copy and runs tests in it, up to the first that fails (`by`). A build that fails is no test that noticed. */
function check(tests) {
  const env = {
    ...process.env,
    RUNBOOK_TEST_BIN: join(copy, "bin/runbook.cjs"),
    NO_COLOR: "1",
    FORCE_COLOR: undefined,
  };
  const built = spawnSync(process.execPath, ["scripts/build.mjs"], { cwd: copy, stdio: "ignore" });
  if (built.status !== 0) return { end: "does not build", by: null };
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const ran = spawnSync(process.execPath, [vitest, "run", "--bail=1", ...tests], { cwd: copy, env, encoding: "utf8" });
  if (ran.status === 0) return { end: "passed", by: null };
  const by = /^ FAIL +(.+)$/m.exec(ran.stderr)?.[1] ?? null;
  return { end: /Tests .*failed/.test(ran.stdout) ? "failed" : "tests did not run", by };
}
