/**
 * Named points at which tests make a process fail, honoured only with RUNBOOK_TESTING=1:
 * `RUNBOOK_FAILPOINT=name[:nth]=kill|exit|eio|enospc|torn:<bytes>|delay:<ms>`; several separated by commas.
 * `RUNBOOK_FAILPOINT_VICTIM=supervisor|both` turns `kill` against the supervisor that runs then, or both.
 * `runbook help failpoints` prints this table, and a test compares it with the crash matrix.
 */
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
} as const;
export type Failpoint = keyof typeof failpoints;

interface Armed {
  readonly name: string;
  readonly nth: number;
  readonly action: string;
  seen: number;
}

function parse(text: string | undefined): Armed[] {
  if (process.env["RUNBOOK_TESTING"] !== "1" || text === undefined || text === "") return [];
  return text.split(",").map((item) => {
    const found = /^([a-z._]+)(?::(\d+))?=(kill|exit|eio|enospc|torn:\d+|delay:\d+)$/.exec(item);
    if (found === null || !(found[1]! in failpoints)) {
      throw new Error(`RUNBOOK_FAILPOINT: ${item} is not name[:nth]=action of \`runbook help failpoints\``);
    }
    return { name: found[1]!, nth: Number(found[2] ?? 1), action: found[3]!, seen: 0 };
  });
}

const armed = parse(process.env["RUNBOOK_FAILPOINT"]);

let supervisorPid: () => number | null = () => null;

/** Tells the failpoints whom `RUNBOOK_FAILPOINT_VICTIM` means. */
export function nameVictim(pidOfSupervisor: () => number | null): void {
  supervisorPid = pidOfSupervisor;
}

function kill(): void {
  const victim = process.env["RUNBOOK_FAILPOINT_VICTIM"] ?? "executor";
  const pid = supervisorPid();
  if (victim !== "executor" && pid !== null) process.kill(pid, "SIGKILL");
  if (victim === "supervisor") return;
  process.kill(process.pid, "SIGKILL");
  // The signal ends the process before the next line of JavaScript; on some kernels a moment later.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
}

/** Does what is armed for `name` at this hit; returns how many bytes a torn write may write, or null. */
export function failpoint(name: Failpoint): number | null {
  for (const point of armed) {
    if (point.name !== name || ++point.seen !== point.nth) continue;
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
