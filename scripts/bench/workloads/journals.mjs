// W3: durable appends. W7: reading a long journal. W9: a long report.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import Handlebars from "handlebars";
import { grownJournal } from "../grown-journal.mjs";
import { runProcess } from "../measure.mjs";
import { bundlePart } from "../parts.mjs";
import { program } from "../projects.mjs";

const limits = join(import.meta.dirname, "../limits");
const node = process.execPath;
const mebibyte = 1024 * 1024;

const w3 = {
  id: "W3",
  title: "durable appends of 1 KB",
  async prepare({ directory, small }) {
    const count = small ? 100 : 1_000;
    const ours = await bundlePart(directory, "append-ours", "scripts/bench/limits/append-ours.mjs");
    const file = join(directory, "bare.ndjson");
    const words = (script) => [node, script, String(count), file];
    return {
      unit: `${count} records`,
      entrants: [
        {
          name: "write + fdatasync loop",
          limit: true,
          run: () => runProcess(words(join(limits, "append-loop.cjs")), { cwd: directory }),
        },
        { name: "the journal", goal: 1.1, run: () => runProcess(words(ours), { cwd: directory }) },
      ],
    };
  },
};

const w7 = {
  id: "W7",
  title: "open, verify and fold a journal",
  async prepare({ directory, small }) {
    const records = small ? 4_000 : 100_000;
    const ours = await bundlePart(directory, "read-ours", "scripts/bench/limits/read-ours.mjs");
    const { journal, count } = await grownJournal(directory, "long", Math.round(records / 4));
    const words = (script) => [node, script, journal, String(count)];
    return {
      unit: `${count} records`,
      entrants: [
        {
          name: "stream + sha256 + JSON.parse",
          limit: true,
          run: () => runProcess(words(join(limits, "read-journal.cjs")), { cwd: directory, memory: true }),
        },
        {
          name: "open, verify, fold",
          goal: 1.4,
          goalBytes: 120 * mebibyte,
          run: () => runProcess(words(ours), { cwd: directory, memory: true }),
        },
      ],
    };
  },
};

const template =
  "# Report\n\n{{#each steps}}| {{step}} | {{status}} | {{at}} | {{durationMs}} ms | {{attempt}} | {{seq}} |\n" +
  "{{#each checks}}- {{that}}: {{status}}, expected {{expected}}, actual {{actual}}\n{{/each}}{{/each}}";

const w9 = {
  id: "W9",
  title: "report of a long run",
  async prepare({ directory, small }) {
    const steps = small ? 300 : 10_000;
    const { journal, run, state } = await grownJournal(directory, "long", steps);
    const bare = await bundlePart(directory, "render-loop", "scripts/bench/limits/render-loop.mjs");
    const compiled = join(directory, "template.txt");
    writeFileSync(compiled, Handlebars.precompile(template));
    return {
      unit: `${steps} steps`,
      entrants: [
        {
          name: "JSON.parse + precompiled Handlebars",
          limit: true,
          run: () => runProcess([node, bare, journal, compiled], { cwd: directory }),
        },
        {
          name: "report, Markdown",
          goal: 1.5,
          run: () => runProcess([node, program, "report", run, "--state-dir", state], { cwd: directory, memory: true }),
        },
        {
          name: "report, HTML",
          run: () => runProcess([node, program, "report", run, "-o", "html", "--state-dir", state], { cwd: directory }),
        },
      ],
    };
  },
};

export const journalWorkloads = [w3, w7, w9];
