/** The write rules: a name is as durable as its file, a short write is an error, and an error is final. */
import { mkdtempSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { makeDirectory, replaceFile } from "../../src/host/durable-file.ts";
import { JournalWriter } from "../../src/host/journal-file.ts";

/** What the file system was asked to do, and the writes that stop half-way. */
const disk = vi.hoisted(() => ({ synced: [] as string[], shortWrites: 0 }));
vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>();
  const seen = (fd: number) => disk.synced.push(fs.readlinkSync(`/proc/self/fd/${fd}`));
  return {
    ...fs,
    fsyncSync: (fd: number) => {
      seen(fd);
      fs.fsyncSync(fd);
    },
    fdatasyncSync: (fd: number) => {
      seen(fd);
      fs.fdatasyncSync(fd);
    },
    writeSync: (fd: number, bytes: Uint8Array) => {
      if (disk.shortWrites === 0) return fs.writeSync(fd, bytes);
      disk.shortWrites--;
      return fs.writeSync(fd, bytes.subarray(0, 10));
    },
  };
});

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "durability-"));
  disk.synced = [];
  disk.shortWrites = 0;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const event = { type: "executor.stopped", why: "a test" } as const;
const create = () => JournalWriter.create(directory, "rb-aaaaaa", () => new Date());

test("a replaced file is synced before its new name is", () => {
  replaceFile(join(directory, "file"), "text");
  expect(disk.synced).toEqual([expect.stringMatching(/\.tmp$/), directory]);
});

test("every level of a new directory is synced in the one above it", () => {
  makeDirectory(join(directory, "a/b"));
  expect(disk.synced).toEqual([directory, join(directory, "a")]);
});

test("a new journal is durable with its name; a flush returns when its records are", () => {
  const writer = create();
  writer.append(event);
  expect(disk.synced).toEqual([]);
  writer.flush();
  writer.syncDirectory();
  writer.close();
  expect(disk.synced).toEqual([join(directory, "journal.ndjson"), directory]);
});

test("a short write poisons the journal: told as one, and nothing is written after it", () => {
  const writer = create();
  writer.append(event);
  writer.flush();
  const before = readFileSync(join(directory, "journal.ndjson"));
  disk.shortWrites = 1;
  writer.append(event);
  expect(() => writer.flush()).toThrow(/only 10 of \d+ bytes were written/);
  expect(() => writer.flush()).toThrow(/only 10 of \d+ bytes/);
  expect(() => writer.append(event)).toThrow(/only 10 of \d+ bytes/);
  writer.close();
  expect(readFileSync(join(directory, "journal.ndjson")).length).toBe(before.length + 10);
});

test("a short write leaves the old file as it was", () => {
  replaceFile(join(directory, "file"), "the old text");
  disk.shortWrites = 1;
  expect(() => replaceFile(join(directory, "file"), "a longer new text")).toThrow(/only 10 of 17 bytes/);
  expect(readFileSync(join(directory, "file"), "utf8")).toBe("the old text");
  expect(() => readlinkSync(join(directory, "file"))).toThrow();
});
