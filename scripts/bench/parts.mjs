// Bundles parts of the source, and the limits that need a package, into plain files that Node runs as processes.
import { join } from "node:path";
import { rolldown } from "rolldown";
import { precompiledValidators } from "../precompile.mjs";

const root = join(import.meta.dirname, "../..");

/** Bundles `entry` (relative to the checkout) into `<directory>/<name>` and gives that path. ESM where it awaits at its top. */
export async function bundlePart(directory, name, entry, format = "cjs") {
  const bundle = await rolldown({
    input: join(root, entry),
    platform: "node",
    plugins: [await precompiledValidators(root)],
    transform: { define: { "import.meta.dirname": JSON.stringify(join(root, "dist")) } },
  });
  const file = join(directory, `${name}.${format === "cjs" ? "cjs" : "mjs"}`);
  await bundle.write({ file, format, codeSplitting: false });
  await bundle.close();
  return file;
}
