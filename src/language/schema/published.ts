/** The schema files of `schemas/`, as text: what the build writes and the drift test compares. */
import type { Catalogue } from "../../steps/step-type.ts";
import { buildConfigSchema } from "./config-schema.ts";
import { buildRunbookSchema } from "./runbook-schema.ts";

/** File name in `schemas/` → its text, ending in a newline. Pure; keys keep their order. */
export function publishedSchemas(catalogue: Catalogue): Record<string, string> {
  const text = (schema: unknown) => `${JSON.stringify(schema, null, 2)}\n`;
  return {
    "runbook.v1.schema.json": text(buildRunbookSchema(catalogue)),
    "config.v1.schema.json": text(buildConfigSchema()),
  };
}
