/** Published schemas against real outputs: a missing, wrong or undocumented field fails. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";

const folder = join(import.meta.dirname, "../../schemas");

const ajv = new Ajv2020({ strict: false, allErrors: true });
for (const file of readdirSync(folder).filter((name) => name.endsWith(".v1.schema.json"))) {
  const schema = JSON.parse(readFileSync(join(folder, file), "utf8"));
  // Readers must accept new fields; here a field that the schema does not name is a mistake of ours.
  if (schema.$id === file) ajv.addSchema(closed(schema));
}

function closed(schema: unknown): object {
  if (Array.isArray(schema)) return schema.map(closed);
  if (schema === null || typeof schema !== "object") return schema as unknown as object;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  const isRecord = "properties" in copy && "required" in copy && copy["additionalProperties"] === undefined;
  return isRecord && !("allOf" in copy) ? { ...copy, unevaluatedProperties: false } : copy;
}

/** Empty when the document is what the schema says. */
export function schemaErrors(name: string, document: unknown): string[] {
  const validate = ajv.getSchema(`${name}.v1.schema.json`);
  if (validate === undefined) throw new Error(`there is no schema ${name}`);
  if (validate(document)) return [];
  return (validate.errors ?? []).map(
    (error) => `${error.instancePath || "/"} ${error.message} ${JSON.stringify(error.params)}`,
  );
}
