// Plug-ins of the build: compile the validators of runbook and project file and the templates of reports, so that no start
// has to. The modules they replace (src/language/schema/precompiled.ts, src/report/precompiled-templates.ts) are empty:
// without the build both are compiled when first needed.
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

/** The plug-in, with the packaged templates inside. */
export async function precompiledTemplates(root) {
  const { precompileDocument, packagedTemplates, markdownFormat, htmlFormat } = await fromSource(root, {
    "src/report/templates.ts": "precompileDocument, packagedTemplates",
    "src/report/markdown.ts": "markdownFormat",
    "src/report/html.ts": "htmlFormat",
  });
  const documents = ["report", "addendum"].flatMap((name) => [
    precompileDocument(packagedTemplates(`${name}.md`), markdownFormat),
    precompileDocument(packagedTemplates(`${name}.html`), htmlFormat),
  ]);
  const entries = new Map(documents.flatMap((templates) => [...templates]));
  const text = [...entries].map(([key, code]) => `[${JSON.stringify(key)}, ${code}],\n`).join("");
  const replaced = join(root, "src/report/precompiled-templates.ts");
  const code = `export const precompiledTemplates = new Map([${text}]);\n`;
  return { name: "precompiled-templates", load: (id) => (id === replaced ? { code, moduleType: "js" } : null) };
}

async function validators(root) {
  const { catalogue, buildRunbookSchema, buildConfigSchema, ajvOptions, editorKeywords, schemaDigest } =
    await fromSource(root, {
      "src/steps/index.ts": "catalogue",
      "src/language/schema/runbook-schema.ts": "buildRunbookSchema",
      "src/language/schema/config-schema.ts": "buildConfigSchema",
      "src/language/schema/validators.ts": "ajvOptions, editorKeywords, schemaDigest",
    });
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

/** Exports of modules, bundled from their source: path → names. */
async function fromSource(root, exported) {
  mkdirSync(join(root, "node_modules/.cache"), { recursive: true });
  const out = mkdtempSync(join(root, "node_modules/.cache/precompile-"));
  const source = Object.entries(exported).map(([path, names]) => `export { ${names} } from "${join(root, path)}";`);
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
    await bundle.write({ dir: out, format: "cjs", entryFileNames: "parts.cjs" });
    await bundle.close();
    return createRequire(import.meta.url)(join(out, "parts.cjs"));
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
