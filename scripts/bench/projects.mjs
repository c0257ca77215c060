// Projects to measure with: small folders with a config and generated runbooks.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
/** The command; `RUNBOOK_BENCH_BIN` names another build of it, to measure two side by side. */
export const program = process.env.RUNBOOK_BENCH_BIN ?? join(root, "bin/runbook.cjs");

/** Makes a project; `runbooks` is name → steps as YAML text. */
export function makeProject(directory, runbooks) {
  mkdirSync(join(directory, "runbooks"), { recursive: true });
  writeFileSync(join(directory, "runbook.config.yaml"), "apiVersion: runbook/v1\ntargets:\n  local: {}\n");
  for (const [name, { steps, more = "" }] of Object.entries(runbooks)) {
    const head = `apiVersion: runbook/v1\nname: ${name}\nversion: 1.0.0\ntitle: Measured\nowner: bench\nkind: audit\n`;
    writeFileSync(
      join(directory, "runbooks", `${name}.yaml`),
      `${head}description: Made by the benchmark.\n${more}steps:\n${steps}`,
    );
  }
  return directory;
}

/** `count` steps that each run `command`. A write says that it may be repeated: the rules ask for a way back or that. */
export function commandSteps(count, command, effects = "read") {
  const more = effects === "read" ? "" : "    idempotent: true\n";
  const text = JSON.stringify(command);
  return Array.from(
    { length: count },
    (_, at) => `  - id: step${at}\n    title: Step ${at}\n    run: ${text}\n    effects: ${effects}\n${more}`,
  ).join("");
}

/** The words that run a runbook of a project as a script would: no terminal, no questions. */
export function runWords(name, ...more) {
  return [process.execPath, program, "run", name, "-t", "local", "--yes", ...more];
}
