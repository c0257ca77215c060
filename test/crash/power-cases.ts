/**
 * CM-4: the power is lost. A log of what W20 asks of the disk (`disk-log.ts`) gives the states in which the disk may be
 * found afterwards (`disk-states.ts`); in each everything that was told is there, and nothing ran without its intent. A
 * part of them is resumed to the end.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { journalName } from "../../src/host/journal-file.ts";
import { checkNamedFiles, DigestCache, type NamedFile, noteFiles } from "../../src/report/verify-files.ts";
import { readJournalFile } from "../rig/journal-records.ts";
import { type DiskLog, diskLogOptions, readDiskLog } from "./disk-log.ts";
import { type DiskState, digestOf, diskStates, writeState } from "./disk-states.ts";
import { type MatrixCase, pick, shuffled } from "./matrix-case.ts";
import { underStrace } from "./strace.ts";
import { command, momentOf, violations, type Workload } from "./workload.ts";

/** Another worker of this process may have replaced the environment when it is needed. */
const temporary = tmpdir();

interface LostPower {
  readonly segment: number;
  /** Answers that were left for the executor: their givers were told that they are kept. */
  readonly answers: readonly string[];
  readonly state: DiskState;
  readonly tree: ReadonlyMap<string, Buffer | null>;
}

/** `states`: how many are looked at, spread over all; `resumes`: how many of these are resumed. */
export function powerCases(states: number, resumes: number): MatrixCase[] {
  return [
    {
      matrix: "CM-4",
      name: `${states} states of a disk that lost its power`,
      run: (workload) => lookAtStates(workload, states),
    },
    ...Array.from({ length: resumes }, (_, seed) => ({
      matrix: "CM-4",
      name: `a disk that lost its power is resumed, seed ${seed}`,
      run: (workload: Workload) => resumeState(workload, seed, resumes),
    })),
  ];
}

const top = "state";
interface Recorded extends Pick<LostPower, "segment" | "answers"> {
  readonly log: DiskLog;
}
const known = new WeakMap<Workload, Promise<readonly Recorded[]>>();

/** What each segment of W20 asks of the disk; it is run for that once under strace. */
function recorded(workload: Workload): Promise<readonly Recorded[]> {
  const found = known.get(workload) ?? recordAll(workload);
  known.set(workload, found);
  return found;
}

async function recordAll(workload: Workload): Promise<Recorded[]> {
  const all: Recorded[] = [];
  for (let segment = 0; segment < workload.segments; segment++) {
    const run = workload.restore(segment);
    if (run !== null) workload.leaveAnswers(run);
    const answers = run === null ? [] : readdirSync(join(workload.rig.runDir(run), "inbox"));
    all.push({ segment, answers, log: await recordSegment(workload, run) });
  }
  return all;
}

async function recordSegment(workload: Workload, run: string | null): Promise<DiskLog> {
  const { rig } = workload;
  const before = new Map<string, Buffer | null>();
  const note = (path: string) => {
    before.set(path, null);
    for (const entry of readdirSync(join(rig.dir, path), { withFileTypes: true })) {
      const below = `${path}/${entry.name}`;
      if (entry.isDirectory()) note(below);
      else before.set(below, readFileSync(join(rig.dir, below)));
    }
  };
  if (run !== null) note(top);
  const scratch = mkdtempSync(join(temporary, "crash-power-"));
  try {
    const file = join(scratch, "strace");
    const words = run === null ? command : ["resume", run];
    const { code, stderr } = await underStrace(workload, diskLogOptions(file), [
      ...words,
      "--no-input",
      "-o",
      "ndjson",
    ]);
    if (code !== 5 && code !== 0) throw new Error(`under strace the command ended with ${code}: ${stderr}`);
    return readDiskLog({ file, folder: rig.dir, top, ledger: rig.ledgerFile, before });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** `count` different states, spread over all segments and moments; the same ones for the same seed. */
async function pickStates(workload: Workload, count: number, seed: number): Promise<LostPower[]> {
  const all = (await recorded(workload)).flatMap(({ segment, answers, log }) =>
    [...diskStates(log)].map((state) => ({ segment, answers, state })),
  );
  const picked = new Map<string, LostPower>();
  for (const each of shuffled(all, seed)) {
    if (picked.size === count) break;
    const tree = each.state.tree();
    picked.set(`${each.segment} ${digestOf(each.state, tree)}`, { ...each, tree });
  }
  return [...picked.values()];
}

async function lookAtStates(workload: Workload, count: number): Promise<string[]> {
  const states = await pickStates(workload, count, 11);
  const found = states.length < count ? [`there are only ${states.length} states`] : [];
  for (const state of states) {
    for (const problem of attempted(() => look(workload, state))) found.push(`${nameOf(state)}: ${problem}`);
  }
  return found;
}

function attempted(look: () => string[]): string[] {
  try {
    return look();
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

const nameOf = ({ segment, state }: LostPower) => `segment ${segment}, ${state.name}`;

/** The run whose journal has its first record; null = nothing ever began. */
function runIn(workload: Workload): string | null {
  const [run] = workload.rig.runs();
  return run !== undefined && workload.journalText(run).includes("\n") ? run : null;
}

/** What a state lacks that it must have. */
function look(workload: Workload, { segment, answers, state, tree }: LostPower): string[] {
  const { rig } = workload;
  writeState(rig.dir, top, tree);
  const told = state.said.split("\n").filter((line) => line.startsWith('{"seq":'));
  const effects = state.effects.split("\n").slice(0, -1);
  const run = runIn(workload);
  if (run === null)
    return told.length + effects.length + segment > 0 ? ["something was told or done, and is gone"] : [];
  const journal = join(rig.runDir(run), journalName);
  const { records, goodBytes } = readJournalFile(journal);
  const text = readFileSync(journal).subarray(0, goodBytes).toString("utf8");
  const found: string[] = [];
  for (const line of told)
    if (!text.includes(`${line}\n`)) found.push(`a record that was told is gone: ${line.slice(0, 120)}`);
  const intents = new Set(
    records.map((entry) => (entry.type === "command.started" ? entry.step.split(".").at(-1) : "")),
  );
  for (const line of effects) if (!intents.has(line)) found.push(`${line} ran, and its intent is gone`);
  const files = new Map<string, NamedFile>();
  for (const entry of records) noteFiles(entry, files);
  checkNamedFiles(files, new DigestCache(rig.runDir(run)), (code, message) => found.push(`${code}: ${message}`));
  const decided = records.filter((entry) => entry.type === "approval.decided" && entry.decision === "approved").length;
  for (const name of answers) {
    if (decided < segment && !existsSync(join(rig.runDir(run), "inbox", name))) found.push("an answer is gone");
  }
  return found;
}

/** Resumed to the end, whatever the state. */
async function resumeState(workload: Workload, seed: number, count: number): Promise<string[]> {
  const lost = pick(await pickStates(workload, count, 12), seed);
  workload.restore(0);
  const found = look(workload, lost);
  const { rig } = workload;
  const before = lost.segment === 0 ? "" : workload.ledgerAtRest(lost.segment);
  writeFileSync(rig.ledgerFile, before + lost.state.effects);
  const run = runIn(workload);
  if (run !== null) {
    const moment = momentOf(workload, run);
    await workload.toTheEnd(run, { inProcess: true });
    found.push(...(await violations(workload, run, [moment])));
  } else if (rig.runs()[0] !== undefined) {
    // Nothing ran: there is nothing to resume, which is told; the next run is not held up by what is left.
    const { code, stderr } = await rig.run(["resume", String(rig.runs()[0]), "--no-input"], { env: workload.env() });
    if (code !== 2 || !stderr.includes("it never started"))
      found.push(`resume without a record ended with ${code}: ${stderr}`);
  }
  return found.map((problem) => `${nameOf(lost)}: ${problem}`);
}
