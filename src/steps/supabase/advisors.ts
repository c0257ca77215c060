/** What Supabase's lints say about a database: tables without row security, functions with a mutable search path. */
import { isObject } from "../../util/json.ts";
import { commandText } from "../command-text.ts";
import { closed, listOf, result, text, whole } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { listIn, type SupabaseSpec, supabaseFields, supabaseJson, supabaseWords } from "./cli.ts";

interface Finding {
  readonly name: string;
  readonly level: string;
  readonly detail: string;
}

interface AdvisorsResult {
  readonly findings: readonly Finding[];
  readonly errors: number;
  readonly warnings: number;
}

/** The CLI leaves `info` out by default; here `verify` decides. */
const command = ["db", "advisors", "--type=all", "--level=info"] as const;

export const supabaseAdvisors = defineStepType<SupabaseSpec, AdvisorsResult>({
  type: "supabase/advisors",
  summary: "Asks Supabase's security and performance lints about a database; `verify` decides what is acceptable.",
  docs: "https://supabase.com/docs/guides/database/database-advisors",
  effects: "read",
  timeoutMs: 120_000,
  input: closed(supabaseFields, ["server"]),
  examples: [{ server: "${{ target.db }}", password: "${{ secrets.PGPASSWORD }}", database: "postgres" }],
  result: result({
    findings: listOf(
      result({
        name: text("Name of the lint, such as `rls_disabled_in_public`."),
        level: text("`ERROR`, `WARN` or `INFO`."),
        detail: text("What was found where."),
      }),
      "Everything that was found.",
    ),
    errors: whole("Findings of level ERROR."),
    warnings: whole("Findings of level WARN."),
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
    const findings = listIn(document, "results", "supabase db advisors").map((row) => {
      const field = (name: string) => (isObject(row) ? String(row[name] ?? "") : "");
      return { name: field("name"), level: field("level").toUpperCase(), detail: field("detail") };
    });
    const count = (level: string) => findings.filter((each) => each.level === level).length;
    return { findings, errors: count("ERROR"), warnings: count("WARN") };
  },
});
