/**
 * A step type that is not ours: whether an exported object is one, and the object made safe to use. It is held to the
 * same contract as a built-in type; what it may not have is a name of ours, a person, or a schema we cannot show.
 */
import { defineStepType, type FailureClass, StepFailure, type StepHost, type StepType } from "./step-type.ts";

const pluginName = /^plugin\/[a-z][a-z0-9-]{0,62}$/;

/** Keywords of JSON Schema that `input` and `result` of a plug-in may use. */
const scalarKeywords = ["description", "default", "examples", "enum", "const", "pattern", "format", "uniqueItems"];
const numberKeywords = ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"];
const types = ["string", "integer", "number", "boolean", "array", "object", "null"];
const stepKeys = ["env", "cwd", "stdin", "artifacts"];
const classes: readonly FailureClass[] = ["failed", "transient", "timeout", "refused", "fatal"];

type Plain = Readonly<Record<string, unknown>>;

/** Every problem of an exported value, in words; none = it can be used. */
export function pluginProblems(value: unknown): string[] {
  if (!isPlain(value)) return ["its default export is no object; it must be a step type"];
  const problems: string[] = [];
  const need = (name: string, what: string, fits: (given: unknown) => boolean) => {
    if (!fits(value[name])) problems.push(`${name} must be ${what}`);
  };
  need("type", "plugin/NAME in lower-case letters, digits and -", (v) => typeof v === "string" && pluginName.test(v));
  for (const name of ["summary", "docs"]) need(name, "a text", (v) => typeof v === "string" && v !== "");
  need("effects", "read, write or destructive", (v) => ["read", "write", "destructive"].includes(v as string));
  need("timeoutMs", "milliseconds, a whole number above 0", (v) => Number.isSafeInteger(v) && (v as number) > 0);
  for (const name of ["action", "run"]) need(name, "a function", (v) => typeof v === "function");
  for (const name of ["secretFields", "literalFields", "fileFields", "tools"]) need(name, "a list of texts", isTexts);
  need(
    "stepKeys",
    `a list of ${stepKeys.join(", ")}`,
    (v) => isTexts(v) && ((v ?? []) as string[]).every((key) => stepKeys.includes(key)),
  );
  if (value["person"] != null) problems.push("person is not for plug-ins: only built-in types ask people");
  for (const name of ["input", "result"]) {
    const schema = value[name];
    if (!isPlain(schema) || schema["type"] !== "object") problems.push(`${name} must be a JSON Schema of type object`);
    else problems.push(...schemaProblems(schema, name));
  }
  const fields = isPlain(value["input"]) && isPlain(value["input"]["properties"]) ? value["input"]["properties"] : {};
  for (const list of ["secretFields", "literalFields", "fileFields"]) {
    if (!isTexts(value[list])) continue;
    for (const field of (value[list] ?? []) as string[]) {
      if (!Object.hasOwn(fields, field.split(".")[0] ?? ""))
        problems.push(`${list} names ${field}, which input has not`);
    }
  }
  return problems;
}

function schemaProblems(schema: Plain, at: string): string[] {
  const problems: string[] = [];
  const { type } = schema;
  const given = Array.isArray(type) ? type : type === undefined ? [] : [type];
  for (const name of given) if (!types.includes(name)) problems.push(`${at}.type: ${String(name)} is no type`);
  for (const [key, value] of Object.entries(schema)) {
    const place = `${at}.${key}`;
    if (key === "properties") {
      if (!isPlain(value)) problems.push(`${place} must be an object`);
      else {
        for (const [name, part] of Object.entries(value)) {
          if (isPlain(part)) problems.push(...schemaProblems(part, `${place}.${name}`));
          else problems.push(`${place}.${name} must be a schema`);
        }
      }
    } else if (key === "items") {
      if (isPlain(value)) problems.push(...schemaProblems(value, place));
      else problems.push(`${place} must be a schema`);
    } else if (key === "required") {
      const known = isPlain(schema["properties"]) ? Object.keys(schema["properties"]) : [];
      if (!isTexts(value)) problems.push(`${place} must be a list of names`);
      else
        for (const name of value as string[])
          if (!known.includes(name)) problems.push(`${place} names ${name}, which properties has not`);
    } else if (key === "additionalProperties") {
      if (typeof value === "object" && isPlain(value)) problems.push(...schemaProblems(value, place));
      else if (typeof value !== "boolean") problems.push(`${place} must be a boolean or a schema`);
    } else if (numberKeywords.includes(key)) {
      if (typeof value !== "number") problems.push(`${place} must be a number`);
    } else if (key === "pattern") {
      if (!isExpression(value)) problems.push(`${place} is no regular expression`);
    } else if (key === "enum") {
      if (!Array.isArray(value) || value.length === 0) problems.push(`${place} must be a list`);
    } else if (key !== "type" && !scalarKeywords.includes(key)) {
      problems.push(`${place} is not understood`);
    }
  }
  return problems;
}

/** The step type of an exported object without problems. What is not declared in `input` is refused. */
export function pluginType(value: unknown): StepType {
  const given = value as StepType<unknown, unknown>;
  return defineStepType<unknown, unknown>({
    ...given,
    input: { additionalProperties: false, ...given.input },
    action: (spec, scope) => given.action(spec, scope),
    async run(spec: unknown, host: StepHost) {
      try {
        return await given.run(spec, host);
      } catch (error) {
        throw failureOf(error);
      }
    },
  });
}

/** A plug-in cannot import our class, so any error with a class and a reason counts as one. */
function failureOf(error: unknown): unknown {
  if (error instanceof StepFailure || !(error instanceof Error)) return error;
  const { class: failureClass, reason, facts, result } = error as Error & Partial<StepFailure>;
  if (failureClass === undefined || !classes.includes(failureClass) || typeof reason !== "string") return error;
  return new StepFailure(failureClass, reason, error.message, { facts: facts ?? {}, result, cause: error });
}

function isPlain(value: unknown): value is Plain {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** Absent, or a list of texts. */
function isTexts(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.every((item) => typeof item === "string"));
}

function isExpression(value: unknown): boolean {
  try {
    return typeof value === "string" && new RegExp(value, "u") instanceof RegExp;
  } catch {
    return false;
  }
}
