/** Version of the tool, read from its package once. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const toolName = "runbook";
/** The folder of the installed package: beside `dist/` in a package, above `src/` in a checkout. */
export const packageDir = findPackage(__dirname);
/** Where the bundled programs are: executor, supervisor, sandbox. */
export const distDir = join(packageDir, "dist");
export const toolVersion: string = JSON.parse(readFileSync(join(packageDir, "package.json"), "utf8")).version;

function findPackage(from: string): string {
  for (let at = from; ; at = dirname(at)) {
    try {
      if (JSON.parse(readFileSync(join(at, "package.json"), "utf8")).name === toolName) return at;
    } catch {
      if (dirname(at) === at) throw new Error("package.json of runbook is missing: install it again");
    }
  }
}
