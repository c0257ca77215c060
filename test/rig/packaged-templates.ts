/** The templates in `reports/`, from which the packaged reports are made. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "../../reports");

export function packagedTemplate(name: string): string {
  return readFileSync(join(folder, `${name}.hbs`), "utf8");
}

/** Those of one format by their names, as parts of each other. */
export function packagedTemplates(format: "md" | "html"): Record<string, string> {
  const extension = `.${format}.hbs`;
  const names = readdirSync(folder).filter((name) => name.endsWith(extension));
  return Object.fromEntries(
    names.map((name) => [name.slice(0, -extension.length), readFileSync(join(folder, name), "utf8")]),
  );
}
