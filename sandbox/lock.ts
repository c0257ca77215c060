import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { identityOf, type ProcessIdentity } from "../src/host/supervisor/process-identity.ts";
import { isAlive } from "./alive.ts";

/**
 * Makes this process the only platform of a folder, or returns who already is. The file is created by link(2), which
 * exactly one of two starters wins. A dead holder's file is moved away first; whoever moved away a living holder's by
 * losing that race puts it back.
 */
export function takeLock(path: string): { readonly holder: ProcessIdentity | null } {
  const own = identityOf(process.pid);
  if (own === null) throw new Error("this process cannot see itself in /proc; is it mounted?");
  const text = JSON.stringify(own);
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, text, { mode: 0o600 });
  try {
    for (;;) {
      if (link(mine, path)) return { holder: null };
      const found = read(path);
      if (found === null) continue;
      const holder = parse(found);
      if (holder !== null && isAlive(holder)) return { holder };
      const aside = `${path}.stale.${process.pid}`;
      try {
        renameSync(path, aside);
      } catch {
        continue; // Another starter moved it first.
      }
      if (read(aside) !== found) link(aside, path);
      unlinkSync(aside);
    }
  } finally {
    unlinkSync(mine);
  }
}

/** True while this process still holds the lock. */
export function holdsLock(path: string): boolean {
  return read(path) === JSON.stringify(identityOf(process.pid));
}

/** Gives the lock back, if it is still ours. */
export function releaseLock(path: string): void {
  if (holdsLock(path)) unlinkSync(path);
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function parse(text: string): ProcessIdentity | null {
  try {
    return JSON.parse(text) as ProcessIdentity;
  } catch {
    return null;
  }
}
