/**
 * Named points at which tests make a process fail, honoured only with RUNBOOK_TESTING=1:
 * `RUNBOOK_FAILPOINT=name[:nth]=kill|exit|eio|enospc|torn:<bytes>|delay:<ms>`; several separated by commas.
 * `RUNBOOK_FAILPOINT_VICTIM=supervisor|both` turns `kill` against the supervisor that runs then, or both.
 * `RUNBOOK_FAILPOINT_LOG=<file>` gets a line `name nth -|action` for every pass of every point: what a test armed and
 * what was really reached are two things.
 * `runbook help failpoints` prints this table, and a test compares it with the crash matrix.
 */
import { appendFileSync } from "node:fs";
import { JournalError } from "../engine/ports.ts";

export const failpoints = {
  "lock.acquired": "the executor has taken the run and its lock, before its first record",
  "journal.create.before_dirsync": "the journal exists with its first record, its directory is not synced",
  "intent.before_write": "the record of an intended effect is made, nothing of it is written",
  "intent.torn": "the record of an intended effect is written only in part",
  "intent.before_sync": "the record of an intended effect is written, not synced",
  "intent.after_sync": "the record of an intended effect is durable, the effect has not begun",
  "spawn.after_fork": "the step's process runs, nobody recorded its identity",
  "spawn.pid_recorded": "the step's process runs and its identity is recorded",
  "step.running": "a step has begun",
  "result.before_write": "a step's end is known, nothing of its record is written",
  "result.torn": "the record of a step's end is written only in part",
  "result.before_sync": "the record of a step's end is written, not synced",
  "result.after_sync": "the record of a step's end is durable, nobody was told",
  "approval.before_sync": "an approval is requested, the request is not durable",
  "report.before_rename": "the verdict is sealed, the report is not in place",
  "report.before_dirsync": "the report is in place, its directory is not synced",
  "report.before_sums": "report, statement and what the project gets are written, the sums are not",
} as const;
export type Failpoint = keyof typeof failpoints;

interface Armed {
  readonly name: string;
  readonly nth: number;
  readonly action: string;
}

function parse(text: string | undefined): Armed[] {
  if (process.env["RUNBOOK_TESTING"] !== "1" || text === undefined || text === "") return [];
  return text.split(",").map((item) => {
    const found = /^([a-z._]+)(?::(\d+))?=(kill|exit|eio|enospc|torn:\d+|delay:\d+)$/.exec(item);
    if (found === null || !(found[1]! in failpoints)) {
      throw new Error(`RUNBOOK_FAILPOINT: ${item} is not name[:nth]=action of \`runbook help failpoints\``);
    }
    return { name: found[1]!, nth: Number(found[2] ?? 1), action: found[3]! };
  });
}

const armed = parse(process.env["RUNBOOK_FAILPOINT"]);
const log = process.env["RUNBOOK_TESTING"] === "1" ? process.env["RUNBOOK_FAILPOINT_LOG"] : undefined;
/** How often this process passed each point. */
const passes = new Map<string, number>();

let supervisorPid: () => number | null = () => null;

/** Tells the failpoints whom `RUNBOOK_FAILPOINT_VICTIM` means. */
export function nameVictim(pidOfSupervisor: () => number | null): void {
  supervisorPid = pidOfSupervisor;
}

function note(line: string): void {
  if (log !== undefined) appendFileSync(log, `${line}\n`, { mode: 0o600 });
}

function kill(): void {
  const victim = process.env["RUNBOOK_FAILPOINT_VICTIM"] ?? "executor";
  const pid = supervisorPid();
  if (victim !== "executor" && pid === null) note("no supervisor to kill");
  if (victim !== "executor" && pid !== null) process.kill(pid, "SIGKILL");
  if (victim === "supervisor") return;
  process.kill(process.pid, "SIGKILL");
  // The signal ends the process before the next line of JavaScript; on some kernels a moment later.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
}

/** Does what is armed for `name` at this hit; returns how many bytes a torn write may write, or null. */
export function failpoint(name: Failpoint): number | null {
  if (armed.length === 0 && log === undefined) return null;
  const nth = (passes.get(name) ?? 0) + 1;
  passes.set(name, nth);
  const hits = armed.filter((point) => point.name === name && point.nth === nth);
  if (hits.length === 0) note(`${name} ${nth} -`);
  for (const point of hits) {
    note(`${name} ${nth} ${point.action}`);
    const [action, amount = "0"] = point.action.split(":");
    switch (action) {
      case "kill":
        kill();
        break;
      case "exit":
        process.exit(70);
        break;
      case "eio":
        throw new JournalError("EIO", name, `failpoint ${name}: input/output error`);
      case "enospc":
        throw new JournalError("ENOSPC", name, `failpoint ${name}: no space left on device`);
      case "torn":
        return Number(amount);
      case "delay":
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(amount));
        break;
    }
  }
  return null;
}
