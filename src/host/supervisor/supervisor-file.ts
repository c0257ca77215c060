/** `supervisor.json` in the run directory: the identities of the run's supervisors that were alive when it was written. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, type ProcessIdentity } from "./process-identity.ts";

export function supervisorFile(runDir: string): string {
  return join(runDir, "supervisor.json");
}

/** Those that are alive now; none when the file is missing. */
export function livingSupervisors(runDir: string): readonly ProcessIdentity[] {
  let text: string;
  try {
    text = readFileSync(supervisorFile(runDir), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const { supervisors } = JSON.parse(text) as { supervisors: readonly ProcessIdentity[] };
  return supervisors.filter(isAlive);
}
