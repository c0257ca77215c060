// Bundles parts of the source, and the limits that need a package, into plain files that Node runs as processes.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { rolldown } from "rolldown";

const root = join(import.meta.dirname, "../..");

/** Bundles `entry` (relative to the checkout) into `<directory>/<name>` and gives that path. ESM where it awaits at its top. */
export async function bundlePart(directory, name, entry, format = "cjs") {
  const bundle = await rolldown({
    input: join(root, entry),
    platform: "node",
    plugins: [precompiledSchema],
    transform: { define: { "import.meta.dirname": JSON.stringify(join(root, "dist")) } },
  });
  const file = join(directory, `${name}.${format === "cjs" ? "cjs" : "mjs"}`);
  await bundle.write({ file, format, codeSplitting: false });
  await bundle.close();
  return file;
}

const virtual = "precompiled-runbook-schema.mjs";

/** The module of that name: the published schema of a runbook, compiled by Ajv ahead of time. */
const precompiledSchema = {
  name: virtual,
  resolveId: (id) => (id === virtual ? id : null),
  load: (id) => (id === virtual ? { code: compiledSchema(), moduleType: "js" } : null),
};

function compiledSchema() {
  const require = createRequire(join(root, "package.json"));
  const { Ajv2020 } = require("ajv/dist/2020.js");
  const { default: standaloneCode } = require("ajv/dist/standalone/index.js");
  const code = { source: true, esm: true, optimize: false };
  const more = { meta: false, validateSchema: false, validateFormats: false, strict: false };
  const ajv = new Ajv2020({ ...more, code, allErrors: true, verbose: true, ownProperties: true });
  const schema = JSON.parse(readFileSync(join(root, "schemas/runbook.v1.schema.json"), "utf8"));
  const text = standaloneCode(ajv, ajv.compile(schema));
  // Ajv writes its helpers as `require` even into modules.
  const imports = [];
  const body = text.replaceAll(/require\("(ajv\/[^"]+)"\)/g, (_, path) => {
    imports.push(`import helper${imports.length} from "${join(root, "node_modules", path)}.js";\n`);
    return `helper${imports.length - 1}`;
  });
  return `${imports.join("")}${body}`;
}
