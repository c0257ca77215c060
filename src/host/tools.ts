/** Tools on PATH and their versions. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

/** Absolute path of an executable, or null. */
export function findTool(name: string, path: string, cwd: string): string | null {
  if (name.includes("/")) return isExecutable(resolve(cwd, name)) ? resolve(cwd, name) : null;
  for (const directory of path.split(delimiter)) {
    const file = join(directory || ".", name);
    if (isExecutable(file)) return file;
  }
  return null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** The version a tool prints, or null when it prints none that looks like one. */
export async function toolVersion(
  command: readonly string[],
  pattern: string | null,
  env: Readonly<Record<string, string>>,
): Promise<string | null> {
  const { execa } = await import("execa");
  const [program, ...words] = command;
  const ended = await execa(program ?? "", words, {
    reject: false,
    timeout: 10_000,
    stdin: "ignore",
    all: true,
    extendEnv: false,
    env,
  });
  const found = (pattern === null ? /(\d+(?:\.\d+){0,3}(?:-[0-9A-Za-z.]+)?)/ : new RegExp(pattern)).exec(
    ended.all ?? "",
  );
  return found === null ? null : (found[1] ?? found[0]);
}
