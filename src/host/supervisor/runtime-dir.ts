/**
 * The runtime directory of a run: FIFOs, exit and acknowledgement files. It lies beside the evidence, not in it, because
 * whoever opens a FIFO there (a backup, `grep -r`) would steal output.
 */

import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  type Stats,
  statSync,
  unlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Names the executor that took a run last, and the runtime directory it works with. */
export const executorFile = "executor.json";

/**
 * The runtime directory that belongs to a run directory: the one its last executor worked with while that is there,
 * whatever `TMPDIR` says now, because what is to be adopted lies in it; else a short name below `TMPDIR`. Not under
 * XDG_RUNTIME_DIR, which is emptied when the user logs out, while the run goes on.
 */
export function runtimeDirFor(runDir: string): string {
  const recorded = recordedDir(runDir);
  if (recorded !== null) return recorded;
  const name = createHash("sha256").update(realpathSync(runDir)).digest("hex").slice(0, 16);
  return join(tmpdir(), `runbook-${process.getuid?.() ?? 0}`, name);
}

function recordedDir(runDir: string): string | null {
  try {
    const { runtimeDir } = JSON.parse(readFileSync(join(runDir, executorFile), "utf8")) as { runtimeDir?: unknown };
    return typeof runtimeDir === "string" && lstatSync(runtimeDir).isDirectory() ? runtimeDir : null;
  } catch {
    return null; // no executor yet, or the directory is gone, and with it everything that could be adopted
  }
}

/**
 * Creates the directory and its parent, mode 0700. Throws when either is not a plain directory of this user that nobody
 * else may enter: someone may have put it there.
 */
export function ensureRuntimeDir(dir: string): void {
  for (const path of [dirname(dir), dir]) {
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const refusal = refusalOf(path, lstatSync(path), path === dir);
    if (refusal !== null) throw new Error(refusal);
  }
}

/** Why `ensureRuntimeDir` would fail, without making anything; null = nothing speaks against it. */
export function runtimeDirProblem(dir: string): string | null {
  const parent = dirname(dir);
  try {
    const stats = lstatSync(parent, { throwIfNoEntry: false });
    if (stats !== undefined) return refusalOf(parent, stats, false);
    if (!statSync(dirname(parent)).isDirectory()) return noPlace(dirname(parent), "ENOTDIR");
    accessSync(dirname(parent), constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    return noPlace(dirname(parent), (error as NodeJS.ErrnoException).code ?? String(error));
  }
}

function noPlace(directory: string, why: string): string {
  return `the temporary directory ${directory} cannot be used (${why}). Set TMPDIR to a directory of yours, then try again.`;
}

function refusalOf(path: string, stats: Stats, isOwn: boolean): string | null {
  if (!stats.isDirectory()) return `${path} is not a directory. Remove it, then try again.`;
  // The parent may be any safe place (the temporary directory itself); only one of our own naming must be private.
  if (!isOwn && !/\/runbook-\d+$/.test(path)) return null;
  const uid = process.getuid?.() ?? 0;
  if (stats.uid !== uid) {
    return `${path} belongs to user ${stats.uid}, not to you (${uid}). Set TMPDIR to a directory of yours, then try again.`;
  }
  if ((stats.mode & 0o077) !== 0) {
    const mode = (stats.mode & 0o777).toString(8);
    return `${path} is open to other users (mode ${mode}). Run "chmod 700 ${path}", then try again.`;
  }
  return null;
}

/** Removes the directory with all that is in it, when the run needs it no more. */
export function removeRuntimeDir(dir: string): void {
  try {
    for (const name of readdirSync(dir)) unlinkSync(join(dir, name));
    rmdirSync(dir);
    rmdirSync(dirname(dir));
  } catch {
    // gone already, or the parent still serves other runs
  }
}
