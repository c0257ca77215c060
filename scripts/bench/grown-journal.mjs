// Long journals for reading: a real run of two steps, whose records of one step are repeated under other names and
// chained anew. So they have the size and shape of real ones and take no hour to make.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { runProcess } from "./measure.mjs";
import { bundlePart } from "./parts.mjs";
import { makeProject, runWords } from "./projects.mjs";

const step = (id) =>
  `  - id: ${id}\n    title: Ask for the host's name\n    run: echo one\n    effects: read\n` +
  "    outputs: { name: result.stdout }\n    verify:\n      - result.exitCode == 0\n";

/** Makes `<directory>/<name>` with one finished run of `steps` steps; gives the run, its journal and its records' count. */
export async function grownJournal(directory, name, steps) {
  const project = makeProject(join(directory, name), { long: { steps: step("first") + step("last") } });
  const state = join(project, "state");
  rmSync(state, { recursive: true, force: true });
  await runProcess(runWords("long", "--state-dir", state), { cwd: project });
  const [run] = readdirSync(join(state, "runs"));
  const journal = join(state, "runs", run, "journal.ndjson");
  const part = await bundlePart(directory, "journal-line", "src/util/journal-line.ts");
  const { encodeLine, zeroHash } = createRequire(import.meta.url)(part);
  let head = zeroHash;
  let seq = 0;
  const lines = [];
  for (const record of grown(readFileSync(journal, "utf8"), steps)) {
    const { hash: _, ...fields } = record;
    if (fields.type === "run.sealed") Object.assign(fields, { records: seq + 1, headHash: head });
    const made = encodeLine({ ...fields, seq: ++seq }, head);
    head = made.hash;
    lines.push(made.line);
  }
  writeFileSync(journal, lines.join(""));
  return { run, state, journal, count: seq };
}

function* grown(text, steps) {
  const records = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  for (const record of records) {
    if (record.type === "run.started") {
      const planned = record.steps.find(({ path }) => path === "first");
      const more = Array.from({ length: steps - 2 }, (_, at) => ({ ...planned, path: `step${at}`, id: `step${at}` }));
      yield { ...record, steps: [...more, ...record.steps] };
      continue;
    }
    if (record.step === "first" && record.type === "step.started") {
      const ofFirst = records.filter((each) => each.step === "first");
      for (let at = 0; at < steps - 2; at++) for (const each of ofFirst) yield { ...each, step: `step${at}` };
    }
    yield record;
  }
}
