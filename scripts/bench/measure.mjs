// Runs one process to its end and says what it and everything it started cost.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";

/** Linux counts processor time in ticks of 10 ms (USER_HZ, fixed by its ABI). */
const tickMs = 10;
const memoryPollMs = 25;

/**
 * Wall time and processor time (user + system, descendants included once they were waited for; null without /proc) in
 * milliseconds. With `memory` also the peak of the largest single process in bytes. Throws when the exit code is not
 * one of `codes`.
 */
export async function runProcess(argv, { cwd, env = {}, memory = false, codes = [0], onLine = null } = {}) {
  const cpuBefore = childrenCpuMs();
  const begin = performance.now();
  const beginAt = Date.now();
  const child = spawn(argv[0], argv.slice(1), {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd ?? "/", LC_ALL: "C.UTF-8", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    if (onLine === null) return;
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) onLine(line);
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    said = (said + text).slice(-2_000);
  });
  const peak = memory ? watchMemory(child.pid) : null;
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => resolve(status ?? signal));
  });
  const wallMs = performance.now() - begin;
  if (!codes.includes(code)) throw new Error(`${argv.join(" ")}: ended with ${code}\n${said}`);
  const cpuAfter = childrenCpuMs();
  return {
    wallMs,
    cpuMs: cpuBefore === null ? null : cpuAfter - cpuBefore,
    beginAt,
    peakBytes: peak?.stop() ?? null,
    peaks: peak?.peaks() ?? null,
  };
}

/** The same `times` times, one after the other; the mean of one. For what is over in less than a few ticks. */
export async function runTimes(times, argv, options) {
  const before = childrenCpuMs();
  let wallMs = 0;
  for (let nth = 0; nth < times; nth++) wallMs += (await runProcess(argv, options)).wallMs / times;
  return { wallMs, cpuMs: before === null ? null : (childrenCpuMs() - before) / times, peakBytes: null };
}

/** Processor time of all descendants that were waited for, proc(5) fields cutime and cstime. */
function childrenCpuMs() {
  try {
    const stat = readFileSync("/proc/self/stat", "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[13]) + Number(fields[14])) * tickMs;
  } catch {
    return null;
  }
}

/** Follows the high-water marks of a process and its descendants; the kernel keeps them, so seldom looks are enough. */
function watchMemory(pid) {
  const peaks = new Map();
  const look = () => {
    for (const { pid: each, name } of descendants(pid)) {
      const bytes = peakOf(each);
      if (bytes > (peaks.get(each)?.bytes ?? 0)) peaks.set(each, { name, bytes });
    }
  };
  look();
  const timer = setInterval(look, memoryPollMs);
  return {
    stop() {
      clearInterval(timer);
      return Math.max(0, ...[...peaks.values()].map(({ bytes }) => bytes));
    },
    /** Program name → largest peak. */
    peaks() {
      const byName = {};
      for (const { name, bytes } of peaks.values()) byName[name] = Math.max(byName[name] ?? 0, bytes);
      return byName;
    },
  };
}

function descendants(root) {
  const parents = new Map();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // ended meanwhile
    }
  }
  const found = [];
  for (const pid of parents.keys()) {
    let at = pid;
    while (at !== undefined && at !== root) at = parents.get(at);
    if (at === root) found.push({ pid, name: nameOf(pid) });
  }
  return found;
}

/** The script a Node process runs, else the program. */
function nameOf(pid) {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    const script = words.slice(1).find((word) => /\.[cm]?js$/.test(word));
    return (script ?? words[0]).split("/").at(-1);
  } catch {
    return "";
  }
}

function peakOf(pid) {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
