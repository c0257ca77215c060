// A plug-in of the build: compiles the templates of reports, so that no start has to. The module it replaces
// (src/report/precompiled-templates.ts) is empty: without the build they are compiled when first needed.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { rolldown } from "rolldown";

const entry = "precompile-entry";

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

/** Exports of modules, bundled from their source: path → names. */
async function fromSource(root, exported) {
  mkdirSync(join(root, "node_modules/.cache"), { recursive: true });
  const out = mkdtempSync(join(root, "node_modules/.cache/precompile-"));
  const source = Object.entries(exported).map(([path, names]) => `export { ${names} } from "${join(root, path)}";`);
  try {
    const bundle = await rolldown({
      input: entry,
      platform: "node",
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
