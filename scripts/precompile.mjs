// A plug-in of the build: compiles the validators of runbook and project file, so that no start has to. The module it
// replaces, src/language/schema/precompiled.ts, is empty; without the build they are compiled when first needed.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { rolldown } from "rolldown";

const entry = "precompile-entry";

/** The plug-in, with the validators of the built-in step types inside. */
export async function precompiledValidators(root) {
  const text = await validators(root);
  const replaced = join(root, "src/language/schema/precompiled.ts");
  return {
    name: "precompiled-validators",
    load: (id) => (id === replaced ? { code: text, moduleType: "js" } : null),
  };
}

async function validators(root) {
  const { catalogue, buildRunbookSchema, buildConfigSchema, ajvOptions, editorKeywords, schemaDigest } =
    await schemaModules(root);
  const require = createRequire(join(root, "package.json"));
  const { Ajv2020 } = require("ajv/dist/2020.js");
  const { default: standaloneCode } = require("ajv/dist/standalone/index.js");
  const ajv = new Ajv2020({ ...ajvOptions, code: { ...ajvOptions.code, source: true, esm: true } });
  ajv.addVocabulary(editorKeywords);
  const schemas = { runbook: buildRunbookSchema(catalogue), config: buildConfigSchema() };
  for (const schema of Object.values(schemas)) ajv.addSchema(schema);
  const code = standaloneCode(ajv, Object.fromEntries(Object.entries(schemas).map(([name, { $id }]) => [name, $id])));
  // Ajv writes its helpers as `require` even into modules.
  const imports = [];
  const body = code.replaceAll(/require\("(ajv\/[^"]+)"\)/g, (_, path) => {
    imports.push(`import helper${imports.length} from "${path}.js";\n`);
    return `helper${imports.length - 1}`;
  });
  const entries = Object.entries(schemas).map(([name, schema]) => `["${schemaDigest(schema)}", ${name}]`);
  return `${imports.join("")}${body}\nexport const precompiled = new Map([${entries.join(", ")}]);\n`;
}

/** The modules that know the schemas, bundled from their source. */
async function schemaModules(root) {
  mkdirSync(join(root, "node_modules/.cache"), { recursive: true });
  const out = mkdtempSync(join(root, "node_modules/.cache/precompile-"));
  const source = [
    `export { catalogue } from "${join(root, "src/steps/index.ts")}";`,
    `export { buildRunbookSchema } from "${join(root, "src/language/schema/runbook-schema.ts")}";`,
    `export { buildConfigSchema } from "${join(root, "src/language/schema/config-schema.ts")}";`,
    `export { ajvOptions, editorKeywords, schemaDigest } from "${join(root, "src/language/schema/validators.ts")}";`,
  ];
  try {
    const bundle = await rolldown({
      input: entry,
      platform: "node",
      external: /^ajv/,
      plugins: [
        {
          name: entry,
          resolveId: (id) => (id === entry ? id : null),
          load: (id) => (id === entry ? source.join("\n") : null),
        },
      ],
    });
    await bundle.write({ dir: out, format: "cjs", entryFileNames: "schemas.cjs" });
    await bundle.close();
    return createRequire(import.meta.url)(join(out, "schemas.cjs"));
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
