/** What a run records about the program that executes it and the clock it reads. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../util/json.ts";
import { distDir } from "../version.ts";

/** Written by systemd-timesyncd when the clock is set from the network (systemd-timesyncd.service(8)). */
const synchronized = "/run/systemd/timesync/synchronized";

export function toolFacts(): JsonObject {
  return {
    toolDigest: digestOf(join(distDir, "executor.cjs")),
    timeSync: existsSync(synchronized) ? "synchronized (systemd-timesyncd)" : "unknown",
  };
}

function digestOf(file: string): string | null {
  try {
    return `sha256:${createHash("sha256").update(readFileSync(file)).digest("hex")}`;
  } catch {
    return null;
  }
}
