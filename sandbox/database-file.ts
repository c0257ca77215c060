/** Where the database of a sandbox is, as it was last started: a file, so that a plan can look without asking a server. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJson } from "./json-file.ts";
import { sandboxLayout } from "./layout.ts";

export interface RecordedDatabase {
  readonly port: number;
  /** Folder of its data, absolute. */
  readonly data: string;
}

export function databaseFile(stateDir: string): string {
  return join(sandboxLayout(stateDir).dir, "postgres.json");
}

/** Null when it was never started, or its data is gone. */
export function recordedDatabase(stateDir: string): RecordedDatabase | null {
  const recorded = readJson<RecordedDatabase>(databaseFile(stateDir));
  return recorded !== null && existsSync(recorded.data) ? recorded : null;
}
