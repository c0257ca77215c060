/** Files of the package that are made from code: `scripts/generate.mjs` writes them, a test finds them stale. */
import { manualPages } from "../../language/schema/manual.ts";
import { publishedSchemas } from "../../language/schema/published.ts";
import { catalogue } from "../../steps/index.ts";
import type { JsonSchema } from "../../util/json.ts";
import { eventSchemas } from "../output-schemas/event.ts";
import { otherSchemas } from "../output-schemas/other.ts";
import { runSchemas } from "../output-schemas/run.ts";
import { cliReference } from "./cli-reference.ts";
import { manPage } from "./man-page.ts";

export { shippedRunbookFiles } from "../project/runbook-pages.ts";

/** Path from the package's root → text. Pure. */
export function generatedFiles(): Record<string, string> {
  return {
    ...inFolder("schemas", publishedSchemas(catalogue)),
    ...inFolder("schemas", schemaFiles({ ...runSchemas, ...eventSchemas, ...otherSchemas })),
    ...inFolder("docs/reference", manualPages(catalogue)),
    "docs/cli.md": cliReference(),
    "man/runbook.1": manPage(),
  };
}

function schemaFiles(schemas: Readonly<Record<string, JsonSchema>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [`${name}.v1.schema.json`, `${JSON.stringify(schema, null, 2)}\n`]),
  );
}

function inFolder(folder: string, files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]));
}
