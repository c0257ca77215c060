import { readFileSync } from "node:fs";

/**
 * What makes a process this one and not a later one with the same number: its pid, its start time in clock ticks
 * since boot (field 22 of /proc/PID/stat, proc(5)) and the boot it belongs to. Outside Linux only the pid is known.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: string;
  readonly bootId: string;
}

/** The identity of a running process, or null when it does not exist, is a zombie, or cannot be seen. */
export function identityOf(pid: number): ProcessIdentity | null {
  if (process.platform !== "linux") return answersSignals(pid) ? { pid, startTicks: "", bootId: "" } : null;
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return null;
  }
  // The name in field 2 may hold blanks and brackets, so count from its last closing bracket.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return null;
  return { pid, startTicks: fields[19] ?? "", bootId: bootId() };
}

/** True while the very process that was recorded still runs; a zombie and a reused pid are not alive. */
export function isAlive(recorded: ProcessIdentity): boolean {
  const now = identityOf(recorded.pid);
  return now !== null && now.startTicks === recorded.startTicks && now.bootId === recorded.bootId;
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    return "";
  }
}
