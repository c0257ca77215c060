// Growth: the same work in two sizes in one round. What is compared is the time (or memory) for one unit, after the time of
// an empty one is taken off; a ratio above the goal means that something is done once per step for every step.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { grownJournal } from "../grown-journal.mjs";
import { runProcess } from "../measure.mjs";
import { bundlePart } from "../parts.mjs";
import { commandSteps, makeProject, program, runWords } from "../projects.mjs";
import { filesProject } from "./files.mjs";
import { outputProject } from "./output.mjs";

const node = process.execPath;
const mebibyte = 1024 * 1024;
/** Time for one unit may be this much more in the large size. The interleaved rounds of a busy machine are not closer. */
const timeGoal = 1.1;
/** Peak memory of what should keep nothing. */
const memoryGoal = 1.1;

/** `run(state)` in a state directory that is made for it. */
function inFreshState(directory, name, words, options) {
  return () => {
    const state = join(directory, `state-${name}`);
    rmSync(state, { recursive: true, force: true });
    return runProcess(words(state), { cwd: directory, memory: true, ...options });
  };
}

const steps = {
  id: "G1",
  title: "growth: sequential steps with a command, one unit is a step",
  prepare({ directory, small }) {
    const [few, many] = small ? [5, 50] : [100, 1_000];
    makeProject(directory, {
      none: { steps: commandSteps(1, "true") },
      few: { steps: commandSteps(few, "true") },
      many: { steps: commandSteps(many, "true") },
    });
    const run = (name) => inFreshState(directory, name, (state) => runWords(name, "--state-dir", state));
    return sizes(few, many, { start: run("none"), few: run("few"), many: run("many"), timeGoal });
  },
};

const journal = {
  id: "G2",
  title: "growth: open, verify and fold a journal, one unit is a step of four records",
  async prepare({ directory, small }) {
    const [few, many] = small ? [500, 5_000] : [12_500, 125_000];
    const ours = await bundlePart(directory, "read-ours", "scripts/bench/limits/read-ours.mjs");
    const read = async (count) => {
      const made = await grownJournal(directory, `j${count}`, count);
      return () => runProcess([node, ours, made.journal, String(made.count)], { cwd: directory, memory: true });
    };
    return sizes(few, many, { start: await read(2), few: await read(few), many: await read(many), timeGoal });
  },
};

const report = {
  id: "G3",
  title: "growth: report, one unit is a step",
  async prepare({ directory, small }) {
    const [few, many] = small ? [100, 1_000] : [1_000, 10_000];
    const render = async (count) => {
      const { run, state } = await grownJournal(directory, `r${count}`, count);
      const words = [node, program, "report", run, "--state-dir", state];
      return () => runProcess(words, { cwd: directory, memory: true });
    };
    return sizes(few, many, { start: await render(2), few: await render(few), many: await render(many), timeGoal });
  },
};

const files = {
  id: "G4",
  title: "growth: validate, one unit is a file of 20 steps",
  prepare({ directory, small }) {
    const [few, many] = small ? [5, 50] : [50, 500];
    const validate = (count) => {
      const cwd = filesProject(join(directory, `f${count}`), count);
      return () => runProcess([node, program, "validate"], { cwd, memory: true });
    };
    return sizes(few, many, { start: validate(1), few: validate(few), many: validate(many), timeGoal });
  },
};

const output = {
  id: "G5",
  title: "growth: output of one step, one unit is a MiB; memory stays",
  prepare({ directory, small }) {
    const [few, many] = small ? [16, 64] : [128, 1_024];
    const flood = (mebibytes) => {
      const cwd = join(directory, `o${mebibytes}`);
      outputProject(makeProject(cwd, {}), mebibytes * mebibyte, 1);
      return inFreshState(cwd, "flood", (state) => runWords("flood", "--state-dir", state));
    };
    return sizes(few, many, { start: flood(1), few: flood(few), many: flood(many), timeGoal, memoryGoal });
  },
};

/** Three entrants, and what a unit of the large one costs in units of the small one. */
function sizes(few, many, { start, few: runFew, many: runMany, ...goals }) {
  const names = ["the start alone", `${few} units`, `${many} units`];
  return {
    unit: `${few} and ${many}`,
    entrants: [
      { name: names[0], run: start },
      { name: names[1], run: runFew },
      { name: names[2], run: runMany },
    ],
    growth: { names, few, many, ...goals },
  };
}

export const growthWorkloads = [steps, journal, report, files, output];
