/** Who follows a run may look while a new executor cuts off the torn end of its journal. */
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { follow } from "../../src/cli/follow/follow.ts";
import { codeOf } from "../../src/cli/follow/watch-run.ts";
import { JournalCorrupt } from "../../src/engine/ports.ts";
import { foldJournal } from "../../src/host/journal-file.ts";
import { JournalBuilder } from "../rig/journal-builder.ts";

let runDir: string;
beforeEach(() => {
  runDir = mkdtempSync(join(tmpdir(), "follow-"));
});
afterEach(() => rmSync(runDir, { recursive: true, force: true }));

function lines(): string[] {
  const journal = new JournalBuilder().start([{ path: "a" }]);
  for (const why of ["one", "two", "three"]) journal.append({ type: "executor.stopped", why });
  return [...journal.lines];
}

/** Follows a journal that begins as `first`; `looks` happen one before each further look. */
async function followed(first: string, looks: ((file: string) => void)[]): Promise<string[]> {
  const file = join(runDir, "journal.ndjson");
  writeFileSync(file, first);
  const seen: string[] = [];
  let look = 0;
  await follow({
    runDir,
    alive: () => {
      if (look > 0) looks[look - 1]?.(file);
      return look++ < looks.length;
    },
    onRecord: (_, __, line) => seen.push(`${line.toString()}\n`),
  });
  return seen;
}

test.each(["a few bytes", "bytes with a line\nbreak and more", "a whole bad line\n"])(
  "%j at the end are waited for, and forgotten when they are cut off",
  async (torn) => {
    const all = lines();
    const good = all.slice(0, -1).join("");
    const repair = (file: string) => {
      truncateSync(file, Buffer.byteLength(good));
      appendFileSync(file, all.at(-1) ?? "");
    };
    expect(await followed(good + torn, [repair])).toEqual(all);
  },
);

test("a line that is completed later is seen once, as a whole", async () => {
  const all = lines();
  const text = all.join("");
  const middle = text.length - 30;
  const complete = (file: string) => appendFileSync(file, text.slice(middle));
  expect(await followed(text.slice(0, middle), [complete])).toEqual(all);
});

test("a bad record with others behind it is damage", async () => {
  const [first = "", second = "", ...rest] = lines();
  const bad = second.replace('"seq":2', '"seq":3');
  await expect(followed([first, bad, ...rest].join(""), [])).rejects.toThrow(JournalCorrupt);
});

test.each([
  ["succeeded" as const, 0],
  ["rollback_failed" as const, 7],
])("a resume that was refused ends with 4, although the run that others have ended as %s", (result, code) => {
  const record = new JournalBuilder().start([]).finish(result, code).fold();
  expect([codeOf(record, 4), codeOf(record, 0)]).toEqual([4, code]);
});

test("what the last look tells may be a reason to stay: the records after it are seen too", async () => {
  const all = lines();
  const file = join(runDir, "journal.ndjson");
  writeFileSync(file, all.slice(0, 2).join(""));
  const seen: string[] = [];
  let asked = 0;
  await follow({
    runDir,
    // Nobody writes when it begins; that the run waits is known by its second record only.
    alive: () => {
      asked++;
      if (asked === 3) appendFileSync(file, all.slice(2).join(""));
      return seen.length === 2 && asked < 3;
    },
    onRecord: (_, __, line) => seen.push(`${line.toString()}\n`),
  });
  expect(seen).toEqual(all);
});

test("who has read a run before is told only what came since, and goes on with its record", async () => {
  const all = lines();
  const file = join(runDir, "journal.ndjson");
  writeFileSync(file, all.slice(0, 2).join(""));
  const { record, goodBytes } = foldJournal(runDir);
  if (record === null) throw new Error("no record was read");
  appendFileSync(file, all.slice(2).join(""));
  const seen: string[] = [];
  const options = {
    runDir,
    alive: () => false,
    onRecord: (_: unknown, __: unknown, line: Buffer) => seen.push(`${line}\n`),
  };
  const followed = await follow({ ...options, from: { record, goodBytes } });
  expect(seen).toEqual(all.slice(2));
  expect(followed).toEqual({ record: foldJournal(runDir).record, goodBytes: Buffer.byteLength(all.join("")) });
  expect(await follow({ ...options, from: followed ?? undefined })).toEqual(followed);
  expect(seen).toHaveLength(all.length - 2);
});
