/** A command of a rig whose output is looked at while it runs. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { CliRig, Ran } from "./cli-rig.ts";

const program = process.env["RUNBOOK_TEST_BIN"] ?? join(import.meta.dirname, "../../bin/runbook.cjs");

export class LiveCommand {
  stdout = "";
  stderr = "";
  readonly ended: Promise<Ran>;

  constructor(rig: CliRig, args: readonly string[]) {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: rig.project,
      env: rig.environment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.ended = once(child, "close").then(([code]) => ({ code, stdout: this.stdout, stderr: this.stderr }));
  }
}
