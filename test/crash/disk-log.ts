/**
 * What a run asked of the disk, in order, as strace(1) saw it: every change of a file or of a directory's entries below
 * one folder, every sync, every line the viewer printed, and every line that a step wrote to the ledger.
 */
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

export type DiskOp =
  /** `name` in the directory `dir` means `inode` from now on; null = nothing. `previous`: the name it had before. */
  | {
      readonly kind: "entry";
      readonly dir: number;
      readonly name: string;
      readonly inode: number | null;
      readonly previous: string | null;
    }
  | { readonly kind: "data"; readonly inode: number; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: "length"; readonly inode: number; readonly bytes: number }
  /** Everything asked of `inode` before op `since` is durable. */
  | { readonly kind: "sync"; readonly inode: number; readonly since: number }
  | { readonly kind: "said"; readonly text: string }
  | { readonly kind: "effect"; readonly text: string };

export interface DiskLog {
  readonly ops: readonly DiskOp[];
  /** Directories and files there were before the first op: durable. Path relative to the folder → inode. */
  readonly base: ReadonlyMap<string, number>;
  readonly baseFiles: ReadonlyMap<number, Buffer>;
  /** Inodes that are directories. The folder itself is 0. */
  readonly directories: ReadonlySet<number>;
}

const calls =
  "openat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,ftruncate,unlink,unlinkat,mkdir,mkdirat,rmdir";

/** What strace is told, to write such a log into `file`. */
export function diskLogOptions(file: string): string[] {
  return ["--seccomp-bpf", "-y", "-xx", "-s", "4194304", "-e", "signal=none", "-e", `trace=${calls}`, "-o", file];
}

export interface LogSource {
  /** Log of strace. */
  readonly file: string;
  /** Paths are relative to it. */
  readonly folder: string;
  /** Only what happens at and below this name in it is kept. */
  readonly top: string;
  readonly ledger: string;
  /** What was below the folder before: path relative to it → content, null = a directory. Parents come first. */
  readonly before: ReadonlyMap<string, Buffer | null>;
}

interface Call {
  readonly pid: string;
  readonly name: string;
  /** Arguments and result as strace prints them, with names and texts decoded. */
  readonly words: readonly Buffer[];
  readonly text: string;
  /** Line of the log at which it began. */
  readonly begin: number;
  /** Line at which it counts. */
  readonly counts: number;
}

/**
 * Calls that succeeded: a change counts when it begins, a sync when it has ended. A change that another process began
 * before a sync counts as made by then: who syncs a file of another process (the viewer) has read what it syncs.
 */
function callsOf(file: string): Call[] {
  const open = new Map<string, { text: string; begin: number }>();
  const calls: Call[] = [];
  for (const [number, line] of readFileSync(file, "latin1").split("\n").entries()) {
    const [, pid = "", rest = ""] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    let text = rest;
    let begin = number;
    if (rest.endsWith("<unfinished ...>")) {
      open.set(pid, { text: rest.slice(0, -"<unfinished ...>".length), begin });
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>/.exec(rest);
    if (resumed !== null) {
      const first = open.get(pid);
      if (first === undefined) throw new Error(`a call goes on that never began: ${line}`);
      text = first.text + rest.slice(resumed[0].length);
      begin = first.begin;
    }
    const name = /^(\w+)\(/.exec(text)?.[1];
    if (name === undefined || !/\)\s+= \d+/.test(text)) continue;
    // Quoted or, after a descriptor, in angle brackets; every byte in hexadecimal.
    const words = [...text.matchAll(/["<]((?:\\x[0-9a-f]{2})*)[">]/g)].map(([, hex = ""]) =>
      Buffer.from(hex.replaceAll("\\x", ""), "hex"),
    );
    calls.push({ pid, name, words, text, begin, counts: name.endsWith("sync") ? number : begin });
  }
  return calls.sort((a, b) => a.counts - b.counts);
}

export function readDiskLog({ file, folder, top, ledger, before }: LogSource): DiskLog {
  const ops: DiskOp[] = [];
  /** The names as programs see them now. */
  const names = new Map<string, number>([["", 0]]);
  const sizes = new Map<number, number>();
  const directories = new Set([0]);
  const baseFiles = new Map<number, Buffer>();
  /** For each op the line at which it counts. */
  const lines: number[] = [];
  let viewer: string | null = null;
  let next = 1;
  const add = (path: string, isDirectory: boolean): number => {
    const inode = next++;
    names.set(path, inode);
    if (isDirectory) directories.add(inode);
    else sizes.set(inode, 0);
    return inode;
  };
  for (const [path, content] of before) {
    const inode = add(path, content === null);
    if (content === null) continue;
    baseFiles.set(inode, content);
    sizes.set(inode, content.length);
  }
  const base = new Map(names);
  const below = (path: string): string | null =>
    path === join(folder, top) || path.startsWith(`${join(folder, top)}/`) ? path.slice(folder.length + 1) : null;
  const bind = (path: string, inode: number | null, previous: string | null) => {
    const dir = names.get(parentOf(path));
    if (dir === undefined) throw new Error(`${path} is in a directory that was never made`);
    ops.push({ kind: "entry", dir, name: basename(path), inode, previous });
  };
  for (const { pid, name, words, text, begin, counts } of callsOf(file)) {
    viewer ??= pid;
    const paths = pathsOf(name, words.map(String));
    const [path = null, target = null] = paths.map(below);
    switch (name) {
      case "openat": {
        if (path === null) break;
        const inode = names.get(path);
        if (inode === undefined && text.includes("O_CREAT")) bind(path, add(path, false), null);
        else if (inode !== undefined && text.includes("O_TRUNC") && sizes.get(inode) !== 0) {
          sizes.set(inode, 0);
          ops.push({ kind: "length", inode, bytes: 0 });
        }
        break;
      }
      case "write":
      case "pwrite64": {
        const bytes = (words[1] ?? Buffer.alloc(0)).subarray(
          0,
          Number(/= (\d+)/.exec(text.slice(text.lastIndexOf(")")))?.[1]),
        );
        if (paths[0] === ledger) ops.push({ kind: "effect", text: bytes.toString("utf8") });
        else if (pid === viewer && /^write\(1</.test(text)) ops.push({ kind: "said", text: bytes.toString("utf8") });
        const inode = path === null ? undefined : names.get(path);
        if (inode === undefined) break;
        const size = sizes.get(inode) ?? 0;
        const at = name === "write" ? size : Number(/, (\d+)\) = /.exec(text)?.[1]);
        sizes.set(inode, Math.max(size, at + bytes.length));
        ops.push({ kind: "data", inode, at, bytes });
        break;
      }
      case "ftruncate": {
        const inode = path === null ? undefined : names.get(path);
        if (inode === undefined) break;
        const bytes = Number(/, (\d+)\) = /.exec(text)?.[1]);
        sizes.set(inode, bytes);
        ops.push({ kind: "length", inode, bytes });
        break;
      }
      case "fsync":
      case "fdatasync": {
        const inode = paths[0] === folder ? 0 : path === null ? undefined : names.get(path);
        const later = lines.findIndex((line) => line >= begin);
        if (inode !== undefined) ops.push({ kind: "sync", inode, since: later < 0 ? ops.length : later });
        break;
      }
      case "mkdir":
      case "mkdirat":
        if (path !== null) bind(path, add(path, true), null);
        break;
      case "unlink":
      case "unlinkat":
      case "rmdir":
        if (path === null || !names.delete(path)) break;
        bind(path, null, null);
        break;
      default: {
        if (path === null || target === null) break;
        if (dirname(path) !== dirname(target)) throw new Error(`${path} is moved to another directory: ${target}`);
        const inode = names.get(path);
        if (inode === undefined) throw new Error(`${path} is renamed and was never made`);
        names.delete(path);
        names.set(target, inode);
        // What is below a renamed directory moves with it.
        for (const [each, its] of [...names]) {
          if (!each.startsWith(`${path}/`)) continue;
          names.delete(each);
          names.set(target + each.slice(path.length), its);
        }
        bind(target, inode, basename(path));
      }
    }
    while (lines.length < ops.length) lines.push(counts);
  }
  return { ops, base, baseFiles, directories };
}

const parentOf = (path: string) => (dirname(path) === "." ? "" : dirname(path));

/** Absolute paths a call is about, in the order of its arguments. */
function pathsOf(name: string, words: readonly string[]): string[] {
  if (name.endsWith("at") || name === "renameat2") {
    // Each name comes after the directory it may be relative to.
    const pairs = name.startsWith("rename") ? 2 : 1;
    return Array.from({ length: pairs }, (_, nth) => {
      const [dir = "", path = ""] = words.slice(2 * nth);
      return path.startsWith("/") ? path : join(dir, path);
    });
  }
  return words.slice(0, name === "rename" ? 2 : 1);
}
