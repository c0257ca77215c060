// `npm run demo`: rolls a real app back on this machine and shows its evidence. Everything it makes is in one temporary
// folder; the platform it starts listens on loopback only and is stopped again, also after a failure or Ctrl-C.
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const project = join(dirname(fileURLToPath(import.meta.url)), "..");
const cli = join(project, "bin", "runbook.cjs");
const sandbox = join(project, "dist", "sandbox.cjs");

if (!existsSync(sandbox)) {
  process.stderr.write(`demo: ${sandbox} is missing; next: npm ci\n`);
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), "runbook-demo-"));
const stateDir = join(folder, "state");
// A copy, because a run adds itself to the project's register of drills.
const copy = join(folder, "project");
for (const name of ["runbook.config.yaml", "runbooks"])
  cpSync(join(project, name), join(copy, name), { recursive: true });
const env = { ...ownVariablesOnly(process.env), RUNBOOK_STATE_DIR: stateDir };

/** The running `runbook`, which knows what to do with a signal; null while nothing is to be told. */
let viewer = null;
/** Set once: an interrupted demo starts nothing more, it only cleans up. */
let interruptedBy = null;
// A terminal sends Ctrl-C to the viewer as well, so only SIGTERM and SIGHUP are handed on.
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(name, () => {
    interruptedBy ??= name;
    if (name !== "SIGINT") viewer?.kill(name);
  });
}

let code = 1;
try {
  code = await demo();
} catch (error) {
  // The program that ended was told to by the same key press.
  if (interruptedBy === null) process.stderr.write(`demo: ${error.message}\n`);
  else code = signalCode();
} finally {
  const stopped = await output(sandbox, ["stop"]).catch((error) => error);
  if (stopped instanceof Error) {
    process.stderr.write(`demo: ${stopped.message}\nnext: RUNBOOK_STATE_DIR=${stateDir} npm run -s sandbox -- stop\n`);
    code ||= 1;
  } else say("sandbox  stopped");
}
say(`remove   rm -r ${folder}`);
process.exitCode = code;

async function demo() {
  say("A small platform on loopback gets ten releases of a shop; the live one is bad.");
  const { url } = JSON.parse(await output(sandbox, ["seed", "good"]));
  say(`app      ${url}`);
  say(`before   ${await imageOf(url)}`);
  if (interruptedBy !== null) return signalCode();
  say("");
  say("$ runbook run rollback-production -t local -i reason=demo");
  const runCode = await run(["run", "rollback-production", "-t", "local", "-i", "reason=demo", "--no-input"]);
  say("");
  say(`after    ${await imageOf(url)}`);
  const report = reportIn(stateDir);
  if (report !== null) {
    say(`report   ${report}`);
    if (interruptedBy === null) {
      say("");
      say("$ runbook verify last");
      const verified = await run(["verify", "last"]);
      say("");
      if (runCode === 0) return verified;
    }
  }
  return runCode;
}

/** What the app itself says it runs. */
async function imageOf(url) {
  const response = await fetch(`${url}/version`, { signal: AbortSignal.timeout(5_000) }).catch((error) => error);
  if (response instanceof Error) return `no answer (${response.cause?.code ?? response.message})`;
  const { image } = await response.json();
  return image;
}

/** Runs `runbook` in this terminal; its progress and keys are the reader's. */
function run(args) {
  return new Promise((done, fail) => {
    viewer = spawn(process.execPath, [cli, ...args], { cwd: copy, env, stdio: "inherit" });
    viewer.once("error", fail);
    viewer.once("exit", (exitCode, signal) => {
      viewer = null;
      if (signal !== null) interruptedBy ??= signal;
      done(exitCode ?? signalCode());
    });
  });
}

/** Standard output of a program. In its own session: Ctrl-C must not leave a half-started platform behind. */
function output(program, args) {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: project,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      err += text;
    });
    child.once("error", fail);
    child.once("close", (exitCode, signal) => {
      if (exitCode === 0) done(out);
      else fail(new Error(err.trim() || `sandbox ${args.join(" ")} ended with ${signal ?? `code ${exitCode}`}`));
    });
  });
}

function reportIn(state) {
  const runs = join(state, "runs");
  if (!existsSync(runs)) return null;
  const reports = readdirSync(runs).map((name) => join(runs, name, "report.md"));
  return reports.find((file) => existsSync(file)) ?? null;
}

/** The reader's own targets, inputs and secrets for runbook are none of the demo's business. */
function ownVariablesOnly(all) {
  return Object.fromEntries(Object.entries(all).filter(([name]) => !/^RUNBOOK_(TARGET$|INPUT_|SECRET_)/.test(name)));
}

function signalCode() {
  return interruptedBy === "SIGTERM" ? 143 : interruptedBy === "SIGHUP" ? 129 : 130;
}

function say(text) {
  process.stdout.write(`${text}\n`);
}
