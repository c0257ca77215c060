/** Names and values in one file of a folder of secrets. No message quotes a file: a broken one may still hold a value. */
import { basename, extname } from "node:path";
import { isObject } from "./json.ts";

/** The kinds of file that hold secrets; others are passed over. */
export function isSecretFile(path: string): boolean {
  return [".env", ".txt", ".json"].includes(extname(path));
}

/**
 * `<system>/<name>.env` (KEY=VALUE a line), `.json` (an object of texts), `.txt` (one value; `shopify/api-key.txt` is
 * SHOPIFY_API_KEY). `path` is relative to the folder. Throws an `Error` that names the file.
 */
export function secretsInFile(path: string, text: string): Record<string, string> {
  switch (extname(path)) {
    case ".env":
      return parseEnv(text);
    case ".json":
      return parseJson(path, text);
    default:
      return { [nameOf(path.slice(0, -extname(path).length))]: text.replace(/\r?\n$/, "") };
  }
}

/** The short name of a `.txt` file, without its folder: `API_KEY`. */
export function shortName(path: string): string {
  return nameOf(basename(path, extname(path)));
}

function nameOf(path: string): string {
  return path.replaceAll(/[^A-Za-z0-9]+/g, "_").toUpperCase();
}

function parseJson(path: string, text: string): Record<string, string> {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new Error(`${path} is not JSON`);
  }
  if (!isObject(data)) throw new Error(`${path} is not an object of names and texts`);
  return Object.fromEntries(
    Object.entries(data).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])),
  );
}

/** `KEY=VALUE` a line; `export ` and one pair of quotes around the value are dropped, `#` starts a comment line. */
function parseEnv(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const found = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line);
    if (found === null) continue;
    const raw = (found[2] ?? "").trim();
    const quoted = /^(["'])(.*)\1$/.exec(raw);
    values[found[1]!] = quoted ? quoted[2]! : raw;
  }
  return values;
}
