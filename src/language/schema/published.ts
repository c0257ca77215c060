/** The schema files of `schemas/`, as text: what the build writes and the drift test compares. */
import type { Catalogue } from "../../steps/step-type.ts";
import { annotated, type Example } from "./annotate.ts";
import { buildConfigSchema } from "./config-schema.ts";
import { exampleConfig, exampleRunbooks } from "./example-documents.ts";
import { buildRunbookSchema } from "./runbook-schema.ts";
import { definitionName } from "./step-schema.ts";

/** File name in `schemas/` → its text, ending in a newline. Pure; keys keep their order. */
export function publishedSchemas(catalogue: Catalogue): Record<string, string> {
  const text = (schema: unknown) => `${JSON.stringify(schema, null, 2)}\n`;
  const documents = exampleRunbooks.map((value) => ({ of: null, value }));
  const ofTypes = [...catalogue.values()].flatMap(({ type, examples }) =>
    examples.map((value): Example => ({ of: definitionName(type), value })),
  );
  return {
    "runbook.v1.schema.json": text(annotated(buildRunbookSchema(catalogue), [...documents, ...ofTypes])),
    "config.v1.schema.json": text(annotated(buildConfigSchema(), [{ of: null, value: exampleConfig }])),
  };
}
