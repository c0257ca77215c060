/**
 * Starts the Supabase CLI and reads its one JSON document. Written against 3.1.0: `--remote=URL` and `--output-format
 * json`. The password goes by PGPASSWORD, never into the URL: words of a command are seen by everybody on the machine.
 * https://supabase.com/docs/reference/cli/introduction
 */
import type { JsonSchema } from "../../util/json.ts";
import { isObject } from "../../util/json.ts";
import { exitFailure, lastLines } from "../command-text.ts";
import { type Login, loginFields, placeOf } from "../postgres/server.ts";
import { text } from "../schema.ts";
import { StepFailure, type StepHost } from "../step-type.ts";

export interface SupabaseSpec extends Login {
  readonly workdir?: string;
}

export const workdirField: JsonSchema = text(
  "Folder that holds `supabase/`, relative to the working directory; default that.",
  { pattern: "^[A-Za-z0-9_.][A-Za-z0-9_./-]*$", examples: ["apps/shop"] },
);

export const supabaseFields: Readonly<Record<string, JsonSchema>> = { ...loginFields, workdir: workdirField };

/** The command as words; nothing in it is secret. */
export function supabaseWords(
  command: readonly string[],
  { server, database, workdir }: SupabaseSpec,
): [string, ...string[]] {
  const user = encodeURIComponent(String(server?.user ?? ""));
  const host = String(server?.host ?? "");
  const url = `postgresql://${user}@${host.includes(":") ? `[${host}]` : host}:${server?.port ?? 5432}/${database ?? server?.database ?? ""}`;
  return [
    "supabase",
    ...command,
    `--remote=${url}`,
    ...(workdir === undefined ? [] : [`--workdir=${workdir}`]),
    "--output-format=json",
  ];
}

/** Runs it and returns the document. Throws with the CLI's own code and words when it is an error. */
export async function supabaseJson(
  host: StepHost,
  command: readonly string[],
  spec: SupabaseSpec,
  effects?: "read",
): Promise<Record<string, unknown>> {
  const { env } = placeOf(spec, host);
  const ended = await host.command(supabaseWords(command, spec), {
    env: { ...env, SUPABASE_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", NO_COLOR: "1" },
    ...(effects === undefined ? {} : { effects }),
  });
  const name = `supabase ${command.join(" ")}`;
  let document: unknown = null;
  try {
    document = JSON.parse(ended.stdout);
  } catch {
    // judged below: without a document the exit code and stderr say what happened
  }
  if (isObject(document) && document["_tag"] === "Error") throw errorOf(name, document["error"], ended.stderr);
  if (ended.exitCode !== 0) throw exitFailure(name, ended);
  if (!isObject(document)) {
    throw new StepFailure(
      "failed",
      "unexpected-output",
      `${name} printed no JSON object. Compare \`supabase --version\` with the range under \`requires:\`; 3.1 is known.`,
      { facts: { stdout: ended.stdout.slice(0, 200) } },
    );
  }
  return document;
}

function errorOf(name: string, error: unknown, stderr: string): StepFailure {
  const { code, message } = isObject(error) ? error : {};
  const said = `${name}: ${String(message ?? "no message")} (${String(code ?? "no code")})`;
  const passing = /ECONNREFUSED|ETIMEDOUT|ECONNRESET|EAI_AGAIN|connection refused|timeout|too many clients/i.test(said);
  return new StepFailure(passing ? "transient" : "failed", "supabase-error", said, {
    facts: { code: String(code ?? ""), stderr: lastLines(stderr, 20) },
  });
}

/** A list in the document; throws when there is none. */
export function listIn(document: Record<string, unknown>, field: string, name: string): readonly unknown[] {
  const list = document[field];
  if (Array.isArray(list)) return list;
  throw new StepFailure("failed", "unexpected-output", `${name} printed a document without the list ${field}.`);
}
