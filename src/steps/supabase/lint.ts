/** Whether the migration files can be applied at all: names, unique versions, whole texts, and a way back for each. Needs no database. */
import { closed, listOf, result, truth } from "../schema.ts";
import { defineStepType, StepFailure } from "../step-type.ts";
import { workdirField } from "./cli.ts";
import { type MigrationFile, migrationFileSchema, readMigrations } from "./migration-files.ts";

interface LintSpec {
  readonly workdir?: string;
  readonly requireDown?: boolean;
}

interface LintResult {
  readonly files: readonly MigrationFile[];
  readonly withoutDown: readonly string[];
}

export const supabaseLint = defineStepType<LintSpec, LintResult>({
  type: "supabase/lint",
  summary:
    "Looks at the migration files: names, order, unique versions, whole statements, no COMMIT inside; refuses what cannot end well.",
  docs: "https://supabase.com/docs/guides/deployment/database-migrations",
  effects: "read",
  timeoutMs: 60_000,
  input: closed({
    workdir: workdirField,
    requireDown: truth("Refuse a migration without a file of the same name in `supabase/down`; default false."),
  }),
  examples: [{ workdir: "apps/shop", requireDown: true }],
  result: result({
    files: listOf(migrationFileSchema, "Every migration, oldest first."),
    withoutDown: listOf({ type: "string" }, "Files without a way back."),
  }),
  stepKeys: ["cwd"],
  action: ({ workdir }) => ({
    text: `look at ${workdir === undefined ? "" : `${workdir}/`}supabase/migrations`,
    argv: null,
  }),
  async run(spec, host) {
    const { files, problems } = await readMigrations(host, spec.workdir);
    const withoutDown = files.filter(({ down }) => down === null).map(({ file }) => file);
    const all = [
      ...problems,
      ...(spec.requireDown === true ? withoutDown.map((file) => `${file} has no way back in supabase/down`) : []),
    ];
    if (all.length > 0) {
      throw new StepFailure("refused", "migration-files", `${all.join("; ")}.`, {
        facts: { problems: all },
        result: { files, withoutDown },
      });
    }
    return { files, withoutDown };
  },
});
