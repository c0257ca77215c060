/**
 * Evaluates the text of a module. The `import()` that does it is in a file of its own beside the bundle
 * (`scripts/import-text.cjs`): V8 forgets who may import in code it took from the code cache.
 */
import { join } from "node:path";
import { distDir } from "../version.ts";

type ImportText = (text: string) => Promise<{ default?: unknown }>;

export async function importText(text: string): Promise<{ default?: unknown }> {
  const loaded: { importText?: ImportText; default?: { importText: ImportText } } = await import(
    join(distDir, "import-text.cjs")
  );
  const evaluate = loaded.importText ?? loaded.default?.importText;
  if (evaluate === undefined) throw new Error("dist/import-text.cjs is missing: install runbook again");
  return evaluate(text);
}
