/** The project's `drills.ndjson`: appended to by finished drills, read by `list` and `trend`. */
import { closeSync, constants, fstatSync, fsyncSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import type { RunRecord } from "../../engine/run-record.ts";
import { withMutex } from "../../host/claim.ts";
import { writeAll } from "../../host/durable-file.ts";
import { type DrillRegister, drillLine, drillsFile, parseDrills } from "../../report/drills.ts";
import type { PrivateKey } from "../../report/keys.ts";

/**
 * Appends the line of a finished run, as one write under a lock that every run of this machine takes, and syncs it. A
 * run that is finished twice from the same head (a crash in between) is written once.
 */
export async function appendDrill(file: string, record: RunRecord, key: PrivateKey | null): Promise<void> {
  const line = drillLine(record, key);
  await withMutex(`drills:${file}`, () => {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
    const fd = openSync(file, flags, 0o644);
    try {
      const { entries } = parseDrills(readFileSync(fd, "utf8"));
      if (entries.some((entry) => entry.run === record.run && entry.headHash === `sha256:${record.headHash}`)) return;
      // A last line without its newline (an editor, a cut-off write) must not swallow this one.
      writeAll(fd, Buffer.from(endsLine(fd) ? line : `\n${line}`), file);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  });
}

function endsLine(fd: number): boolean {
  const { size } = fstatSync(fd);
  const last = Buffer.alloc(1);
  return size === 0 || (readSync(fd, last, 0, 1, size - 1) === 1 && last[0] === 10);
}

/** Empty when there is none. */
export function readDrills(projectDir: string): DrillRegister {
  try {
    return parseDrills(readFileSync(join(projectDir, drillsFile), "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { entries: [], badLines: [] };
    throw error;
  }
}
