/**
 * W20: twenty steps that cover what an interrupted step can be: four of each of read, idempotent write, write with a
 * check, write without one, and approval; a parallel block, an artifact and a secret among them. Every step appends its
 * name to a ledger and syncs it: what ran is known without our own journal.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { JournalRecord } from "../../src/engine/events.ts";
import type { RunRecord } from "../../src/engine/run-record.ts";
import { executorAlive } from "../../src/host/claim.ts";
import { leaveMessage } from "../../src/host/inbox.ts";
import { CliRig, type Ran } from "../rig/cli-rig.ts";
import { until } from "../rig/until.ts";
import { resumeInProcess } from "./in-process.ts";
import { leaks } from "./leaks.ts";
import { secretValue } from "./secret-value.ts";

export type EffectClass = "read" | "idempotent" | "checked" | "once" | "approval";

const say = (id: string, more = "") =>
  `printf '%s\\n' '${id}' >> "$LEDGER"\nsync "$LEDGER"${more === "" ? "" : `\n${more}`}`;
const lasting = { irreversible: "A line in a ledger." };

function step(id: string, more = "", keys: object = {}): Record<string, unknown> & { id: string } {
  const effectClass = classOf(id);
  const base = { id, title: `Step ${id}`, uses: "script", with: { script: say(id, more) }, ...keys };
  switch (effectClass) {
    case "read":
      return { ...base, effects: "read" };
    case "idempotent":
      return { ...base, effects: "write", idempotent: true };
    case "checked": {
      const script = `grep -cx '${id}' "$LEDGER" || true`;
      return {
        ...base,
        effects: "write",
        ...lasting,
        check: { uses: "script", with: { script }, that: "result.json == 1" },
      };
    }
    case "once":
      return { ...base, effects: "write", ...lasting };
    case "approval":
      return { id, title: `Approve ${id}`, uses: "approval", with: { prompt: `Go on after ${id}?` } };
  }
}

/** Ids start with the class. */
export function classOf(id: string): EffectClass {
  return id.split("_")[0] as EffectClass;
}

const steps = [
  step("read_1"),
  step("once_1", 'printf "the secret is %s\\n" "$TOKEN"'),
  step("checked_1"),
  step("idempotent_1"),
  step("approval_1"),
  step("checked_2"),
  step("read_2"),
  step("once_2", 'printf "kept\\n" > "$KEPT"', { artifacts: ["kept.txt"], env: { KEPT: "kept.txt" } }),
  step("approval_2"),
  step("idempotent_2"),
  { id: "both", title: "Two at once", parallel: [step("once_3"), step("idempotent_3")] },
  step("read_3"),
  step("approval_3"),
  step("checked_3"),
  step("approval_4"),
  step("idempotent_4"),
  step("checked_4"),
  step("read_4"),
  step("once_4"),
];
export const stepIds = steps.flatMap((each) =>
  "parallel" in each ? (each as unknown as { parallel: { id: string }[] }).parallel.map(({ id }) => id) : [each.id],
);

const name = "w20";
export const command = ["run", name, "-t", "here"];
const quiet = ["--no-input", "-o", "json"];

/** A project with the workload, and rests of one finished run of it: where each of its executors begins. */
export class Workload {
  readonly rig: CliRig;
  /** Segments: the executor that starts the run, then one after each approval. */
  readonly segments = 5;
  /** What the executor of each segment of the undisturbed run passed, in order: `name nth`. */
  readonly passed: string[][] = [];
  /** What a case armed and its executors never came to. */
  notReached: string[] = [];
  /** Names of the points at which something was done, over all cases. */
  readonly reached = new Set<string>();
  private run = "";
  private readonly rests: string[] = [];
  /** Statuses of an undisturbed run, by step. */
  private expected: Readonly<Record<string, string>> = {};

  constructor() {
    this.rig = new CliRig({ fixture: "ledger" });
    const env = { TOKEN: "${{ secrets.TOKEN }}" };
    this.rig.runbook(name, { secrets: ["TOKEN"], env, steps });
  }

  /** Runs the workload once undisturbed and keeps a copy of its state at each rest. */
  async prepare(): Promise<void> {
    const started = this.rig.start([...command, ...quiet], { env: this.env() });
    let ran = await started.ended;
    if (ran.code !== 5) throw new Error(`the workload ended with ${ran.code}: ${ran.stdout} ${ran.stderr}`);
    this.run = await started.run();
    while (ran.code === 5) {
      this.passed.push(this.takeFailpointLog());
      this.keepRest();
      ran = await this.goOn();
    }
    this.passed.push(this.takeFailpointLog());
    if (ran.code !== 0)
      throw new Error(`the undisturbed run ended with ${ran.code}: ${ran.stderr}\n${this.rig.trace(this.run)}`);
    if (this.rests.length !== this.segments - 1) throw new Error(`${this.rests.length} rests`);
    this.expected = statuses(this.rig.record(this.run));
    const problems = await violations(this, this.run, []);
    if (problems.length > 0) throw new Error(`the undisturbed run: ${problems.join("; ")}`);
  }

  env(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    return {
      RUNBOOK_SECRET_TOKEN: secretValue,
      RUNBOOK_TESTING: "1",
      RUNBOOK_FAILPOINT_LOG: this.failpointLog,
      ...more,
    };
  }

  private get failpointLog(): string {
    return join(this.rig.dir, "failpoints");
  }

  /** What was passed since the last call: `name nth`, and ` action` where that was armed. */
  takeFailpointLog(): string[] {
    if (!existsSync(this.failpointLog)) return [];
    const lines = readFileSync(this.failpointLog, "utf8").split("\n").slice(0, -1);
    rmSync(this.failpointLog);
    return lines.map((line) => line.replace(/ -$/, ""));
  }

  get statuses(): Readonly<Record<string, string>> {
    return this.expected;
  }

  /** Compares what `env` armed with what its executor passed. */
  noteReached(env: Readonly<Record<string, string>>): void {
    const lines = this.takeFailpointLog();
    for (const armed of (env["RUNBOOK_FAILPOINT"] ?? "").split(",")) {
      const [point = "", nth, action] = armed.split(/[:=](?=\d+=|kill|torn)/);
      if (!lines.includes(`${point} ${nth ?? 1} ${action}`)) this.notReached.push(`${armed} was not reached`);
      else if (lines.includes("no supervisor to kill"))
        this.notReached.push(`${armed}: there was no supervisor to kill`);
      else this.reached.add(point);
    }
  }

  private keepRest(): void {
    const rest = join(this.rig.dir, `rest-${this.rests.length}`);
    cpSync(this.rig.stateDir, join(rest, "state"), { recursive: true });
    cpSync(this.rig.ledgerFile, join(rest, "ledger"));
    this.rests.push(rest);
  }

  /** Puts the state before a segment in place; returns the run's id, null for the first segment, which has none yet. */
  restore(segment: number): string | null {
    this.notReached = [];
    this.takeFailpointLog();
    rmSync(this.rig.stateDir, { recursive: true, force: true });
    // The next case is the same run again: what an earlier one left beside it must not be adopted.
    rmSync(join(this.rig.dir, "tmp"), { recursive: true, force: true });
    mkdirSync(join(this.rig.dir, "tmp"));
    this.rig.clearLedger();
    const rest = this.rests[segment - 1];
    if (rest === undefined) return null;
    cpSync(join(rest, "state"), this.rig.stateDir, { recursive: true });
    cpSync(join(rest, "ledger"), this.rig.ledgerFile);
    return this.run;
  }

  /** The ledger when a segment begins. */
  ledgerAtRest(segment: number): string {
    return readFileSync(join(this.rests[segment - 1] ?? "", "ledger"), "utf8");
  }

  /** Starts the run, or approves what it waits for and resumes it. */
  async begin(run: string | null, env: Readonly<Record<string, string>> = {}): Promise<{ run: string; ran: Ran }> {
    if (run !== null) return { run, ran: await this.goOn(env, run) };
    const started = this.rig.start([...command, ...quiet], { env: this.env(env) });
    const ran = await started.ended;
    return { run: await started.run(), ran };
  }

  /** Whether the run has its verdict and all of its evidence. */
  isOver(run: string): boolean {
    if (!existsSync(join(this.rig.runDir(run), "SHA256SUMS"))) return false;
    return this.rig.record(run).finished !== null;
  }

  /** Several commands that answer and resume the run at once. */
  async race(run: string, count: number): Promise<Ran[]> {
    this.leaveAnswers(run);
    return await Promise.all(
      Array.from({ length: count }, () => this.rig.run(["resume", run, ...quiet], { env: this.env() })),
    );
  }

  /** Approves whatever waits for it; the next executor takes the answers. */
  leaveAnswers(run: string): void {
    for (const open of this.rig.record(run).steps.values()) {
      if (open.status !== "waiting" || open.approval?.state !== "waiting") continue;
      leaveMessage(this.rig.runDir(run), {
        kind: "decision",
        step: open.path,
        decision: "approved",
        by: { name: "tester", method: "login", login: "tester", keyId: null, groups: [] },
        reason: null,
        shownDigest: open.approval.request.shownDigest,
        signature: null,
        attachments: [],
      });
    }
  }

  /** What nobody can know is decided by the ledger. */
  private decisions(run: string): { decision: "accept" | "retry"; step: string; reason: string }[] {
    const ledger = this.rig.ledger();
    return [...this.rig.record(run).steps.values()]
      .filter(({ status }) => status === "indeterminate")
      .map(({ id, path }) => ({
        decision: ledger.includes(id) ? "accept" : "retry",
        step: path,
        reason: "the ledger says so",
      }));
  }

  private async goOnInProcess(run: string): Promise<number> {
    this.leaveAnswers(run);
    const { stateDir } = this.rig;
    const decisions = this.decisions(run);
    return await resumeInProcess({ stateDir, run, env: this.rig.environment(this.env()) }, decisions);
  }

  /** Does what a person would do next, and resumes. */
  async goOn(env: Readonly<Record<string, string>> = {}, run = this.run): Promise<Ran> {
    await until("the executor is gone", () => !executorAlive(this.rig.runDir(run)));
    this.leaveAnswers(run);
    const flags = this.decisions(run).flatMap(({ decision, step }) => [`--${decision}`, step]);
    if (flags.length > 0) flags.push("--reason", "the ledger says so");
    return await this.rig.run(["resume", run, ...flags, ...quiet], { env: this.env(env) });
  }

  /**
   * Resumes until the run has its verdict; returns how often. The first one, which finds what the fault left, is the real
   * command unless `inProcess`; those that only go from one approval to the next are spared its two starts of Node.
   */
  async toTheEnd(run: string, { limit = 40, inProcess = false } = {}): Promise<number> {
    for (let resumes = 0; resumes <= limit; resumes++) {
      if (this.isOver(run)) return resumes;
      if (inProcess || resumes > 0) {
        const code = await this.goOnInProcess(run);
        if (code !== 0 && code !== 5) throw new Error(`resume in process ended with ${code}`);
        continue;
      }
      const { code, stderr } = await this.goOn({}, run);
      if (code !== 0 && code !== 1 && code !== 5) throw new Error(`resume ended with ${code}: ${stderr}`);
    }
    throw new Error(`no verdict after ${limit} resumes\n${this.rig.trace(run)}`);
  }

  journalText(run: string): string {
    try {
      return readFileSync(join(this.rig.runDir(run), "journal.ndjson"), "utf8");
    } catch {
      return "";
    }
  }
}

export function statuses(record: RunRecord): Record<string, string> {
  return Object.fromEntries([...record.steps.values()].map((each) => [each.path, each.status]));
}

/** What stood when a process was killed. */
export interface Moment {
  readonly journal: string;
  readonly ledger: readonly string[];
}

export function momentOf(workload: Workload, run: string): Moment {
  return { journal: workload.journalText(run), ledger: workload.rig.ledger() };
}

/** Everything that a finished run may not show, after kills at `moments`; empty = all guarantees held. */
export async function violations(workload: Workload, run: string, moments: readonly Moment[]): Promise<string[]> {
  const { rig } = workload;
  const found: string[] = [];
  const record = rig.record(run);
  const ledger = rig.ledger();
  const count = (lines: readonly string[], id: string) => lines.filter((line) => line === id).length;
  const text = workload.journalText(run);
  for (const { journal, ledger: then } of moments) {
    const whole = journal.slice(0, journal.lastIndexOf("\n") + 1);
    if (!text.startsWith(whole)) found.push("a record that was there is gone");
    for (const line of whole.split("\n").slice(0, -1)) {
      const entry = JSON.parse(line) as JournalRecord;
      if (entry.type !== "step.finished" || entry.status !== "succeeded") continue;
      const id = entry.step.split(".").at(-1) ?? "";
      if (count(then, id) !== count(ledger, id)) found.push(`${id} ran again although its end was recorded`);
    }
  }
  for (const id of stepIds) {
    const times = count(ledger, id);
    const effectClass = classOf(id);
    if (effectClass === "approval") continue;
    if (times === 0) found.push(`${id} never ran`);
    if (times > 1 && (effectClass === "once" || effectClass === "checked")) found.push(`${id} ran ${times} times`);
  }
  if (record.result !== "succeeded") found.push(`the run ended as ${record.result}: ${record.finished?.summary}`);
  const expected = workload.statuses;
  if (Object.keys(expected).length > 0 && JSON.stringify(statuses(record)) !== JSON.stringify(expected))
    found.push(`other statuses: ${JSON.stringify(statuses(record))}`);
  for (const problem of await rig.problems(run)) found.push(`verify: ${JSON.stringify(problem)}`);
  await until("its processes are gone", () => rig.processes().length === 0).catch((error) => {
    found.push(String(error), ...rig.processes().map(({ pid, command }) => `  ${pid} ${command}`));
  });
  found.push(...leaks(rig.stateDir));
  return found;
}
