// `npm run library -- --reports DIR`: runs every runbook of the library on `local`, really, in a copy of the project with a
// sandbox of its own, and writes one report each into DIR. Ends with 1 when one does not end as it should.
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

/** Both apps have the same secrets, of which `secrets-sync` replaces those of the first. */
const parity = ["shop", "shop-staging"].flatMap((app) =>
  ["SHOP_SESSION_KEY", "SHOP_WEBHOOK_SECRET"].map((name) => ["secrets", "set", `${name}=library`, "-a", app]),
);

/**
 * What a runbook needs here that it does not say itself. `inputs`: what a person would give. `before`: runbooks that must
 * have run, with the inputs of their own row or as [name, inputs]. `answers`: step → the reason with which each question is
 * answered yes. `service`: state of a stand-in. `fly`: commands for the sandbox's `fly` beforehand. `turn`: those
 * with a lower one run earlier, by name within it, the others after them. `ends`: the result it must have, default succeeded.
 */
const rows = {
  "backup-verify": { before: ["backup-database"] },
  "canary-deploy": { inputs: { image: "registry.fly.io/shop:deploy-09", reason: "library", soak: "1s" } },
  "deploy-production": {
    before: ["backup-database", "deploy-staging"],
    inputs: {
      image: "registry.fly.io/shop:deploy-09",
      reason: "library",
      sha: "0123456789abcdef0123456789abcdef01234567",
    },
  },
  "deploy-staging": { inputs: { image: "registry.fly.io/shop:deploy-09", reason: "library" } },
  "disaster-recovery": {
    before: ["backup-database"],
    inputs: { incident: "INC-1", reason: "rehearsal of the library" },
    answers: {
      declare: "rehearsal",
      assessed: "nothing newer",
      cut_over: "the recovered data is complete",
      verified: "orders are there",
    },
  },
  // What makes the apps equal restarts machines, which `slo-report` rightly counts.
  "drift-sweep": { turn: 3, before: ["secrets-sync"], fly: parity, inputs: { without: '["slo"]' } },
  "env-parity": { fly: parity },
  "go-live-checklist": {
    turn: 1,
    before: ["backup-database", "backup-verify", "restore-drill", "rollback-staging", "secrets-sync"],
    fly: parity,
    answers: {
      freeze: "https://chat.shop.example/m/1, release manager",
      on_call: "https://rota.shop.example/2, first responder",
      status_page: "https://status.shop.example/drafts/3, first responder",
      product: "rehearsal",
      go: "rehearsal",
    },
  },
  "incident-response": {
    inputs: { incident: "INC-2", summary: "checkout is slow" },
    answers: {
      lead: "first responder",
      choose: "restart",
      communicate: "update sent to the status page",
      resolve: "nobody is affected",
    },
  },
  // It reads the log since the newest release.
  "log-check": { turn: 4, before: ["rollback-production"] },
  "performance-baseline": { before: [["performance-baseline", { keep: "true" }]] },
  // Whatever has a turn measures what the others break on purpose.
  "launch-day-monitor": { turn: 2, inputs: { every: "1s", for: "1s", confirmAfter: "1s" } },
  "rollback-production": { inputs: { reason: "library" } },
  "slo-report": { turn: 2 },
  "secrets-audit": { before: ["secrets-sync"] },
  "secrets-sync": { inputs: { reason: "library" } },
};

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const cli = join(root, "bin/runbook.cjs");
const sandbox = join(root, "dist/sandbox.cjs");
/** One runbook that takes longer hangs. */
const limitMs = 300_000;

const { reports, source, only } = readArguments(process.argv.slice(2));
const folder = mkdtempSync(join(tmpdir(), "runbook-library-"));
const project = join(folder, "project");
const env = {
  ...ownVariablesOnly(process.env),
  // Tools of the project, such as the Supabase CLI, as npx has them.
  PATH: [join(root, "node_modules/.bin"), process.env.PATH ?? ""].join(delimiter),
  RUNBOOK_STATE_DIR: join(folder, "state"),
  RUNBOOK_NO_INPUT: "1",
};

let interruptedBy = null;
const children = new Set();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    interruptedBy ??= signal;
    for (const child of children) child.kill("SIGTERM");
  });
}

let failures = 1;
try {
  failures = await library();
} catch (error) {
  process.stderr.write(`library: ${error.message}\n`);
} finally {
  for (const words of [["postgres", "remove"], ["stop"]]) {
    const ended = await start(sandbox, words);
    if (ended.code !== 0) process.stderr.write(`library: sandbox ${words.join(" ")}: ${ended.stderr}`);
  }
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = interruptedBy !== null || failures > 0 ? 1 : 0;

/** How many did not end as they should. */
async function library() {
  mkdirSync(reports, { recursive: true });
  mkdirSync(project);
  for (const name of ["runbook.config.yaml", "runbooks", "supabase", "keys", "checklists"])
    if (existsSync(join(source, name))) cpSync(join(source, name), join(project, name), { recursive: true });
  // What looks at the files git tracks needs a repository.
  for (const words of [
    ["init", "--quiet"],
    ["add", "--all"],
  ])
    spawnSync("git", words, { cwd: project, stdio: "ignore" });
  const runbooks = readdirSync(join(project, "runbooks"))
    .filter((name) => name.endsWith(".yaml"))
    .sort()
    .map((name) => ({ name: basename(name, ".yaml"), document: read(join(project, "runbooks", name)) }))
    .filter(({ document }) => document?.apiVersion !== undefined)
    .sort((a, b) => (rows[a.name]?.turn ?? 9) - (rows[b.name]?.turn ?? 9));
  const names = runbooks.map(({ name }) => name);
  const stale = source === root ? Object.keys(rows).filter((name) => !names.includes(name)) : [];
  if (stale.length > 0)
    throw new Error(`scripts/run-library.mjs has rows for runbooks that are gone: ${stale.join(", ")}`);
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`no runbook ${unknown.join(", ")}; there is ${names.join(", ")}`);
  let failed = 0;
  const width = Math.max(...names.map(({ length }) => length));
  for (const { name, document } of runbooks) {
    if (interruptedBy !== null) break;
    if (only.length > 0 && !only.includes(name)) continue;
    const begun = performance.now();
    const { problem, result, report } = await rehearse(name, document);
    const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
    process.stdout.write(
      `${problem === null ? "ok  " : "FAIL"} ${name.padEnd(width)}  ${result}  ${seconds}s  ${report ?? "no report"}\n`,
    );
    if (problem === null) continue;
    process.stdout.write(`     ${problem.replaceAll("\n", "\n     ")}\n`);
    failed++;
  }
  return failed;
}

/** Runs one runbook to its end, answering what it asks. */
async function rehearse(name, document) {
  const row = rows[name] ?? {};
  const failure = (problem) => ({ problem, result: "not run", report: null });
  const targets = Array.isArray(document.targets) ? document.targets : Object.keys(document.targets ?? { local: {} });
  if (!targets.includes("local")) return failure("it is not written for the target local");
  const missing = Object.entries(document.inputs ?? {})
    .filter(
      ([input, { required, default: value }]) =>
        required === true && value === undefined && !(input in (row.inputs ?? {})),
    )
    .map(([input]) => input);
  if (missing.length > 0) {
    return failure(`it needs ${missing.join(", ")}; add a row with inputs to the table in scripts/run-library.mjs`);
  }
  const seeded = await start(sandbox, ["seed", row.seed ?? "good"]);
  if (seeded.code !== 0) return failure(`the sandbox was not seeded: ${seeded.stderr.trim()}`);
  for (const [service, state] of Object.entries(row.service ?? {})) {
    const put = await start(sandbox, ["service", service, state]);
    if (put.code !== 0) return failure(`${service} was not put into ${state}: ${put.stderr.trim()}`);
  }
  for (const words of row.fly ?? []) {
    const ended = await start(sandbox, ["fly", ...words]);
    if (ended.code !== 0) return failure(`fly ${words[0]} ${words[1]}: ${ended.stderr.trim()}`);
  }
  for (const before of row.before ?? []) {
    const [needed, own] =
      typeof before === "string" ? [before, rows[before] ?? {}] : [before[0], { inputs: before[1] }];
    const { problem } = await runToItsEnd(needed, own);
    if (problem !== null) return failure(`${needed}, which must run before it: ${problem}`);
  }
  const ended = await runToItsEnd(name, row);
  if (ended.report === null) return ended;
  const report = join(reports, `${name}.md`);
  copyFileSync(ended.report, report);
  return { ...ended, report };
}

async function runToItsEnd(name, row) {
  const inputs = Object.entries(row.inputs ?? {}).flatMap(([input, value]) => ["-i", `${input}=${value}`]);
  let ended = await start(cli, ["run", name, "-t", "local", "-o", "json", ...inputs]);
  const answered = new Set();
  for (;;) {
    let run;
    try {
      run = JSON.parse(ended.stdout);
    } catch {
      return {
        problem: `exit ${ended.code}: ${(ended.stderr || ended.stdout).trim()}`,
        result: "not run",
        report: null,
      };
    }
    if (run.format !== "runbook.run/1.0")
      return { problem: `exit ${ended.code}: ${run.message ?? ended.stderr.trim()}`, result: "not run", report: null };
    const [question] = run.waitingFor ?? [];
    if (run.result !== "waiting" || question === undefined) return judged(run, row, answered);
    const reason = row.answers?.[question.step];
    const report = run.report ?? null;
    if (reason === undefined || question.kind === "indeterminate") {
      const problem = `it waits at ${question.step} (${question.kind}): ${question.prompt}; add the step to answers of its row in scripts/run-library.mjs`;
      return { problem, result: run.result, report };
    }
    answered.add(question.step);
    const approved = await start(cli, ["approve", run.run, "--step", question.step, "--reason", reason]);
    if (approved.code !== 0)
      return { problem: `${question.step} was not answered: ${approved.stderr.trim()}`, result: run.result, report };
    ended = await start(cli, ["wait", run.run, "-o", "json"]);
  }
}

function judged(run, row, answered) {
  const wanted = row.ends ?? "succeeded";
  const unasked = Object.keys(row.answers ?? {}).filter((step) => !answered.has(step));
  const why = run.steps
    .filter(({ failure }) => failure !== null)
    .map(({ path, failure }) => `${path}: ${failure.message}`);
  const problem =
    run.result !== wanted
      ? [`it ended as ${run.result} (exit ${run.exitCode}), not as ${wanted}`, ...why].join("\n")
      : unasked.length > 0
        ? `it never asked ${unasked.join(", ")}; remove it from answers of its row`
        : null;
  return { problem, result: run.result, report: run.report ?? null };
}

/** Runs a program of this project to its end. */
function start(program, words) {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [program, ...words], {
      cwd: project,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.add(child);
    const timer = setTimeout(() => child.kill("SIGTERM"), limitMs);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      stderr += text;
    });
    child.once("error", fail);
    child.once("close", (code) => {
      clearTimeout(timer);
      children.delete(child);
      done({ code, stdout, stderr });
    });
  });
}

function read(file) {
  return parse(readFileSync(file, "utf8"));
}

/** Without what would change the outcome: another target, inputs and secrets of the shell it is started from. */
function ownVariablesOnly(variables) {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !name.startsWith("RUNBOOK_")));
}

/** `--project DIR`: another project than this one, for the tests of this script. */
function readArguments(words) {
  const left = [...words];
  const take = (flag) => {
    const at = left.indexOf(flag);
    return at < 0 ? undefined : left.splice(at, 2)[1];
  };
  const given = take("--reports");
  const other = take("--project");
  if (given === undefined || left.some((word) => word.startsWith("-"))) {
    process.stderr.write("usage: npm run library -- --reports DIR [RUNBOOK…]\n");
    process.exit(2);
  }
  return { reports: resolve(given), source: other === undefined ? root : resolve(other), only: left };
}
