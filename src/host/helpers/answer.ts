/** What a helper program prints: one JSON document on standard output, read back as a value or as the failure it tells. */
import { type CommandResult, type FailureClass, StepFailure } from "../../steps/step-type.ts";
import type { Json, JsonObject } from "../../util/json.ts";
import { isObject } from "../../util/json.ts";

/** More would not come back whole: commands keep 8 MiB of their output for expressions. */
const longestAnswerBytes = 7 * 1024 * 1024;

export type HelperAnswer =
  | { readonly ok: true; readonly result: Json }
  | {
      readonly ok: false;
      readonly failure: {
        readonly class: FailureClass;
        readonly reason: string;
        readonly message: string;
        readonly facts: JsonObject;
        readonly result: Json;
      };
    };

/** The text to print. An answer too long to come back whole is told as a failure. */
export function answerText(answer: HelperAnswer): string {
  const text = JSON.stringify(answer);
  const bytes = Buffer.byteLength(text);
  if (bytes <= longestAnswerBytes) return text;
  const message = `the answer has ${bytes} bytes, more than the ${longestAnswerBytes} that are kept; ask for less`;
  const failure = { class: "failed" as const, reason: "answer-too-large", message, facts: { bytes }, result: null };
  return JSON.stringify({ ok: false, failure } satisfies HelperAnswer);
}

/** Reads what a helper printed. Throws the failure it told, or one of class `failed` when it ended without a word. */
export function helperAnswer(name: string, ended: CommandResult): Json {
  const answer = parsed(ended.stdout);
  if (answer === null) {
    const how = ended.signal === null ? `exit code ${ended.exitCode}` : ended.signal;
    const said = ended.stderr.trim().split("\n").at(-1) ?? "";
    throw new StepFailure(
      "failed",
      "helper-ended",
      `the program for ${name} ended with ${how} and without an answer${said === "" ? "" : `: ${said}`}`,
      { facts: { exitCode: ended.exitCode, signal: ended.signal } },
    );
  }
  if (answer.ok) return answer.result;
  const { class: failureClass, reason, message, facts, result } = answer.failure;
  throw new StepFailure(failureClass, reason, message, { facts, result });
}

function parsed(stdout: string): HelperAnswer | null {
  try {
    const value: unknown = JSON.parse(stdout);
    return isObject(value) && typeof value["ok"] === "boolean" ? (value as unknown as HelperAnswer) : null;
  } catch {
    return null;
  }
}
