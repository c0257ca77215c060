/** Rows of `supabase migration list`, and what is wrong with them. */
import { isObject } from "../../util/json.ts";
import type { StepHost } from "../step-type.ts";
import { listIn, type SupabaseSpec, supabaseJson } from "./cli.ts";

export interface MigrationRow {
  /** Version of the file; empty when only the database has it. */
  readonly local: string;
  /** Version in the database; empty when it is not applied. */
  readonly remote: string;
}

export interface MigrationState {
  readonly migrations: readonly MigrationRow[];
  readonly pending: readonly string[];
  readonly remoteOnly: readonly string[];
  readonly duplicates: readonly string[];
  readonly outOfOrder: readonly string[];
}

export const listCommand = ["migration", "list"] as const;

export async function migrationState(host: StepHost, spec: SupabaseSpec): Promise<MigrationState> {
  const document = await supabaseJson(host, listCommand, spec, "read");
  const rows = listIn(document, "migrations", "supabase migration list").map((row) => ({
    local: isObject(row) ? String(row["local"] ?? "") : "",
    remote: isObject(row) ? String(row["remote"] ?? "") : "",
  }));
  const versions = rows.map(({ local }) => local).filter((version) => version !== "");
  const duplicates = new Set(versions.filter((version, index) => versions.indexOf(version) !== index));
  const pending = rows.filter(({ remote }) => remote === "").map(({ local }) => local);
  const newest = rows.reduce((last, { remote }) => (remote > last ? remote : last), "");
  return {
    migrations: rows,
    pending,
    outOfOrder: pending.filter((version) => version < newest),
    remoteOnly: rows.filter(({ local }) => local === "").map(({ remote }) => remote),
    duplicates: [...duplicates],
  };
}
