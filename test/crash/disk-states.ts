/**
 * The states in which a disk may be found after the power was lost in the middle of a `DiskLog`. Only what was synced is
 * certain: of everything else any part may be there, in any order. Content by `fsync` or `fdatasync` of the file, a name by
 * `fsync` of its directory (fsync(2), NOTES: a file's own sync does not make its entry durable).
 */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DiskLog, DiskOp } from "./disk-log.ts";
import { randomNumbers } from "./matrix-case.ts";

export interface DiskState {
  readonly name: string;
  /** How many ops had been asked for. */
  readonly at: number;
  /** Path → content, null = a directory; parents come first. Made anew by each call. */
  readonly tree: () => ReadonlyMap<string, Buffer | null>;
  /** What the viewer had printed and steps had done by then. */
  readonly said: string;
  readonly effects: string;
}

/** A sector has 512; more places cost little. */
const cutBytes = 64;
/** Working files that nothing ever syncs, because nothing depends on them: they do not make a state another one. */
const unsynced = /(^|\/)(executor|supervisor)\.log$/;

/** Part of an op that is on the disk: all of it, none of it, or a write that stopped at `bytes`, zeros behind if `filled`. */
type Part = "all" | "none" | { readonly bytes: number; readonly filled: boolean };

/** Every state of the log in order of time; some of them have the same content, see `digestOf`. */
export function* diskStates(log: DiskLog): Generator<DiskState> {
  const durableAt = durabilityOf(log.ops);
  let [said, effects] = ["", ""];
  for (let at = 0; at <= log.ops.length; at++) {
    const op = log.ops[at - 1];
    if (op?.kind === "said") said += op.text;
    if (op?.kind === "effect") effects += op.text;
    const pending = log.ops.slice(0, at).flatMap((each, index) => {
      const durable = durableAt[index];
      return changes(each) && (durable === undefined || durable >= at) ? [index] : [];
    });
    const uncertain = new Set(pending);
    for (const [name, partOf] of choicesOf(log.ops, pending, at - 1)) {
      const tree = () => treeAt(log, at, (index) => (uncertain.has(index) ? partOf(index) : "all"));
      yield { name: `after op ${at}, ${name}`, at, tree, said, effects };
    }
  }
}

/** What of the unsynced ops may be on the disk: a name, and the part of each. */
function choicesOf(
  ops: readonly DiskOp[],
  pending: readonly number[],
  last: number,
): [name: string, partOf: (index: number) => Part][] {
  const choices: [string, (index: number) => Part][] = [
    ["nothing that was not synced", () => "none"],
    ["everything", () => "all"],
  ];
  for (const { name, indexes } of unitsOf(ops, pending)) {
    choices.push([`everything but ${name}`, (index) => (indexes.has(index) ? "none" : "all")]);
    choices.push([`only ${name}`, (index) => (indexes.has(index) ? "all" : "none")]);
  }
  const op = ops[last];
  if (op?.kind !== "data" || !pending.includes(last)) return choices;
  for (const bytes of cutsOf(op.bytes.length, last)) {
    for (const filled of [false, true]) {
      const name = `the last write up to byte ${bytes}${filled ? ", then zeros" : ""}`;
      choices.push([name, (index) => (index === last ? { bytes, filled } : "all")]);
    }
  }
  return choices;
}

/** Puts what a state has at and below `top` into `folder`, in place of what is there. */
export function writeState(folder: string, top: string, tree: ReadonlyMap<string, Buffer | null>): void {
  rmSync(join(folder, top), { recursive: true, force: true });
  for (const [path, content] of tree) {
    if (path !== top && !path.startsWith(`${top}/`)) continue;
    if (content === null) mkdirSync(join(folder, path), { mode: 0o700 });
    else writeFileSync(join(folder, path), content, { mode: 0o600 });
    chmodSync(join(folder, path), content === null ? 0o700 : 0o600);
  }
}

function changes(op: DiskOp): boolean {
  return op.kind === "entry" || op.kind === "data" || op.kind === "length";
}

/** For each change the index of the first sync that covers it; undefined = it was never synced. */
function durabilityOf(ops: readonly DiskOp[]): (number | undefined)[] {
  return ops.map((op, index) => {
    if (!changes(op)) return undefined;
    const inode = op.kind === "entry" ? op.dir : (op as Extract<DiskOp, { inode: number }>).inode;
    const found = ops.findIndex(
      (sync, at) => at > index && sync.kind === "sync" && sync.inode === inode && sync.since > index,
    );
    return found < 0 ? undefined : found;
  });
}

/** What is there or not there as one: each change of a name, each write; of a file of many unsynced writes all of them. */
function unitsOf(ops: readonly DiskOp[], pending: readonly number[]): { name: string; indexes: Set<number> }[] {
  const units = new Map<string, { name: string; indexes: Set<number> }>();
  for (const index of pending) {
    const op = ops[index];
    if (op === undefined) continue;
    const [key, name] =
      op.kind === "entry"
        ? [`entry ${index}`, `the entry ${op.name}`]
        : [`file ${(op as { inode: number }).inode}`, `the content of inode ${(op as { inode: number }).inode}`];
    const unit = units.get(key) ?? { name, indexes: new Set<number>() };
    units.set(key, unit);
    unit.indexes.add(index);
  }
  return [...units.values()];
}

/** Where a write may have stopped: every so often, at the very beginning and end, and at some byte in between. */
function cutsOf(length: number, seed: number): number[] {
  const cuts = new Set([1, length - 1, Math.floor(randomNumbers(seed)() * length)]);
  for (let cut = cutBytes; cut < length; cut += cutBytes) cuts.add(cut);
  return [...cuts].filter((cut) => cut > 0 && cut < length).sort((a, b) => a - b);
}

function treeAt(log: DiskLog, at: number, partOf: (index: number) => Part): Map<string, Buffer | null> {
  const files = new Map(log.baseFiles);
  const entries = new Map<number, Map<string, number>>();
  const entriesOf = (dir: number) => {
    const found = entries.get(dir) ?? new Map<string, number>();
    entries.set(dir, found);
    return found;
  };
  for (const [path, inode] of log.base) {
    if (path === "") continue;
    const slash = path.lastIndexOf("/");
    entriesOf(slash < 0 ? 0 : (log.base.get(path.slice(0, slash)) ?? 0)).set(path.slice(slash + 1), inode);
  }
  for (let index = 0; index < at; index++) {
    const op = log.ops[index];
    if (op === undefined || !changes(op)) continue;
    const part = partOf(index);
    if (part === "none") continue;
    switch (op.kind) {
      case "entry": {
        const names = entriesOf(op.dir);
        if (op.previous !== null) names.delete(op.previous);
        if (op.inode === null) names.delete(op.name);
        else names.set(op.name, op.inode);
        break;
      }
      case "data": {
        const old = files.get(op.inode) ?? Buffer.alloc(0);
        const kept = part === "all" ? op.bytes : op.bytes.subarray(0, part.bytes);
        const end = op.at + (part === "all" || part.filled ? op.bytes.length : kept.length);
        // A hole reads as zeros: what was to be there before this write may be missing.
        const content = Buffer.alloc(Math.max(old.length, end));
        old.copy(content);
        kept.copy(content, op.at);
        files.set(op.inode, content);
        break;
      }
      case "length": {
        const content = Buffer.alloc(op.bytes);
        (files.get(op.inode) ?? Buffer.alloc(0)).copy(content);
        files.set(op.inode, content);
        break;
      }
    }
  }
  const tree = new Map<string, Buffer | null>();
  const walk = (dir: number, path: string) => {
    for (const [name, inode] of entries.get(dir) ?? []) {
      const below = path === "" ? name : `${path}/${name}`;
      if (log.directories.has(inode)) {
        tree.set(below, null);
        walk(inode, below);
      } else tree.set(below, files.get(inode) ?? Buffer.alloc(0));
    }
  };
  walk(0, "");
  return tree;
}

/** Equal for two states that nothing can tell apart. */
export function digestOf({ said, effects }: DiskState, tree: ReadonlyMap<string, Buffer | null>): string {
  const hash = createHash("sha256").update(`${said}\0${effects}\0`);
  for (const [path, content] of [...tree].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (unsynced.test(path)) continue;
    hash.update(`${path}\0${content === null ? "d" : content.length}\0`);
    if (content !== null) hash.update(content);
  }
  return hash.digest("hex");
}
