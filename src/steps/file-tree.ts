/** Reads files below a folder. It never writes, and never follows a link out of the folder. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";

export interface TreeFile {
  /** Relative to the folder, with slashes. */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  readonly modifiedAt: Date;
}

/** Regular files below a folder, sorted by path; null when there is no such folder. `skip`: names of folders to pass over. */
export function filesBelow(folder: string, skip: readonly string[] = []): TreeFile[] | null {
  const files: TreeFile[] = [];
  const walk = (below: string) => {
    for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory() && !skip.includes(entry.name)) walk(path);
      if (!entry.isFile()) continue;
      const { mode, mtime } = lstatSync(join(folder, path));
      files.push({ path, mode: mode & 0o777, modifiedAt: mtime });
    }
  };
  try {
    walk("");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" && files.length === 0) return null;
    throw error;
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Content of a text file; null when there is none. */
export function textOf(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

export type FileContent =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "large"; readonly bytes: number }
  /** `gone`: removed meanwhile; `other`: a link, a folder, a device. */
  | { readonly kind: "binary" | "gone" | "other" };

const binaryProbeBytes = 8_000;

/** Content of a file of at most `maxBytes`. Binary is what has a NUL near its beginning, as git judges. Throws when it may not be read. */
export function contentOf(file: string, maxBytes: number): FileContent {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return { kind: "gone" };
    if (code === "ELOOP" || code === "ENXIO") return { kind: "other" };
    throw error;
  }
  try {
    const facts = fstatSync(fd);
    if (!facts.isFile()) return { kind: "other" };
    if (facts.size > maxBytes) return { kind: "large", bytes: facts.size };
    const buffer = Buffer.alloc(facts.size);
    let bytes = 0;
    while (bytes < buffer.length) {
      const read = readSync(fd, buffer, bytes, buffer.length - bytes, bytes);
      if (read === 0) break;
      bytes += read;
    }
    const content = buffer.subarray(0, bytes);
    if (content.subarray(0, binaryProbeBytes).includes(0)) return { kind: "binary" };
    return { kind: "text", text: content.toString("utf8") };
  } finally {
    closeSync(fd);
  }
}
