/** The schema files of the installed package. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageDir } from "../version.ts";

const folder = join(packageDir, "schemas");
const ending = ".v1.schema.json";

/** `config`, `event`, `plan`, `run`, `runbook`, …, sorted. */
export function schemaNames(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length))
    .sort();
}

/** Text of a schema, ending in a newline. Throws when there is none of that name. */
export function publishedSchema(name: string): string {
  return readFileSync(join(folder, `${name}${ending}`), "utf8");
}
