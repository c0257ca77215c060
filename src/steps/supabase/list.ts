/** Which migrations are applied: file against database. */
import { commandText } from "../command-text.ts";
import { closed, listOf, result, text } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { type SupabaseSpec, supabaseFields, supabaseWords } from "./cli.ts";
import { listCommand, type MigrationState, migrationState } from "./migration-rows.ts";

export const supabaseList = defineStepType<SupabaseSpec, MigrationState>({
  type: "supabase/list",
  summary: "Compares the migration files with those the database has: pending, unknown here, and used twice.",
  docs: "https://supabase.com/docs/reference/cli/supabase-migration-list",
  effects: "read",
  timeoutMs: 60_000,
  input: closed(supabaseFields, ["server"]),
  examples: [{ server: "${{ target.db }}", password: "${{ secrets.PGPASSWORD }}", database: "postgres" }],
  result: result({
    migrations: listOf(
      result({
        local: text("Version of the file; empty when only the database has it."),
        remote: text("Version in the database; empty when it is not applied."),
      }),
      "Every version, oldest first.",
    ),
    pending: listOf({ type: "string" }, "Versions that are not applied."),
    remoteOnly: listOf({ type: "string" }, "Versions of the database that no file has."),
    duplicates: listOf({ type: "string" }, "Versions that more than one file has; only one of them can be applied."),
    outOfOrder: listOf({ type: "string" }, "Versions that are not applied though a newer one is."),
  }),
  secretFields: ["password"],
  stepKeys: ["cwd"],
  tools: ["supabase"],
  action: (spec) => {
    const argv = supabaseWords(listCommand, spec);
    return { text: commandText(argv), argv };
  },
  run: (spec, host) => migrationState(host, spec),
});
