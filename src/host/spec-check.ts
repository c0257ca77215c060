/** A filled `with` against the schema of its type: holes may have given null or another type than the field takes. */
import type { StepType } from "../steps/step-type.ts";
import type { JsonObject } from "../util/json.ts";

type Validate = { (value: unknown): boolean; errors?: readonly { instancePath: string; message?: string }[] | null };
const validators = new Map<string, Validate>();

/** Null when it fits, else what does not, naming the field. ajv is loaded at the first use only. */
// biome-ignore lint/suspicious/noExplicitAny: any step type.
export async function specProblem(type: StepType<any, any>, spec: JsonObject): Promise<string | null> {
  if (type.type === "run") return null; // words are made text by the one who fills them
  let validate = validators.get(type.type);
  if (validate === undefined) {
    const { Ajv2020 } = await import("ajv/dist/2020.js");
    validate = new Ajv2020({ strict: false, allErrors: true, logger: false }).compile(type.input) as Validate;
    validators.set(type.type, validate);
  }
  if (validate(spec)) return null;
  const problems = (validate.errors ?? []).map(
    (error) =>
      `${error.instancePath === "" ? "with" : error.instancePath.slice(1).replaceAll("/", ".")} ${error.message}`,
  );
  return problems.join("; ");
}
