/**
 * Who a process is, beyond its number: numbers are reused, and a dead child that nobody reaps still "exists" for
 * `kill(pid, 0)`. On Linux from `/proc/<pid>/stat` (proc(5)); elsewhere from `ps`.
 */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";

/** A process that no other process of any time can be mistaken for. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Linux: clock ticks since boot. Elsewhere: milliseconds since 1970, to the second. */
  readonly startTime: number;
  /** Differs after every boot. */
  readonly bootId: string;
  readonly host: string;
}

/** What the process table says of one process. */
export interface ProcessState {
  readonly pid: number;
  /** Dead, with all its threads, and not yet reaped. */
  readonly isZombie: boolean;
  readonly parentPid: number;
  readonly groupId: number;
  readonly sessionId: number;
  readonly startTime: number;
}

const hasProc = process.platform === "linux";

/** The process table's entry, or null when there is no such process. */
export function processState(pid: number): ProcessState | null {
  return hasProc ? stateFromProc(pid) : stateFromPs(pid);
}

function stateFromProc(pid: number): ProcessState | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return null;
  }
  // The program's name stands in parentheses and may hold blanks and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    pid,
    isZombie: (fields[0] === "Z" || fields[0] === "X") && !hasLivingThreads(pid),
    parentPid: Number(fields[1]),
    groupId: Number(fields[2]),
    sessionId: Number(fields[3]),
    startTime: Number(fields[19]),
  };
}

/**
 * A killed process shows its first thread as a zombie while the others are still about to end: until they have, its
 * files are open, a write may still land, and its children are not handed over.
 */
function hasLivingThreads(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

function stateFromPs(pid: number): ProcessState | null {
  let line: string;
  try {
    line = execFileSync("/bin/ps", ["-o", "stat=,ppid=,pgid=,lstart=", "-p", String(pid)], {
      encoding: "utf8",
      env: { LC_ALL: "C", TZ: "UTC" },
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return null;
  }
  const [stat, parentPid, groupId, ...started] = line.split(/\s+/);
  if (stat === undefined || started.length === 0) return null;
  return {
    pid,
    isZombie: stat.startsWith("Z"),
    parentPid: Number(parentPid),
    groupId: Number(groupId),
    sessionId: Number(groupId), // steps lead a session and a group of the same number; `ps` there has no session field
    startTime: Date.parse(`${started.join(" ")} UTC`),
  };
}

let cachedBootId: string | null = null;

function bootId(): string {
  cachedBootId ??= hasProc
    ? readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()
    : execFileSync("/usr/sbin/sysctl", ["-n", "kern.boottime"], { encoding: "utf8" }).replace(/\}.*/s, "}");
  return cachedBootId;
}

/** The identity of a living process of this machine, or null when there is none (a zombie is none). */
export function identityOf(pid: number): ProcessIdentity | null {
  const state = processState(pid);
  if (state === null || state.isZombie) return null;
  return { pid, startTime: state.startTime, bootId: bootId(), host: hostname() };
}

/** The identity of this process. */
export function selfIdentity(): ProcessIdentity {
  const identity = identityOf(process.pid);
  if (identity === null) throw new Error("this process is missing from the process table; is /proc mounted?");
  return identity;
}

/**
 * Whether that very process still lives. A process of another host counts as alive, because nothing here can tell:
 * compare `host` first where that matters. The same boot is the same machine, whatever it is called now.
 */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.host !== hostname() && identity.bootId !== bootId()) return true;
  const now = identityOf(identity.pid);
  return now !== null && now.startTime === identity.startTime && now.bootId === identity.bootId;
}
