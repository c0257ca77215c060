// `npm run test:crash`: bundles the crash matrix of test/crash (TypeScript) and runs it; see docs/reliability.md.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const out = mkdtempSync(join(tmpdir(), "crash-matrix-"));
try {
  const bundle = await rolldown({
    input: join(root, "test/crash/main.ts"),
    platform: "node",
    // The rig finds the checkout by where its source lies.
    transform: {
      define: {
        "import.meta.dirname": JSON.stringify(join(root, "test/rig")),
        __dirname: JSON.stringify(join(root, "dist")),
      },
    },
  });
  const file = join(out, "main.mjs");
  await bundle.write({ file, format: "esm", codeSplitting: false });
  await bundle.close();
  const { main } = await import(pathToFileURL(file).href);
  process.exitCode = await main(process.argv.slice(2));
} finally {
  rmSync(out, { recursive: true, force: true });
}
