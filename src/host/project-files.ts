/**
 * Files a finished run leaves in the project: a block appended to a file, a folder of copies. Only below the project;
 * no link is followed on the way, and what is there and is no plain file or folder is refused.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
} from "node:fs";
import { dirname, join } from "node:path";
import { withMutex } from "./claim.ts";
import { makeDirectory, replaceFile, syncDirectory, writeAll } from "./durable-file.ts";

/** Why a path of the project is not written to. */
class RefusedPath extends Error {}

/**
 * Appends `block` to a file below `project`, as one write under a lock that every run of this machine takes, and syncs
 * it. `mark` is a line of the block that no other has: where it stands already, nothing is written, so that a run which
 * was killed after the append and finishes again has one block. Returns whether it was written.
 */
export async function appendBlock(project: string, path: string, block: string, mark: string): Promise<boolean> {
  const file = join(project, path);
  return await withMutex(`append:${file}`, () => {
    const directory = openFolder(project, dirname(path));
    refuseUnless(file, "a file", (kind) => kind.isFile());
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
    const fd = openSync(file, flags, 0o644);
    try {
      if (!fstatSync(fd).isFile()) throw new RefusedPath(`${path} is not a file`);
      const there = readFileSync(fd, "utf8");
      if (there.split("\n").includes(mark)) return false;
      // A last line without its newline (an editor, a cut-off write) must not swallow the block.
      const gap = there === "" ? "" : there.endsWith("\n\n") ? "" : there.endsWith("\n") ? "\n" : "\n\n";
      writeAll(fd, Buffer.from(`${gap}${block}`), file);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    syncDirectory(directory);
    return true;
  });
}

export interface FolderFile {
  /** Relative to the folder. */
  readonly path: string;
  readonly content: string | { readonly copyOf: string };
}

/**
 * Puts a folder with these files at `path` below `project`: made beside it, synced, renamed into place. An older one of
 * the same name is replaced as a whole.
 */
export function placeFolder(project: string, path: string, files: readonly FolderFile[]): void {
  const target = join(project, path);
  const parent = openFolder(project, dirname(path));
  refuseUnless(target, "a folder", (kind) => kind.isDirectory());
  const fresh = join(parent, `.${randomBytes(6).toString("hex")}.tmp`);
  mkdirSync(fresh, { mode: 0o755 });
  try {
    for (const { path: name, content } of files) {
      const file = join(fresh, name);
      makeDirectory(dirname(file));
      if (typeof content === "string") replaceFile(file, content, 0o644);
      else copy(content.copyOf, file);
    }
    syncDirectory(fresh);
    const old = `${fresh}.old`;
    try {
      renameSync(target, old);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    renameSync(fresh, target);
    syncDirectory(parent);
    rmSync(old, { recursive: true, force: true });
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

function copy(from: string, to: string): void {
  if (!lstatSync(from).isFile()) throw new RefusedPath(`${from} is not a file`);
  copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  const fd = openSync(to, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The folder `path` below `root`, made where it is missing. Throws `RefusedPath` for `..` and where a part is a link. */
function openFolder(root: string, path: string): string {
  let at = root;
  for (const part of path.split("/")) {
    if (part === "." || part === "") continue;
    if (part === ".." || part.includes("\0")) throw new RefusedPath(`${path} leads out of the project`);
    at = join(at, part);
    refuseUnless(at, "a folder", (kind) => kind.isDirectory());
    makeDirectory(at);
  }
  return at;
}

function refuseUnless(path: string, what: string, fits: (kind: Stats) => boolean): void {
  const kind = lstatSync(path, { throwIfNoEntry: false });
  if (kind === undefined || fits(kind)) return;
  throw new RefusedPath(`${path} is ${kind.isSymbolicLink() ? "a link" : `not ${what}`}; nothing was written there`);
}
