/**
 * Applies pending migrations. The CLI runs one transaction per file: a file that fails leaves nothing, those before it
 * stay. So the state is read before (to refuse what cannot end well) and after (to see what really is applied).
 */
import { commandText } from "../command-text.ts";
import { closed, listOf, result, truth } from "../schema.ts";
import { defineStepType, StepFailure } from "../step-type.ts";
import { listIn, type SupabaseSpec, supabaseFields, supabaseJson, supabaseWords } from "./cli.ts";
import { type MigrationFile, migrationFileSchema, readMigrations, refuseChanged } from "./migration-files.ts";
import { migrationState } from "./migration-rows.ts";

interface MigrateSpec extends SupabaseSpec {
  readonly includeSeed?: boolean;
  readonly files?: readonly MigrationFile[];
}

interface MigrateResult {
  readonly applied: readonly string[];
  readonly upToDate: boolean;
}

const command = ({ includeSeed }: MigrateSpec) => [
  "db",
  "push",
  "--yes",
  ...(includeSeed === true ? ["--include-seed"] : []),
];

export const supabaseMigrate = defineStepType<MigrateSpec, MigrateResult>({
  type: "supabase/migrate",
  summary: "Applies the pending migrations, file by file, and checks that none is pending afterwards.",
  docs: "https://supabase.com/docs/reference/cli/supabase-db-push",
  effects: "write",
  timeoutMs: 600_000,
  input: closed(
    {
      ...supabaseFields,
      includeSeed: truth("Also run the seed files of config.toml (`--include-seed`)."),
      files: listOf(migrationFileSchema, "Files as `supabase/lint` saw them; others than these are refused."),
    },
    ["server"],
  ),
  examples: [
    {
      server: "${{ target.db }}",
      password: "${{ secrets.PGPASSWORD }}",
      database: "postgres",
      files: "${{ steps.lint.outputs.files }}",
    },
    { server: "${{ target.db }}", includeSeed: true },
  ],
  result: result({
    applied: listOf({ type: "string" }, "Files that were applied."),
    upToDate: truth("Whether there was nothing to do."),
  }),
  secretFields: ["password"],
  stepKeys: ["cwd"],
  tools: ["supabase"],
  action: (spec) => {
    const argv = supabaseWords(command(spec), spec);
    return { text: commandText(argv), argv };
  },
  async run(spec, host) {
    if (spec.files !== undefined) refuseChanged((await readMigrations(host, spec.workdir)).files, spec.files);
    const before = await migrationState(host, spec);
    if (before.duplicates.length > 0) {
      throw new StepFailure(
        "refused",
        "duplicate-versions",
        `Two files have the version ${before.duplicates.join(", ")}; the second would fail or never run. Rename it.`,
        { facts: { versions: [...before.duplicates] } },
      );
    }
    if (before.remoteOnly.length > 0) {
      throw new StepFailure(
        "refused",
        "history-differs",
        `The database has migrations that are not here: ${before.remoteOnly.join(", ")}. Fetch the files, or see supabase migration repair.`,
        { facts: { versions: [...before.remoteOnly] } },
      );
    }
    if (before.outOfOrder.length > 0) {
      throw new StepFailure(
        "refused",
        "out-of-order",
        `${before.outOfOrder.join(", ")} is older than what is applied already, and was never tried on top of it. Give it a newer version.`,
        { facts: { versions: [...before.outOfOrder] } },
      );
    }
    const pushed = await supabaseJson(host, command(spec), spec);
    const after = await migrationState(host, spec);
    const applied = listIn(pushed, "migrations", "supabase db push").map(String);
    if (after.pending.length > 0) {
      throw new StepFailure(
        "failed",
        "still-pending",
        `supabase db push ended well, and ${after.pending.join(", ")} is not applied.`,
        { facts: { pending: [...after.pending] }, result: { applied, upToDate: false } },
      );
    }
    return { applied, upToDate: pushed["upToDate"] === true };
  },
});
