/**
 * Takes migrations back by their reviewed files in `supabase/down`, newest first, each in one transaction with its row of
 * the history: what is applied and what the history says never differ. The CLI has no such command; its `migration down`
 * resets the database.
 */
import { framed, psql } from "../postgres/psql.ts";
import { placeName, placeOf } from "../postgres/server.ts";
import { closed, listOf, result } from "../schema.ts";
import { defineStepType, StepFailure } from "../step-type.ts";
import { type SupabaseSpec, supabaseFields } from "./cli.ts";
import { type MigrationFile, migrationFileSchema, readMigrations, refuseChanged } from "./migration-files.ts";
import { migrationState } from "./migration-rows.ts";

interface RevertSpec extends SupabaseSpec {
  readonly keep: readonly string[];
  readonly files?: readonly MigrationFile[];
}

interface RevertResult {
  readonly reverted: readonly string[];
}

export const supabaseRevert = defineStepType<RevertSpec, RevertResult>({
  type: "supabase/revert",
  summary:
    "Takes back every migration that was not applied before, newest first, by its file in `supabase/down`; check row security afterwards.",
  docs: "https://supabase.com/docs/guides/deployment/database-migrations",
  effects: "destructive",
  timeoutMs: 600_000,
  input: closed(
    {
      ...supabaseFields,
      keep: listOf({ type: "string", pattern: "^[0-9]{1,20}$" }, "Versions that were applied before and stay."),
      files: listOf(migrationFileSchema, "Files as `supabase/lint` saw them; others than these are refused."),
    },
    ["server", "keep"],
  ),
  examples: [
    {
      server: "${{ target.db }}",
      password: "${{ secrets.PGPASSWORD }}",
      keep: ["20261101120000"],
      files: "${{ steps.lint.outputs.files }}",
    },
  ],
  result: result({ reverted: listOf({ type: "string" }, "Versions that were taken back, in that order.") }),
  secretFields: ["password"],
  stepKeys: ["cwd"],
  tools: ["supabase", "psql"],
  action: (spec) => ({
    text: `take back the migrations of ${placeName(spec)} that were not applied before, by supabase/down`,
    argv: null,
  }),
  async run(spec, host) {
    const place = placeOf(spec, host);
    const folder = await readMigrations(host, spec.workdir);
    refuseChanged(folder.files, spec.files);
    const state = await migrationState(host, spec);
    const applied = state.migrations.map(({ remote }) => remote).filter((version) => version !== "");
    const versions = applied
      .filter((version) => !spec.keep.includes(version))
      .sort()
      .reverse();
    const missing = versions.filter((version) => !folder.downs.has(version));
    if (missing.length > 0) {
      throw new StepFailure(
        "failed",
        "no-way-back",
        `No file in supabase/down undoes ${missing.join(", ")}, and nothing was taken back. Restore the backup of this run.`,
        { facts: { missing } },
      );
    }
    // Each is looked at before the first is run: one that cannot run would stop the way back half-way.
    const scripts = versions.map((version) => ({
      version,
      script: framed(
        {
          name: `supabase/down ${version}`,
          text: `${folder.downs.get(version) ?? ""}\n;\nDELETE FROM supabase_migrations.schema_migrations WHERE version = '${version}'`,
        },
        "one",
        host.remainingMs(),
      ),
    }));
    const reverted: string[] = [];
    for (const { version, script } of scripts) {
      host.progress(`take back ${version}`);
      await psql(host, place, script.script, { source: script });
      reverted.push(version);
    }
    const after = await migrationState(host, spec);
    const left = versions.filter((version) => after.migrations.some(({ remote }) => remote === version));
    if (left.length > 0) {
      throw new StepFailure("failed", "still-applied", `${left.join(", ")} still stands in the history.`, {
        facts: { left },
        result: { reverted },
      });
    }
    return { reverted };
  },
});
