// Comparable tools are measured only where they are installed.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** `{ words, missing }`: the program's absolute path, or why it does not take part. */
export function tool(name) {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return { words: [file], missing: null };
    } catch {
      // not in this folder
    }
  }
  return { words: [], missing: "not installed" };
}
