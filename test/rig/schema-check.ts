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

/** `isPart`: joined with others by `if` and `$ref` into one object, which is closed as a whole. */
function closed(schema: unknown, isPart = false): object {
  if (Array.isArray(schema)) return schema.map((item) => closed(item, isPart));
  if (schema === null || typeof schema !== "object") return schema as unknown as object;
  const isJoined = "allOf" in schema;
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    const joins = ["if", "then", "else"].includes(key) || (isJoined && ["allOf", "$defs"].includes(key));
    copy[key] = key === "$defs" && isJoined ? closedParts(value) : closed(value, joins);
  }
  const isRecord = isJoined || ("properties" in copy && "required" in copy);
  return isRecord && !isPart && !("additionalProperties" in copy) ? { ...copy, unevaluatedProperties: false } : copy;
}

function closedParts(parts: object): object {
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, closed(part, true)]));
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
