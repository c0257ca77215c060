// W1: what every call costs. W1b: from the keyboard to the first step that runs.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runProcess, runTimes } from "../measure.mjs";
import { commandSteps, makeProject, program, runWords } from "../projects.mjs";

const empty = [process.execPath, join(import.meta.dirname, "../limits/empty.cjs")];
const checkOnly = "  - id: step0\n    title: Step\n    uses: eval\n    verify: [\"target.name == 'local'\"]\n";

const w1 = {
  id: "W1",
  title: "--version, --help, validate of one small runbook",
  prepare({ directory, small }) {
    const cwd = makeProject(directory, { one: { steps: commandSteps(3, "true") } });
    const times = small ? 2 : 12;
    const ours = (name, goal, ...words) => ({
      name,
      goal,
      run: () => runTimes(times, [process.execPath, program, ...words], { cwd }),
    });
    return {
      entrants: [
        { name: "an empty script", limit: true, run: () => runTimes(times, empty, { cwd }) },
        ours("--version", 1.15, "--version"),
        ours("--help", 1.3, "--help"),
        ours("validate", 1.6, "validate", "runbooks/one.yaml"),
      ],
    };
  },
};

const w1b = {
  id: "W1b",
  title: "run of a one-step runbook, up to the first started step",
  prepare({ directory, small }) {
    const cwd = makeProject(directory, {
      command: { steps: commandSteps(1, "true") },
      check: { steps: checkOnly },
    });
    const times = small ? 1 : 6;
    let states = 0;
    const untilStep = (name) => async () => {
      let wallMs = 0;
      let cpuMs = 0;
      for (let nth = 0; nth < times; nth++) {
        const state = join(directory, `state-${states++}`);
        const sample = await runProcess(runWords(name, "--state-dir", state), { cwd });
        wallMs += (firstStart(state) - sample.beginAt) / times;
        cpuMs += sample.cpuMs / times;
      }
      return { wallMs, cpuMs: null, wholeCpuMs: cpuMs };
    };
    return {
      entrants: [
        { name: "an empty script", limit: true, run: () => runTimes(times, empty, { cwd }) },
        { name: "a step with a command", goal: 3.6, run: untilStep("command") },
        { name: "a step without", goal: 2.7, run: untilStep("check") },
      ],
    };
  },
};

/** When the first command was forked, or the first step without one recorded: wall clock, milliseconds. */
function firstStart(stateDir) {
  const runs = join(stateDir, "runs");
  const runDir = join(runs, readdirSync(runs)[0]);
  try {
    return JSON.parse(readFileSync(join(runDir, "exits.ndjson"), "utf8").split("\n")[0]).startedAtMs;
  } catch {
    const records = readFileSync(join(runDir, "journal.ndjson"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    return Date.parse(records.find(({ type }) => type === "step.started").at);
  }
}

export const startWorkloads = [w1, w1b];
