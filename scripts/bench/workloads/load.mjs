// Load: runs of the size that must simply work. What counts is that every part has its end on record, and the memory.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { runProcess } from "../measure.mjs";
import { commandSteps, makeProject, program, runWords } from "../projects.mjs";

const mebibyte = 1024 * 1024;

/** Runs it and throws unless the journal has `expected` (status → count) ends of steps that `isCounted`. */
function checked(directory, name, expected, isCounted, { more = [], codes = [0] } = {}) {
  return async () => {
    const state = join(directory, `state-${name}`);
    rmSync(state, { recursive: true, force: true });
    const words = runWords(name, "--state-dir", state, ...more);
    const sample = await runProcess(words, { cwd: directory, memory: true, codes });
    const [run] = readdirSync(join(state, "runs"));
    const ends = {};
    for (const line of readFileSync(join(state, "runs", run, "journal.ndjson"), "utf8")
      .trimEnd()
      .split("\n")) {
      const record = JSON.parse(line);
      if (record.type === "step.finished" && isCounted(record.step))
        ends[record.status] = (ends[record.status] ?? 0) + 1;
    }
    if (!isDeepStrictEqual(ends, expected))
      throw new Error(`${name}: ${JSON.stringify(ends)} in the journal, ${JSON.stringify(expected)} expected`);
    return sample;
  };
}

const isItem = (path) => path.endsWith("]");

/** `{ in: … }` of a forEach over numbers. */
const numbers = (count) => JSON.stringify(Array.from({ length: count }, (_, at) => at));

/** `inner` has `inEach` steps; each of `names` uses it so many times, and then does what `more` says. */
function nested(directory, inEach, names, more = "") {
  const uses = (parts) =>
    Array.from(
      { length: parts },
      (_, at) => `  - id: part${at}\n    title: Part ${at}\n    uses: runbook/inner\n`,
    ).join("");
  const runbooks = Object.entries(names).map(([name, parts]) => [name, { steps: uses(parts) + more }]);
  makeProject(directory, { inner: { steps: commandSteps(inEach, "true") }, ...Object.fromEntries(runbooks) });
}
const isNested = (path) => path.includes(".");

const sequence = {
  id: "L1",
  title: "load: sequential steps with a command, through used runbooks",
  prepare({ directory, small }) {
    const [few, inEach] = small ? [20, 20] : [1_000, 1_000];
    const parts = 10;
    nested(
      directory,
      inEach,
      { none: 0, few: 1, many: parts },
      "  - { id: end, title: End, run: 'true', effects: read }\n",
    );
    const many = parts * inEach;
    const run = (name, count) => checked(directory, name, count === 0 ? {} : { succeeded: count }, isNested);
    const names = ["the start alone", `${few} steps`, `${many} steps`];
    return {
      unit: `${few} and ${many} steps`,
      entrants: [
        { name: names[0], run: run("none", 0) },
        { name: names[1], run: run("few", few) },
        { name: names[2], goalBytes: 250 * mebibyte, run: run("many", many) },
      ],
      // 1.2 a step: ten times the steps in at most twelve times the time.
      growth: { names, few, many, timeGoal: 1.2 },
    };
  },
};

const resumption = {
  id: "L4",
  title: "load: resume of a waiting run with a long journal",
  async prepare({ directory, small }) {
    const [parts, inEach] = small ? [2, 20] : [26, 1_000];
    const ask = "  - id: ask\n    title: Ask\n    uses: approval\n    with: { prompt: Go on? }\n";
    nested(directory, inEach, { long: parts }, ask);
    const run = checked(directory, "long", { succeeded: parts * inEach }, isNested, { codes: [5] });
    await run();
    const state = join(directory, "state-long");
    const [id] = readdirSync(join(state, "runs"));
    const text = readFileSync(join(state, "runs", id, "journal.ndjson"));
    const records = text.toString("latin1").split("\n").length - 1;
    const words = [process.execPath, program, "resume", id, "--no-input", "--state-dir", state];
    return {
      unit: `${records} records, ${Math.round(text.length / mebibyte)} MiB`,
      entrants: [
        { name: "resume", run: () => runProcess(words, { cwd: directory, memory: true, codes: [5] }) },
        {
          name: "status",
          run: () =>
            runProcess([process.execPath, program, "status", id, "--state-dir", state], {
              cwd: directory,
              memory: true,
              codes: [5, 0],
            }),
        },
      ],
    };
  },
};

const wide = {
  id: "L2",
  title: "load: forEach of 1,000, 64 at a time",
  prepare({ directory, small }) {
    const count = small ? 100 : 1_000;
    makeProject(directory, {
      wide: {
        more: `inputs: { items: { type: array, default: ${numbers(count)} } }\n`,
        steps:
          '  - id: all\n    title: All\n    forEach: { in: "${{ inputs.items }}", as: item, max: 64 }\n' +
          "    run: sleep 0.2\n    effects: read\n",
      },
    });
    return {
      unit: `${count} items`,
      entrants: [{ name: "run", run: checked(directory, "wide", { succeeded: count }, isItem) }],
    };
  },
};

const hosts = {
  id: "L3",
  title: "load: hosts through a stub of ssh, 2 % fail, 1 % hang, at most 5 % may",
  prepare({ directory, small }) {
    const count = small ? 100 : 1_000;
    const stub = join(directory, "ssh-stub.sh");
    writeFileSync(
      stub,
      'case $(($1 % 100)) in\n  7 | 57) echo "host $1 refused" >&2; exit 255 ;;\n  33) exec sleep 600 ;;\n' +
        '  *) echo "host $1 is well" ;;\nesac\n',
    );
    makeProject(directory, {
      hosts: {
        more: `inputs: { hosts: { type: array, default: ${numbers(count)} } }\n`,
        steps:
          '  - id: all\n    title: All\n    forEach: { in: "${{ inputs.hosts }}", as: host, max: 64, maxFailures: 5% }\n' +
          `    run: sh ${stub} \${{ host }}\n    effects: read\n    timeout: 15s\n`,
      },
    });
    const [bad, hung] = [count / 50, count / 100];
    const order = { succeeded: count - bad - hung, failed: bad, timed_out: hung };
    return {
      unit: `${count} hosts`,
      entrants: [
        {
          name: "run",
          run: checked(directory, "hosts", order, isItem),
        },
      ],
    };
  },
};

export const loadWorkloads = [sequence, wide, hosts, resumption];
