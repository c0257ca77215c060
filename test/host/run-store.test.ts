/** The store of a run: when what was appended is durable. */
import { mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { JournalEvent } from "../../src/engine/events.ts";
import { FileRunStore } from "../../src/host/run-store.ts";
import { createMasker } from "../../src/util/mask/masker.ts";
import { JournalBuilder } from "../rig/journal-builder.ts";
import { readJournalFile } from "../rig/journal-records.ts";

let dir: string;
let poison: unknown;
let store: FileRunStore;
const event = (why: string): JournalEvent => ({ type: "executor.stopped", why });
const durable = () => readJournalFile(join(dir, "journal.ndjson")).records.length;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "store-"));
  poison = null;
  const builder = new JournalBuilder("rb-abcdef").start([]);
  const { seq: _seq, at: _at, run: _run, hash: _hash, ...first } = JSON.parse(builder.lines[0] ?? "");
  store = FileRunStore.create(
    {
      stateDir: dir,
      runDir: dir,
      run: "rb-abcdef",
      now: () => new Date("2026-03-14T03:12:07.114Z"),
      masker: createMasker([]),
      onPoison: (error) => {
        poison = error;
      },
    },
    first as JournalEvent,
  );
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("what several steps append in one turn is durable at once, when each of them is told so", async () => {
  const seen: number[] = [];
  const step = async (why: string) => {
    store.append(event(why));
    await store.committed();
    seen.push(durable());
  };
  const both = Promise.all([step("a"), step("b")]);
  await Promise.resolve();
  expect(durable()).toBe(1);
  await both;
  expect(seen).toEqual([3, 3]);
});

test("nothing is waited for where a flush was made in between, and later records have a commit of their own", async () => {
  await store.committed();
  store.append(event("a"));
  store.flush();
  expect(durable()).toBe(2);
  await store.committed();
  store.append(event("b"));
  await store.committed();
  expect(durable()).toBe(3);
});

test("a journal that cannot be written rejects whoever waits for it, and tells of it besides", async () => {
  const { writer } = store as unknown as { readonly writer: object };
  // Every write to a descriptor that is open for reading fails.
  Object.assign(writer, { fd: openSync(join(dir, "journal.ndjson"), "r") });
  store.append(event("lost"));
  await expect(store.committed()).rejects.toThrow(/EBADF/);
  expect(poison).toMatchObject({ name: "JournalError" });
  expect(() => store.append(event("later"))).toThrow(/EBADF/);
  expect(durable()).toBe(1);
});
