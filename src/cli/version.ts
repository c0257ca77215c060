/** The installed tool, read from its package once: version, folders, programs. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const toolName = "runbook";
const found = findPackage(__dirname);
/** The folder of the installed package: beside `dist/` in a package, above `src/` in a checkout. */
export const packageDir = found.dir;
/** Where the bundled programs are: executor, supervisor, sandbox. */
export const distDir = join(packageDir, "dist");
export const toolVersion = found.version;

/** How a person speaks to the sandbox of a state directory: by the script of a checkout, else by the installed program. */
export function sandboxCommand(verb: "start" | "stop", project: string, stateDir: string): string {
  const isCheckout = packageDir === project;
  const program = isCheckout ? "npm run -s sandbox --" : `node ${distDir}/sandbox.cjs`;
  const isDefault = isCheckout && stateDir === join(project, ".runbook");
  return `${program} ${verb}${isDefault ? "" : ` --state-dir ${stateDir}`}`;
}

function findPackage(from: string): { readonly dir: string; readonly version: string } {
  for (let dir = from; ; dir = dirname(dir)) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
      if (name === toolName) return { dir, version };
    } catch {
      if (dirname(dir) === dir) throw new Error("package.json of runbook is missing: install it again");
    }
  }
}
