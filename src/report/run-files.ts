/**
 * A run directory's files, by relative path: read without following links, hashed piece by piece. Anything that is no
 * regular file is reported, never opened.
 */
import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";

export interface RunFile {
  /** Relative to the run directory, `/` between parts. */
  readonly path: string;
  readonly kind: "file" | "other";
}

/** Everything below `dir`, sorted by the bytes of its path. Folders do not count. */
export function listFiles(dir: string): RunFile[] {
  const files: RunFile[] = [];
  const walk = (folder: string) => {
    for (const entry of readdirSync(join(dir, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else files.push({ path, kind: entry.isFile() ? "file" : "other" });
    }
  };
  walk("");
  return files.sort((a, b) => comparePaths(a.path, b.path));
}

/** Order of the UTF-8 bytes, as `LC_ALL=C sort` has it. */
export function comparePaths(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Pieces of a regular file. Throws (`ELOOP`, `ENOENT`, …) when the path is a link or cannot be read. */
export function* fileChunks(dir: string, path: string, chunkBytes = 1024 * 1024): Generator<Buffer> {
  const fd = openSync(join(dir, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile()) throw new Error(`${path} is not a regular file`);
    const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, fstatSync(fd).size + 1));
    for (;;) {
      const bytes = readSync(fd, buffer, 0, buffer.length, null);
      if (bytes === 0) return;
      yield buffer.subarray(0, bytes);
    }
  } finally {
    closeSync(fd);
  }
}

export interface FileDigest {
  /** 64 hex digits. */
  readonly sha256: string;
  readonly bytes: number;
}

export function digestFile(dir: string, path: string): FileDigest {
  const hash = createHash("sha256");
  let bytes = 0;
  for (const chunk of fileChunks(dir, path)) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: hash.digest("hex"), bytes };
}

/** A whole file; for documents, not logs. Throws beyond `limitBytes`. */
export function readRunFile(dir: string, path: string, limitBytes = 64 * 1024 * 1024): Buffer {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for (const chunk of fileChunks(dir, path)) {
    bytes += chunk.length;
    if (bytes > limitBytes) throw new Error(`${path} is larger than ${limitBytes} bytes`);
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

/** `config.json` → true; `/etc/passwd`, `../x`, `a//b`, `a/./b` → false. */
export function isInsidePath(path: string): boolean {
  return (
    path !== "" && !path.includes("\0") && path.split("/").every((part) => part !== "" && part !== "." && part !== "..")
  );
}
