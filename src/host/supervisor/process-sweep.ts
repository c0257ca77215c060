/**
 * Finds and ends the processes of one attempt, wherever they went: children that left the process group (setsid, double
 * fork) still carry the marker in their environment. A process that clears its environment and leaves the session
 * escapes; only a cgroup would hold it.
 */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { type ProcessState, processState } from "./process-identity.ts";

/** Name of the environment entry that every process of a step carries. */
export const MARKER_NAME = "RUNBOOK_ATTEMPT";

/** The value of the marker: run and attempt. */
export function markerValue(runId: string, attemptId: string): string {
  return `${runId}/${attemptId}`;
}

/**
 * The living processes of an attempt, this one excepted. With `sessionId` also members of that session without a marker
 * (a session's number is not given away while it has members).
 */
export function sweepMarker(runId: string, attemptId: string, sessionId?: number): readonly ProcessState[] {
  const marker = `${MARKER_NAME}=${markerValue(runId, attemptId)}`;
  const found: ProcessState[] = [];
  for (const pid of process.platform === "linux" ? pidsFromProc(marker, sessionId) : pidsFromPs(marker, sessionId)) {
    const state = pid === process.pid ? null : processState(pid);
    if (state !== null && !state.isZombie) found.push(state);
  }
  return found;
}

function pidsFromProc(marker: string, sessionId: number | undefined): readonly number[] {
  const wanted = Buffer.from(`${marker}\0`);
  const inside = Buffer.from(`\0${marker}\0`);
  const pids: number[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    try {
      const environment = readFileSync(`/proc/${pid}/environ`);
      if (environment.subarray(0, wanted.length).equals(wanted) || environment.includes(inside)) {
        pids.push(pid);
        continue;
      }
    } catch {
      // gone meanwhile, or of another user: then it cannot be ended from here either
    }
    if (sessionId !== undefined && processState(pid)?.sessionId === sessionId) pids.push(pid);
  }
  return pids;
}

function pidsFromPs(marker: string, sessionId: number | undefined): readonly number[] {
  const lines = execFileSync("/bin/ps", ["-A", "-E", "-ww", "-o", "pid=,pgid=,command="], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  }).split("\n");
  return lines.flatMap((line) => {
    const [, pid, groupId, command] = /^\s*(\d+)\s+(\d+)\s(.*)$/.exec(line) ?? [];
    const isOurs = ` ${command ?? ""} `.includes(` ${marker} `) || Number(groupId) === sessionId;
    return pid !== undefined && isOurs ? [Number(pid)] : [];
  });
}

/** Sends a signal to each process that still is the one found. */
export function signalProcesses(processes: readonly ProcessState[], signal: NodeJS.Signals): void {
  for (const { pid, startTime } of processes) {
    if (processState(pid)?.startTime !== startTime) continue;
    try {
      process.kill(pid, signal);
    } catch {
      // ended in this moment, or not ours to end: the next sweep counts it
    }
  }
}

/** Kills until a sweep finds nothing, for a second at most. Returns the processes that are left. */
export async function killMarked(
  runId: string,
  attemptId: string,
  sessionId?: number,
): Promise<readonly ProcessState[]> {
  let left = sweepMarker(runId, attemptId, sessionId);
  for (let round = 0; left.length > 0 && round < 40; round++) {
    signalProcesses(left, "SIGKILL");
    await wait(round < 5 ? 5 : 25);
    left = sweepMarker(runId, attemptId, sessionId);
  }
  return left;
}

/** Ends all processes of an attempt: TERM, then KILL after `graceMs`. Returns the processes that are left. */
export async function endMarked(runId: string, attemptId: string, graceMs: number): Promise<readonly ProcessState[]> {
  const found = sweepMarker(runId, attemptId);
  signalProcesses(found, "SIGTERM");
  const deadline = performance.now() + graceMs;
  while (sweepMarker(runId, attemptId).length > 0) {
    const left = deadline - performance.now();
    if (left <= 0) return killMarked(runId, attemptId);
    await wait(Math.min(50, left));
  }
  return [];
}
