/** CM-6 and CM-7: a journal cut off at any byte is repaired; one that is damaged anywhere before its end is refused. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JournalWriter } from "../../src/host/journal-file.ts";
import { readJournal } from "../../src/util/journal-line.ts";
import { readJournalFile } from "../rig/journal-records.ts";
import { type MatrixCase, pick, randomNumbers, shuffled } from "./matrix-case.ts";
import { momentOf, violations, type Workload } from "./workload.ts";

/** Another worker of this process may have replaced the environment when it is needed. */
const temporary = tmpdir();

const now = () => new Date();

/** `step`: every byte is 1; `resumes`: how many damaged journals the real command resumes. */
export function damageCases(step: number, resumes: number): MatrixCase[] {
  return [
    { matrix: "CM-6", name: `cut off at every ${nth(step)} byte`, run: (workload) => cutEverywhere(workload, step) },
    ...Array.from({ length: resumes }, (_, seed) => ({
      matrix: "CM-6",
      name: `cut off inside the last record and resumed, seed ${seed}`,
      run: (workload: Workload) => cutAndResume(workload, seed),
    })),
    {
      matrix: "CM-7",
      name: `one bit flipped at every ${nth(step)} byte`,
      run: (workload) => flipEverywhere(workload, step),
    },
    { matrix: "CM-7", name: "records deleted, duplicated and swapped", run: moveRecords },
    ...Array.from({ length: resumes }, (_, seed) => ({
      matrix: "CM-7",
      name: `one bit flipped and resumed, seed ${seed}`,
      run: (workload: Workload) => flipAndResume(workload, seed),
    })),
  ];
}

const nth = (step: number) => (step === 1 ? "single" : `${step}th`);

/** A journal at rest with a record of every kind that waits, and where its lines end. */
function journalAtRest(workload: Workload): { run: string; file: string; bytes: Buffer; ends: number[] } {
  const run = workload.restore(workload.segments - 1);
  if (run === null) throw new Error("there is no run");
  const file = join(workload.rig.runDir(run), "journal.ndjson");
  const bytes = readFileSync(file);
  const ends: number[] = [];
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, end + 1)) ends.push(end + 1);
  return { run, file, bytes, ends };
}

async function cutEverywhere(workload: Workload, step: number): Promise<string[]> {
  const { run, file, bytes, ends } = journalAtRest(workload);
  const found: string[] = [];
  const directory = mkdtempSync(join(temporary, "crash-cut-"));
  try {
    const copy = join(directory, "journal.ndjson");
    for (let length = 1; length < bytes.length; length += step) {
      copyFileSync(file, copy);
      truncateSync(copy, length);
      const whole = ends.filter((end) => end <= length);
      const good = whole.at(-1) ?? 0;
      const { records, ...end } = readJournalFile(copy);
      const { writer, repair } = JournalWriter.open(directory, run, now, end);
      writer.close();
      const kept =
        repair?.type === "recovery.truncated" ? readFileSync(join(directory, repair.keptAs)) : Buffer.alloc(0);
      const right =
        records.length === whole.length &&
        readFileSync(copy).equals(bytes.subarray(0, good)) &&
        kept.equals(bytes.subarray(good, length));
      if (!right)
        found.push(`cut at ${length}: ${records.length} records of ${whole.length}, ${kept.length} bytes kept`);
      if (repair?.type === "recovery.truncated") rmSync(join(directory, repair.keptAs));
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return found;
}

async function cutAndResume(workload: Workload, seed: number): Promise<string[]> {
  const run = workload.restore(seed % workload.segments);
  const begun = await workload.begin(run, { RUNBOOK_FAILPOINT: "step.running:1=kill" });
  const file = join(workload.rig.runDir(begun.run), "journal.ndjson");
  const bytes = readFileSync(file);
  const start = bytes.lastIndexOf(10, bytes.length - 2) + 1;
  const length = start + 1 + Math.floor(randomNumbers(seed)() * (bytes.length - start - 1));
  const cut = bytes.subarray(0, length);
  truncateSync(file, length);
  const moment = momentOf(workload, begun.run);
  await workload.toTheEnd(begun.run);
  const found = await violations(workload, begun.run, [moment]);
  const broken = readFileSync(join(workload.rig.runDir(begun.run), "journal.broken-1"));
  if (!broken.equals(cut.subarray(start))) found.push("the bytes cut off were not kept as they were");
  return found;
}

async function flipEverywhere(workload: Workload, step: number): Promise<string[]> {
  const { bytes, ends } = journalAtRest(workload);
  const lastStart = ends.at(-2) ?? 0;
  const found: string[] = [];
  const next = randomNumbers(7);
  for (let at = 0; at < lastStart; at += step) {
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(next() * 8));
    const { bad } = readJournal(damaged);
    const record = ends.findIndex((end) => end > at) + 1;
    if (bad === null) found.push(`a bit flipped at ${at} (record ${record}) was accepted`);
    else if (bad.seq !== record) found.push(`a bit flipped at ${at} was found at record ${bad.seq}, not ${record}`);
  }
  return found;
}

async function moveRecords(workload: Workload): Promise<string[]> {
  const { bytes } = journalAtRest(workload);
  const lines = bytes.toString("utf8").split("\n").slice(0, -1);
  const found: string[] = [];
  const refused = (what: string, changed: readonly string[]) => {
    if (readJournal(Buffer.from(`${changed.join("\n")}\n`)).bad === null) found.push(`${what} was accepted`);
  };
  for (let index = 0; index < lines.length - 1; index++) {
    const line = lines[index] ?? "";
    refused(`record ${index + 1} deleted`, lines.toSpliced(index, 1));
    refused(`record ${index + 1} twice`, lines.toSpliced(index, 0, line));
    refused(`records ${index + 1} and ${index + 2} swapped`, lines.toSpliced(index, 2, lines[index + 1] ?? "", line));
  }
  return found;
}

async function flipAndResume(workload: Workload, seed: number): Promise<string[]> {
  const { run, file, bytes, ends } = journalAtRest(workload);
  const ledger = workload.rig.ledger();
  const at = Math.floor(randomNumbers(seed)() * (ends.at(-2) ?? 0));
  const damaged = Buffer.from(bytes);
  damaged[at] = (damaged[at] ?? 0) ^ 1;
  writeFileSync(file, damaged);
  const record = ends.findIndex((end) => end > at) + 1;
  const verb = pick(shuffled(["resume", "status", "abort", "logs"], seed), 0);
  const { code, stdout, stderr } = await workload.rig.run([verb, run, "--no-input"], { env: workload.env() });
  const found: string[] = [];
  if (code !== 8) found.push(`${verb} ended with ${code}: ${stderr}`);
  if (!`${stdout}${stderr}`.includes(`record ${record} is damaged`))
    found.push(`${verb} does not name record ${record}: ${stderr}`);
  if (workload.rig.ledger().length !== ledger.length) found.push("a step ran");
  if (!readFileSync(file).equals(damaged)) found.push("the damaged journal was changed");
  return found;
}
