/** The plug-in of the build gives validators that say the same as the ones compiled at run time. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildConfigSchema } from "../../src/language/schema/config-schema.ts";
import { buildRunbookSchema } from "../../src/language/schema/runbook-schema.ts";
import { ajvOptions, editorKeywords, schemaDigest } from "../../src/language/schema/validators.ts";
import { catalogue } from "../../src/steps/index.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
// Inside the package, so that the helpers of ajv are found.
const folder = mkdtempSync(join(root, "node_modules/.precompiled-"));
afterAll(() => rmSync(folder, { recursive: true }));

let built: ReadonlyMap<string, ValidateFunction>;
beforeAll(async () => {
  const { precompiledValidators } = await import(pathToFileURL(join(root, "scripts/precompile.mjs")).href);
  const plugin = await precompiledValidators(root);
  const module = plugin.load(join(root, "src/language/schema/precompiled.ts"));
  expect(plugin.load(join(root, "src/language/schema/validators.ts"))).toBe(null);
  writeFileSync(join(folder, "validators.mjs"), module.code);
  built = (await import(pathToFileURL(join(folder, "validators.mjs")).href)).precompiled;
}, 60_000);

it.each([
  ["runbook", buildRunbookSchema(catalogue)],
  ["config", buildConfigSchema()],
] as const)("%s", (_name, schema) => {
  const generated = built.get(schemaDigest(schema));
  expect(generated).toBeTypeOf("function");
  const compiled = new Ajv2020(ajvOptions).addVocabulary(editorKeywords).compile(schema);
  const texts = [
    "{}",
    "[]",
    '{"apiVersion":"runbook/v2","steps":[],"tilte":"","tags":["a","a"]}',
    '{"steps":[{"id":"A","retry":0,"run":"x","uses":"http"},{"id":"b","title":"","uses":"http","with":{"method":"GTE"}}]}',
    '{"apiVersion":"runbook/v1","targets":{"a":{"protected":1}},"secrets":[{"type":"file"}],"windows":{"w":{"hours":"9"}}}',
    readFileSync(join(root, "package.json"), "utf8"),
  ];
  for (const text of texts) {
    const answers = [generated!, compiled].map((validate) => [validate(JSON.parse(text)), validate.errors]);
    expect(answers[0]).toEqual(answers[1]);
  }
});
