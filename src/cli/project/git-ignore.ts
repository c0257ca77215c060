/** What `.gitignore` of a folder says about a path, as far as the forms this tool writes go. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The lines that mean something. */
export function ignoreLines(folder: string): string[] {
  let text: string;
  try {
    text = readFileSync(join(folder, ".gitignore"), "utf8");
  } catch {
    return [];
  }
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** True for a line that is the path, one of its folders, or `*.ext` with or without its folder. */
export function ignoredByGit(folder: string, path: string): boolean {
  const parts = path.split("/");
  const name = parts.at(-1) ?? "";
  const ending = name.includes(".") ? `*${name.slice(name.lastIndexOf("."))}` : name;
  const directory = parts.slice(0, -1).join("/");
  const fitting = new Set([path, name, ending, directory === "" ? ending : `${directory}/${ending}`]);
  for (let length = 1; length < parts.length; length++) fitting.add(parts.slice(0, length).join("/"));
  return ignoreLines(folder).some((line) => fitting.has(line.replace(/^\/|\/$/g, "")));
}
