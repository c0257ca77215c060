/** The checks of both schemas, made once per catalogue. */
import type { Catalogue } from "../../steps/step-type.ts";
import type { JsonSchema } from "../../util/json.ts";
import { type SchemaCheck, schemaCheck } from "../../util/schema-check.ts";
import { buildConfigSchema } from "./config-schema.ts";
import { buildRunbookSchema } from "./runbook-schema.ts";

/** A schema, and the check that was made of it. */
export interface Validator {
  readonly schema: JsonSchema;
  readonly check: SchemaCheck;
}

const runbookValidators = new WeakMap<Catalogue, Validator>();
let configValidator: Validator | undefined;

export function runbookValidator(catalogue: Catalogue): Validator {
  let validator = runbookValidators.get(catalogue);
  if (validator === undefined) {
    validator = validatorOf(buildRunbookSchema(catalogue));
    runbookValidators.set(catalogue, validator);
  }
  return validator;
}

export function validatorOfConfig(): Validator {
  configValidator ??= validatorOf(buildConfigSchema());
  return configValidator;
}

function validatorOf(schema: JsonSchema): Validator {
  return { schema, check: schemaCheck(schema) };
}
