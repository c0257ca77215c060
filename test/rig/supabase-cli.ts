/** The real Supabase CLI, which `npm ci` brings for the tests. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { missingPostgres } from "./postgres.ts";

const folders = [join(import.meta.dirname, "../../node_modules/.bin"), ...(process.env["PATH"] ?? "").split(":")];

/** Folder that holds `supabase`; null = it is not installed (its platform package is optional). */
export const supabaseFolder: string | null = folders.find((folder) => existsSync(join(folder, "supabase"))) ?? null;

/** Why tests with the CLI and a database cannot run here; null = they can. With `RUNBOOK_TEST_REQUIRE=1` it is a failure. */
export function missingSupabase(extension: "pgtap" | null = null): string | null {
  const why = supabaseFolder === null ? "the Supabase CLI is not installed (npm package supabase)" : null;
  if (why !== null && process.env["RUNBOOK_TEST_REQUIRE"] === "1") throw new Error(why);
  return why ?? missingPostgres(extension);
}
