/** Compiles the schemas once per catalogue. Our own schemas only: nothing a user wrote is ever compiled. */
import { createHash } from "node:crypto";
import { Ajv2020, type Options, type ValidateFunction } from "ajv/dist/2020.js";
import type { Catalogue } from "../../steps/step-type.ts";
import type { JsonSchema } from "../../util/json.ts";
import { buildConfigSchema } from "./config-schema.ts";
import { precompiled } from "./precompiled.ts";
import { buildRunbookSchema } from "./runbook-schema.ts";

/** Keywords for editors, which say nothing about validity. */
export const editorKeywords = [
  "markdownDescription",
  "enumDescriptions",
  "markdownEnumDescriptions",
  "patternErrorMessage",
  "errorMessage",
  "defaultSnippets",
];

const runbookValidators = new WeakMap<Catalogue, ValidateFunction>();
let configValidator: ValidateFunction | undefined;

export function runbookValidator(catalogue: Catalogue): ValidateFunction {
  let validate = runbookValidators.get(catalogue);
  if (validate === undefined) {
    validate = compile(buildRunbookSchema(catalogue));
    runbookValidators.set(catalogue, validate);
  }
  return validate;
}

export function validatorOfConfig(): ValidateFunction {
  configValidator ??= compile(buildConfigSchema());
  return configValidator;
}

/** Texts are capped at 1 MiB and 10,000 values before they get here, so collecting every error stays cheap. */
export const ajvOptions: Options = {
  // Our own schemas, which a test holds against the meta-schema; compiling that one would take as long as the rest.
  meta: false,
  validateSchema: false,
  // Optimising the generated code costs more than a few hundred documents win back.
  code: { optimize: false },
  allErrors: true,
  verbose: true,
  strict: false,
  validateFormats: false,
  ownProperties: true,
};

/** Another catalogue is another schema, so a validator of the build is never used for the wrong one. */
export function schemaDigest(schema: JsonSchema): string {
  return createHash("sha256").update(JSON.stringify(schema)).digest("hex");
}

function compile(schema: JsonSchema): ValidateFunction {
  const built = precompiled.get(schemaDigest(schema));
  if (built === undefined) return new Ajv2020(ajvOptions).addVocabulary(editorKeywords).compile(schema);
  // Generated code does not carry what it was made from, which the words of a diagnostic come from.
  built.schema = schema;
  return built;
}
