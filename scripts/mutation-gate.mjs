// The mutation gate: plants one deliberate bug at a time in a copy of the checkout, builds it, and runs the tests that
// should notice. Fails when a bug stays unnoticed, or when its place is no longer found. `node scripts/mutation-gate.mjs
// [name …]` plants only the named ones; `--list` prints them. Needs no network; leaves nothing behind.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** What is planted where, and what must fail then. `from` stands exactly once in the file. */
const mutations = [
  {
    name: "no-directory-fsync",
    why: "a new file survives a power cut, its name does not",
    file: "src/host/durable-file.ts",
    from: "      fsyncSync(fd);\n    } finally {\n      closeSync(fd);\n    }\n  } catch (error) {\n    throw asJournalError(error, directory",
    to: "    } finally {\n      closeSync(fd);\n    }\n  } catch (error) {\n    throw asJournalError(error, directory",
    tests: ["test/crash/durability.test.ts"],
  },
  {
    name: "short-write-ignored",
    why: "half a record counts as written",
    file: "src/host/durable-file.ts",
    from: "if (written !== bytes.length) {",
    to: "if (written < 0) {",
    tests: ["test/crash/durability.test.ts"],
  },
  {
    name: "spawn-before-intent",
    why: "a command runs that no record announces",
    file: "src/host/command-runner.ts",
    from: "        timeoutMs,\n      });\n      await this.options.committed();\n    }\n    const exit",
    to: "        timeoutMs,\n      });\n    }\n    const exit",
    tests: ["test/crash/promises.test.ts"],
  },
  {
    name: "mask-per-chunk",
    why: "a secret that is printed in two pieces passes",
    file: "src/host/supervisor/running-command.ts",
    from: "masks: masker.stream(),",
    to: "masks: { push: (b) => { const m = masker.stream(); return Buffer.concat([m.push(b), m.end()]); }, end: () => Buffer.alloc(0) },",
    tests: ["test/host/supervisor/output.test.ts"],
  },
  {
    name: "runbook-read-again",
    why: "what stands in the working tree runs, not what was approved",
    file: "src/cli/execute/sealed-runbook.ts",
    from: 'text: readSealedText(runDir, "runbook.yaml"),',
    to: 'text: process.getBuiltinModule("node:fs").readFileSync(`${config.project}/${config.file}`, "utf8"),',
    tests: ["test/crash/promises.test.ts"],
  },
  {
    name: "liveness-by-number",
    why: "a dead process whose number is in use again counts as alive",
    file: "src/host/supervisor/process-identity.ts",
    from: "  return now !== null && now.startTime === identity.startTime && now.bootId === identity.bootId;",
    to: "  return now !== null;",
    tests: ["test/host/supervisor/endings.test.ts"],
  },
  {
    name: "liveness-by-kill-0",
    why: "a dead process that nobody reaped counts as alive",
    file: "src/host/supervisor/process-identity.ts",
    from: "  if (state === null || state.isZombie) return null;",
    to: "  try { process.kill(pid, 0); } catch { return null; }\n  if (state === null) return null;",
    tests: ["test/host/supervisor/endings.test.ts"],
  },
  {
    name: "pipes-instead-of-fifos",
    why: "a command that opens /dev/stderr again fails (Node's pipes are sockets)",
    file: "src/host/supervisor/child-process.ts",
    from: "stdout.writeFd, stderr.writeFd],\n      detached: true,\n    });",
    to: `"pipe", "pipe"],\n      detached: true,\n    });
    for (const [from, to] of [[child.stdout, stdout], [child.stderr, stderr]] as const)
      from!.pipe(new Socket({ fd: openSync(to.path, constants.O_WRONLY) }));`,
    tests: ["test/host/supervisor/command.test.ts"],
  },
  {
    name: "no-sweep",
    why: "a process that left the group outlives the command it belongs to",
    file: "src/host/supervisor/running-command.ts",
    from: "    const left = await killMarked(runId, attemptId, child!.pid!);",
    to: "    const left = (await killMarked(runId, attemptId.slice(1))).slice(0, 0);",
    tests: ["test/host/supervisor/endings.test.ts"],
  },
  {
    name: "recorded-before-drained",
    why: "what a command wrote last is not in the record of its end",
    file: "src/host/supervisor/running-command.ts",
    from: "    drainTimer = setTimeout(finish, DRAIN_MS);\n    recordWhenDrained();",
    to: "    finish();",
    tests: ["test/host/supervisor/endings.test.ts"],
  },
  {
    name: "holder-asks-kill-0",
    why: "a holder takes a dead supervisor that nobody reaped for a living one and leaves",
    file: "src/host/supervisor/holder.ts",
    from: 'if [ "/proc/$__rb_parent/fd/$__rb_fd" -ef "$__rb_fifo" ]; then',
    to: 'if kill -0 "$__rb_parent"; then',
    tests: ["test/host/supervisor/deaths.test.ts"],
  },
  {
    name: "holder-does-not-linger",
    why: "what a command wrote last is gone before anybody adopts it",
    file: "src/host/supervisor/holder.ts",
    from: 'while [ -e "$__rb_codes" ] && [ ! -e "$__rb_ack" ]',
    to: 'while false && [ ! -e "$__rb_ack" ]',
    tests: ["test/host/supervisor/deaths.test.ts"],
  },
  {
    name: "torn-bytes-lost",
    why: "a repair throws the damaged bytes away",
    file: "src/host/journal-file.ts",
    from: "    const keptAs = keepBroken(dirname(file), bytes);",
    to: "    const keptAs = keepBroken(dirname(file), bytes.subarray(0, 0));",
    tests: ["test/host/journal-file.test.ts"],
  },
  {
    name: "not-adopted-first",
    why: "something new starts beside a command of a dead executor that still runs",
    file: "src/engine/engine.ts",
    from: "  if (request.resumed) await adoptOpen(context);",
    to: "",
    tests: ["test/engine/interrupted-steps.test.ts"],
  },
  {
    name: "expiry-by-date-alone",
    why: "an approval counts again after its time, once somebody sets the clock back",
    file: "src/engine/run-clock.ts",
    from: "return now.getTime() >= atMs || passedMs >= atMs - Date.parse(request.at);",
    to: "return now.getTime() >= atMs || passedMs < 0;",
    tests: ["test/engine/run-clock.test.ts"],
  },
  {
    name: "lost-write-runs-again",
    why: "a write of unknown outcome is repeated without asking",
    file: "src/engine/interrupted.ts",
    from: '  return "ask-a-person";\n}\n',
    to: '  return "run-again";\n}\n',
    tests: ["test/engine/interrupted.test.ts"],
  },
  {
    name: "run-time-by-wall-clock",
    why: "a clock that is set makes a run take no time, or hours",
    file: "src/engine/run-clock.ts",
    from: "return Math.max(0, wallMs, wallMs - sumOfJumps(record, from.seq, to.seq));",
    to: "return wallMs;",
    tests: ["test/engine/run-clock.test.ts"],
  },
  {
    name: "latest-step-by-wall-clock",
    why: "after a clock was set back an earlier step ends the objective",
    file: "src/engine/verdict.ts",
    from: "step.finishedSeq > last.finishedSeq",
    to: "step.finishedAt > last.finishedAt",
    tests: ["test/engine/run-clock.test.ts"],
  },
  {
    name: "secrets-of-used-forgotten",
    why: "a used runbook is given none of its secrets",
    file: "src/language/normalize.ts",
    from: "used([...guards, ...steps, ...always]))",
    to: "[])",
    tests: ["test/language/load.test.ts"],
  },
  {
    name: "sandbox-secrets-are-variables",
    why: "the dummy secrets of the sandbox stand in the target, and every local run is refused for it",
    file: "src/plan/target.ts",
    from: "? { url, fly, services, hosts,",
    to: "? { ...sandbox, url, fly, services, hosts,",
    tests: ["test/language/target.test.ts"],
  },
  {
    name: "refused-takes-the-code-of-others",
    why: "a resume that lost a race tells the end of the run as its own",
    file: "src/cli/follow/watch-run.ts",
    from: "  if (executorCode === exitCodes.refused) return exitCodes.refused;\n",
    to: "",
    tests: ["test/crash/follow.test.ts"],
  },
];

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
