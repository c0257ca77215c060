// Writes the types of the library to types/: `src/cli/library.ts` and every declaration it reaches, no more.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const out = join(root, "types");
const scratch = mkdtempSync(join(tmpdir(), "runbook-types-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

const compiler = join(root, "node_modules/typescript/bin/tsc");
const config = join(root, "tsconfig.types.json");
const { status, stdout } = spawnSync(process.execPath, [compiler, "-p", config, "--outDir", scratch], {
  encoding: "utf8",
});
if (status !== 0) throw new Error(`declarations: ${stdout}`);

const sources = join(scratch, "src");
const seen = new Set();
rmSync(out, { recursive: true, force: true });
copy(join(sources, "cli/library.d.ts"));

function copy(file) {
  if (seen.has(file)) return;
  seen.add(file);
  // A declaration names its neighbours by `.ts`; who installs the package has declarations only.
  const text = readFileSync(file, "utf8").replace(/(from |import\()"(\.[^"]+)\.ts"/g, (_, before, path) => {
    copy(resolve(dirname(file), `${path}.d.ts`));
    return `${before}"${path}.js"`;
  });
  const target = join(out, relative(sources, file));
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
}
