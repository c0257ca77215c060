/** The journal file: durable order, torn tails, corruption, full disks. */
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JournalEvent } from "../../src/engine/events.ts";
import { JournalCorrupt, JournalError } from "../../src/engine/ports.ts";
import { replaceFile } from "../../src/host/durable-file.ts";
import { firstRecord, JournalWriter } from "../../src/host/journal-file.ts";
import { makeFifo } from "../rig/fifo.ts";
import { readJournalFile } from "../rig/journal-records.ts";

let dir: string;
let file: string;
const now = () => new Date("2026-03-14T03:12:07.114Z");
const event = (why: string): JournalEvent => ({ type: "executor.stopped", why });

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "journal-"));
  file = join(dir, "journal.ndjson");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function write(count: number): JournalWriter {
  const writer = JournalWriter.create(dir, "rb-abcdef", now);
  for (let i = 0; i < count; i++) writer.append(event(`record ${i}`));
  writer.flush();
  return writer;
}

test("what was flushed is read back in order with its hashes", () => {
  write(3).close();
  const { records, torn } = readJournalFile(file);
  expect(records.map((record) => record.seq)).toEqual([1, 2, 3]);
  expect(torn).toBe(0);
});

test("nothing is in the file before the flush", () => {
  const writer = JournalWriter.create(dir, "rb-abcdef", now);
  writer.append(event("x"));
  expect(readFileSync(file, "utf8")).toBe("");
  writer.close();
});

test("a FIFO in the place of a journal is damage, and nobody waits for its writer", () => {
  makeFifo(file);
  expect(() => readJournalFile(file)).toThrow(JournalCorrupt);
});

test("records are not durable in a file that somebody removed", () => {
  const writer = write(1);
  rmSync(file);
  writer.append(event("gone"));
  expect(() => writer.flush()).toThrow(
    new JournalError("ENOENT", file, `${file} was removed while the run was written to it`),
  );
  expect(() => writer.append(event("more"))).toThrow(JournalError);
  writer.close();
});

test("how a run began is read whatever follows, and null of what is no journal", () => {
  const writer = JournalWriter.create(dir, "rb-abcdef", now);
  writer.append({ type: "run.started", runbook: "deploy", title: "x".repeat(200_000) } as unknown as JournalEvent);
  writer.append(event("then"));
  writer.flush();
  const whole = readFileSync(file);
  writeFileSync(file, Buffer.concat([whole, Buffer.from("garbage\n")]));
  expect(firstRecord(dir)).toMatchObject({ seq: 1, run: "rb-abcdef", runbook: "deploy" });
  for (const text of ["", "not a journal\n", whole.subarray(0, 1_000), whole.toString().replace("deploy", "delete")]) {
    writeFileSync(file, text);
    expect(firstRecord(dir)).toBe(null);
  }
  rmSync(file);
  expect(firstRecord(dir)).toBe(null);
});

test("a torn tail at every byte of the last record is cut off, kept, and the chain goes on", () => {
  write(3).close();
  const whole = readFileSync(file);
  const lastStart = whole.lastIndexOf(10, whole.length - 2) + 1;
  for (let length = lastStart + 1; length < whole.length; length++) {
    writeFileSync(file, whole);
    truncateSync(file, length);
    const { records, ...end } = readJournalFile(file);
    const { writer, repair } = JournalWriter.open(dir, "rb-abcdef", now, end);
    expect(records).toHaveLength(2);
    expect(repair).toMatchObject({ type: "recovery.truncated", bytes: length - lastStart });
    const kept = (repair as { keptAs: string }).keptAs;
    expect(readFileSync(join(dir, kept))).toEqual(whole.subarray(lastStart, length));
    rmSync(join(dir, kept));
    writer.append(event("after"));
    writer.flush();
    writer.close();
    expect(readJournalFile(file).records).toHaveLength(3);
  }
});

test("one changed bit before the last record is corruption and names the record", () => {
  write(4).close();
  const bytes = readFileSync(file);
  const second = bytes.indexOf(10) + 40;
  bytes[second] = (bytes[second] as number) ^ 1;
  writeFileSync(file, bytes);
  expect(() => readJournalFile(file)).toThrow(JournalCorrupt);
  expect(() => readJournalFile(file)).toThrow(/record 2/);
  expect(existsSync(join(dir, "journal.broken-1"))).toBe(false);
});

test("a second journal is never created over the first", () => {
  write(1).close();
  expect(() => JournalWriter.create(dir, "rb-abcdef", now)).toThrow(JournalError);
});

describe("a device that is full", () => {
  test.skipIf(!existsSync("/dev/full"))("gives a JournalError naming the file, and nothing is written after it", () => {
    const writer = write(1);
    // The descriptor is replaced by one whose every write fails, as a disk that has filled up does.
    const full = openSync("/dev/full", "w");
    Object.assign(writer, { fd: full });
    writer.append(event("lost"));
    expect(() => writer.flush()).toThrow(/ENOSPC/);
    expect(() => writer.append(event("later"))).toThrow(JournalError);
    expect(() => writer.flush()).toThrow(JournalError);
    expect(readJournalFile(file).records).toHaveLength(1);
  });
});

test("a replaced file is whole or untouched, mode 0600", () => {
  const target = join(dir, "report.md");
  replaceFile(target, "one");
  replaceFile(target, "two");
  expect(readFileSync(target, "utf8")).toBe("two");
  expect(() => replaceFile(join(dir, "missing", "report.md"), "x")).toThrow(JournalError);
});
