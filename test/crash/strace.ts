/** The command under strace(1), which is told what to fail or what to write down. */
import { spawn } from "node:child_process";
import { finished, program, type Ran } from "../rig/cli-rig.ts";
import type { Workload } from "./workload.ts";

/** Runs `runbook …args` under `strace …options`, all its processes included; returns when the last of them is gone. */
export async function underStrace(
  workload: Workload,
  options: readonly string[],
  args: readonly string[],
): Promise<Ran> {
  const { rig } = workload;
  const child = spawn("strace", ["-f", "-qq", ...options, process.execPath, program, ...args], {
    cwd: rig.project,
    // io_uring would pass by every traced call.
    env: { ...rig.environment(workload.env()), UV_USE_IO_URING: "0" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return await finished(child);
}
