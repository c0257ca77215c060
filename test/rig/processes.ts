/** Processes of a test, found by what only they carry: the path of the test's own temporary folder. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { identityOf, isAlive, type ProcessIdentity } from "../../src/host/supervisor/process-identity.ts";
import { until } from "./until.ts";

export interface FoundProcess extends ProcessIdentity {
  /** Arguments, blank-separated. */
  readonly command: string;
}

/** Living processes that have `folder` in their arguments, environment or working directory; not this one. */
export function processesOf(folder: string): FoundProcess[] {
  const found: FoundProcess[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
      const cwd = readlinkSync(`/proc/${pid}/cwd`);
      if (!command.includes(folder) && !environment.includes(folder) && !cwd.startsWith(folder)) continue;
      const identity = identityOf(pid);
      if (identity !== null) found.push({ ...identity, command });
    } catch {
      // it ended meanwhile, or belongs to another user: not ours either way
    }
  }
  return found;
}

/** Kills one process by its identity and returns when it is gone. */
export async function kill9(identity: ProcessIdentity): Promise<void> {
  if (isAlive(identity)) process.kill(identity.pid, "SIGKILL");
  await until(`process ${identity.pid} is gone`, () => !isAlive(identity));
}

/** Kills every process of a folder, also those that appear meanwhile. */
export async function endProcessesOf(folder: string): Promise<void> {
  await until(`no process of ${folder} is left`, () => {
    const left = processesOf(folder);
    for (const { pid } of left) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // it ended meanwhile
      }
    }
    return left.length === 0;
  });
}
