/** What `supabase/migrate` would apply: the CLI's own dry run. */
import { commandText } from "../command-text.ts";
import { closed, listOf, result, truth } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { listIn, type SupabaseSpec, supabaseFields, supabaseJson, supabaseWords } from "./cli.ts";

interface PlanResult {
  readonly pending: readonly string[];
  readonly upToDate: boolean;
}

const command = ["db", "push", "--dry-run"] as const;

export const supabasePlan = defineStepType<SupabaseSpec, PlanResult>({
  type: "supabase/plan",
  summary: "Lists the migrations that would be applied, by the CLI's own dry run; applies nothing.",
  docs: "https://supabase.com/docs/reference/cli/supabase-db-push",
  effects: "read",
  timeoutMs: 120_000,
  input: closed(supabaseFields, ["server"]),
  examples: [{ server: "${{ target.db }}", password: "${{ secrets.PGPASSWORD }}", database: "postgres" }],
  result: result({
    pending: listOf({ type: "string" }, "Files that would be applied, in order."),
    upToDate: truth("Whether there is nothing to do."),
  }),
  secretFields: ["password"],
  stepKeys: ["cwd"],
  tools: ["supabase"],
  action: (spec) => {
    const argv = supabaseWords(command, spec);
    return { text: commandText(argv), argv };
  },
  async run(spec, host) {
    const document = await supabaseJson(host, command, spec, "read");
    return {
      pending: listIn(document, "migrations", "supabase db push --dry-run").map(String),
      upToDate: document["upToDate"] === true,
    };
  },
});
