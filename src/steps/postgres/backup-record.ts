/**
 * What `postgres/dump` writes beside a dump, as `FILE.json`: when and of what it was taken, its hash, its manifest, and the
 * sizes of those before it. A dump whose record does not fit is another file than the one that was taken.
 */
import { isObject } from "../../util/json.ts";
import { exitFailure } from "../command-text.ts";
import { readTextFile } from "../probes.ts";
import { StepFailure, type StepHost } from "../step-type.ts";

export interface BackupRecord {
  readonly format: "runbook.backup/1.0";
  /** Time of the snapshot, RFC 3339 UTC. */
  readonly takenAt: string;
  readonly database: string;
  readonly serverVersion: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly tables: number;
  readonly manifest: readonly unknown[];
  /** The dumps before it, newest first. */
  readonly earlier: readonly EarlierBackup[];
}

export interface EarlierBackup {
  readonly takenAt: string;
  readonly bytes: number;
  readonly sha256: string;
}

const keptEarlier = 30;

function recordPath(dump: string): string {
  return `${dump}.json`;
}

/** Null = there is none. Throws when the file is something else. */
export async function readBackupRecord(host: StepHost, dump: string): Promise<BackupRecord | null> {
  const path = recordPath(dump);
  const text = await readTextFile(path, host.signal);
  if (text === null) return null;
  let value: unknown = null;
  try {
    value = JSON.parse(text);
  } catch {
    // judged below
  }
  if (isRecord(value)) return value;
  throw new StepFailure(
    "failed",
    "record-damaged",
    `${path} is not the record of a backup (runbook.backup/1.0). Take a new backup, or remove it if the dump came from elsewhere.`,
    { facts: { path } },
  );
}

function isRecord(value: unknown): value is BackupRecord {
  if (!isObject(value) || value["format"] !== "runbook.backup/1.0") return false;
  const earlier = value["earlier"];
  return (
    isEntry(value) &&
    ["database", "serverVersion"].every((name) => typeof value[name] === "string") &&
    Number.isInteger(value["tables"]) &&
    Array.isArray(value["manifest"]) &&
    Array.isArray(earlier) &&
    earlier.every(isEntry)
  );
}

function isEntry(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value["takenAt"] === "string" &&
    !Number.isNaN(Date.parse(value["takenAt"])) &&
    Number.isInteger(value["bytes"]) &&
    typeof value["sha256"] === "string"
  );
}

/** Writes the record of a dump that has its final name; what it replaces becomes one of the earlier ones. */
export async function writeBackupRecord(
  host: StepHost,
  dump: string,
  facts: Omit<BackupRecord, "format" | "earlier">,
): Promise<void> {
  const before = await readBackupRecord(host, dump).catch(() => null);
  const earlier =
    before === null
      ? []
      : [{ takenAt: before.takenAt, bytes: before.bytes, sha256: before.sha256 }, ...before.earlier].slice(
          0,
          keptEarlier,
        );
  const record: BackupRecord = { format: "runbook.backup/1.0", ...facts, earlier };
  const write = 'umask 077; cat > "$RUNBOOK_RECORD.partial" && mv -- "$RUNBOOK_RECORD.partial" "$RUNBOOK_RECORD"';
  const written = await host.command(["sh", "-c", write], {
    effects: "read",
    env: { RUNBOOK_RECORD: recordPath(dump) },
    stdin: `${JSON.stringify(record)}\n`,
  });
  if (written.exitCode !== 0) throw exitFailure("writing the record of the backup", written);
}
