import { readFileSync } from "node:fs";

/** The parsed file, or null when there is none. Anything else that is wrong with it is thrown, naming the file. */
export function readJson<T>(path: string): T | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new Error(`${path} is not JSON (${(error as Error).message}). Remove it and start the sandbox again.`);
  }
}
