/** Looks for the workload's secret in everything a state directory holds. */
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { secretValue } from "./secret-value.ts";

export function* filesBelow(directory: string): Generator<string> {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (lstatSync(path).isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

/** One line for each file that holds the secret, plainly or in base64. */
export function leaks(directory: string): string[] {
  const forms = [secretValue, Buffer.from(secretValue).toString("base64")];
  const found: string[] = [];
  for (const file of filesBelow(directory)) {
    if (!lstatSync(file).isFile()) continue;
    const text = readFileSync(file, "latin1");
    if (forms.some((form) => text.includes(form))) found.push(`${file} holds the secret`);
  }
  return found;
}
