/** Finds the file that a command names, as execvp(3) would. */

import { accessSync, constants, statSync } from "node:fs";
import { resolve } from "node:path";
import type { CommandError } from "./protocol.ts";

/** execvp's path when the environment has none. */
const DEFAULT_PATH = "/bin:/usr/bin";

/** The file to execute, or why there is none. */
export function findProgram(
  program: string,
  cwd: string,
  path: string | undefined,
): { readonly file: string } | { readonly error: CommandError } {
  const cwdError = directoryError(cwd);
  if (cwdError !== null) return { error: cwdError };
  const isPath = program.includes("/");
  const candidates = isPath
    ? [resolve(cwd, program)]
    : (path ?? DEFAULT_PATH).split(":").map((directory) => resolve(cwd, directory, program));
  let denied: string | null = null;
  for (const file of program === "" ? [] : candidates) {
    try {
      const stats = statSync(file, { throwIfNoEntry: false });
      if (stats === undefined) continue;
      if (!stats.isFile()) {
        denied ??= file;
        continue;
      }
      accessSync(file, constants.X_OK);
      return { file };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EACCES") denied ??= file;
    }
  }
  if (denied !== null) {
    const message = `cannot execute "${program}": ${denied} is not an executable file`;
    return { error: { code: "EACCES", message } };
  }
  const where = isPath
    ? `there is no file ${candidates[0]}`
    : `it is in none of the directories of PATH (${path ?? DEFAULT_PATH})`;
  return { error: { code: "ENOENT", message: `command not found: "${program}": ${where}` } };
}

function directoryError(cwd: string): CommandError | null {
  try {
    if (statSync(cwd).isDirectory()) return null;
    return { code: "ENOTDIR", message: `the working directory ${cwd} is not a directory` };
  } catch (error) {
    const { code = "EIO" } = error as NodeJS.ErrnoException;
    // ENOENT is what a missing program is called.
    return { code: code === "ENOENT" ? "ENOTDIR" : code, message: `cannot use the working directory ${cwd}: ${code}` };
  }
}
