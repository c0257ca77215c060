/** A filled `with` against the schema of its type: holes may have given null or another type than the field takes. */
import type { StepType } from "../steps/step-type.ts";
import type { JsonObject } from "../util/json.ts";
import { type SchemaCheck, schemaCheck } from "../util/schema-check.ts";

const checks = new Map<string, SchemaCheck>();

/** Null when it fits, else what does not, naming the field. */
// biome-ignore lint/suspicious/noExplicitAny: any step type.
export function specProblem(type: StepType<any, any>, spec: JsonObject): string | null {
  if (type.type === "run") return null; // words are made text by the one who fills them
  let check = checks.get(type.type);
  if (check === undefined) {
    check = schemaCheck(type.input);
    checks.set(type.type, check);
  }
  const problems = check(spec).map(
    ({ instancePath, message }) =>
      `${instancePath === "" ? "with" : instancePath.slice(1).replaceAll("/", ".")} ${message}`,
  );
  return problems.length === 0 ? null : problems.join("; ");
}
