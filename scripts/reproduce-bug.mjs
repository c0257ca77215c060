// `node scripts/reproduce-bug.mjs [row …]`: shows that a bug of docs/bugs.md was one. In a copy of the checkout it takes the
// fix out of today's code or, where later changes lie over it, goes back to the commit before the fix (with the tests of
// the first commit that has the reproducer), builds, and runs the reproducer: it has to fail there. Needs the git history.
// A row that names a bug of the mutation gate needs none: the gate plants the bug and shows which test fails.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const limitMs = 600_000;

let last = "";
/** `| bug | *subject of the fix* | `reproducer` |`; a row without a command says why there is none. */
const rows = readFileSync(join(root, "docs/bugs.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| Bug"))
  .map((line, index) => {
    const [, bug = "", fix = "", reproducer = ""] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    const words = /`((?:test\/|node scripts\/)[^`]+)`/.exec(reproducer)?.[1] ?? null;
    if (fix !== "same commit") last = /\*([^*]+)\*/.exec(fix)?.[1] ?? "";
    return { number: index + 1, bug, subject: last, words };
  });
const wanted = process.argv.slice(2).map(Number);
let unshown = 0;
for (const row of rows.filter(({ number }) => wanted.length === 0 || wanted.includes(number))) {
  const [outcome, detail] =
    row.words === null
      ? ["not run", "no command"]
      : row.words.startsWith("node scripts/mutation-gate.mjs ")
        ? plant(row)
        : reproduce(row);
  if (outcome === "NOT SHOWN") unshown++;
  console.log(`${outcome.padEnd(10)} ${row.number}. ${row.bug}\n           ${detail}`);
}
process.exitCode = unshown === 0 ? 0 : 1;

/** The gate's own verdict: it ends with 0 when the test notices the bug it plants. */
function plant({ words }) {
  const { status, text } = run(root, words);
  const by = /^ +by (.+)$/m.exec(text)?.[1] ?? text.trim().split("\n").at(-1);
  return [status === 0 ? "shown" : "NOT SHOWN", `planted in today's code: ${by}`];
}

function reproduce({ subject, words }) {
  const found = subject === "" ? "" : git("log", "--format=%H", "--fixed-strings", `--grep=${subject}`);
  const fix = found.split("\n").filter(Boolean).at(-1);
  if (fix === undefined) return ["not run", `no commit says "${subject}"`];
  const tried = [];
  for (const fill of [withoutFix, beforeFix]) {
    const { isShown, detail } = tryIn(fill, fix, words);
    if (isShown) return ["shown", detail];
    tried.push(detail);
  }
  return ["NOT SHOWN", tried.join("; ")];
}

function tryIn(fill, fix, words) {
  const copy = mkdtempSync(join(tmpdir(), "reproduce-bug-"));
  try {
    const where = fill(copy, fix, words);
    if (where === null) return { isShown: false, detail: "later changes lie over the fix" };
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    const built = spawnSync(process.execPath, ["scripts/build.mjs"], { cwd: copy, encoding: "utf8" });
    if (built.status !== 0) return { isShown: false, detail: `${where}: it does not build` };
    const { status, text } = run(copy, words);
    const said = words.startsWith("node ") ? text.trim().split("\n").at(-1) : /^ FAIL +(.+ > .+)$/m.exec(text)?.[1];
    if (status !== 0 && said && said !== "0 passed, 0 failed") return { isShown: true, detail: `${where}: ${said}` };
    return { isShown: false, detail: `${where}: ${status === 0 ? "it passes" : "no test ran"}` };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** Fills the copy with today's code without the fix, and says so; null when that cannot be taken out any more. */
function withoutFix(copy, fix) {
  unpack(copy, "HEAD");
  const patch = join(copy, "fix.patch");
  writeFileSync(patch, git("diff", `${fix}^`, fix, "--", "src", "scripts"));
  const undone = spawnSync("git", ["apply", "-R", "-C1", patch], { cwd: copy, stdio: "ignore" });
  return undone.status === 0 ? `HEAD without ${fix.slice(0, 7)}` : null;
}

/** Fills the copy with the code before the fix and the tests of the first commit that has the reproducer. */
function beforeFix(copy, fix, words) {
  unpack(copy, `${fix}^`);
  rmSync(join(copy, "test"), { recursive: true });
  const tests = testsOf(fix, words);
  unpack(copy, tests, "test", ...(words.startsWith("node ") ? [words.split(" ")[1]] : []));
  return `before ${fix.slice(0, 7)}, tests of ${tests.slice(0, 7)}`;
}

/** The first commit from the fix on whose tests have the reproducer. */
function testsOf(fix, words) {
  const [file = ""] = words.replace(/^node /, "").split(" ");
  const name = / -t "([^"]+)"/.exec(words)?.[1];
  const has = (commit) => {
    const text = spawnSync("git", ["-C", root, "show", `${commit}:${file}`], { encoding: "utf8" });
    return text.status === 0 && (name === undefined || text.stdout.includes(name));
  };
  const later = git("log", "--reverse", "--format=%H", `${fix}..HEAD`, "--", file).split("\n").filter(Boolean);
  return [fix, ...later].find(has) ?? fix;
}

function unpack(copy, commit, ...paths) {
  const words = ["-C", root, "archive", commit, ...paths];
  const archive = spawnSync("git", words, { maxBuffer: 256 * 1024 * 1024 });
  if (archive.status !== 0) throw new Error(archive.stderr.toString());
  spawnSync("tar", ["-x", "-C", copy], { input: archive.stdout });
}

function run(copy, words) {
  const env = {
    ...process.env,
    NO_COLOR: "1",
    FORCE_COLOR: undefined,
    RUNBOOK_TEST_BIN: join(copy, "bin/runbook.cjs"),
  };
  const quoted = [...words.matchAll(/"([^"]*)"|(\S+)/g)].map(([, text, word]) => text ?? word);
  const argv = words.startsWith("node ")
    ? quoted.slice(1)
    : [join(root, "node_modules/vitest/vitest.mjs"), "run", "--bail=1", ...quoted];
  const ran = spawnSync(process.execPath, argv, { cwd: copy, env, encoding: "utf8", timeout: limitMs });
  return { status: ran.status, text: `${ran.stdout}\n${ran.stderr}` };
}

function git(...words) {
  const ran = spawnSync("git", ["-C", root, ...words], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (ran.status !== 0) throw new Error(`git ${words.join(" ")}: ${ran.stderr}`);
  return ran.stdout;
}
