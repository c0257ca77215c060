import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  encodeLine,
  type JournalEntry,
  JournalReader,
  parseLine,
  readJournal,
  zeroHash,
} from "../../src/util/journal-line.ts";

const fields = (seq: number, more: object = {}) => ({
  seq,
  at: "2026-03-14T09:00:00.000Z",
  run: "rb-7f3k2m",
  type: "x",
  ...more,
});

function journal(count: number, more: (seq: number) => object = () => ({})): string[] {
  let hash = zeroHash;
  return Array.from({ length: count }, (_, i) => {
    const encoded = encodeLine(fields(i + 1, more(i + 1)), hash);
    hash = encoded.hash;
    return encoded.line;
  });
}

const bytes = (lines: readonly string[]) => Buffer.from(lines.join(""));

describe("a line", () => {
  test("ends with the hash of the previous hash and its own bytes", () => {
    const { line, hash } = encodeLine(fields(1, { said: 'é 漢 \u2028 \u{1f600} " \\ \n' }), zeroHash);
    const body = line.slice(0, line.lastIndexOf(',"hash":'));
    expect(line).toBe(`${body},"hash":"${hash}"}\n`);
    expect(hash).toBe(createHash("sha256").update(zeroHash).update(body).digest("hex"));
    expect(line.indexOf("\n")).toBe(line.length - 1);
  });

  test("is hashed as it lies there, not as it would be written again", () => {
    const body = '{"seq": 1, "at":"a","run":"r","type":"t","n":1.0';
    const hash = createHash("sha256").update(zeroHash).update(body).digest("hex");
    expect(parseLine(Buffer.from(`${body},"hash":"${hash}"}`), zeroHash)).toMatchObject({ ok: true });
    const tidy = '{"seq":1,"at":"a","run":"r","type":"t","n":1';
    expect(parseLine(Buffer.from(`${tidy},"hash":"${hash}"}`), zeroHash)).toMatchObject({ ok: false, complete: true });
  });

  test.each([
    ["", "it does not end with its hash"],
    ["{}", "it does not end with its hash"],
    [`{"seq":1,"hash":"${"A".repeat(64)}"}`, "it does not end with its hash"],
    [`x,"hash":"${zeroHash}"}`, "it is not JSON"],
    [`{"seq":1.5,"at":"","run":"","type":"","hash":"${zeroHash}"}`, "it lacks seq, at, run or type"],
    [`[1,"hash":"${zeroHash}"}`, "it is not JSON"],
  ])("%j is none", (text, reason) => {
    expect(parseLine(Buffer.from(text), zeroHash)).toMatchObject({ ok: false, reason });
  });

  test("of bytes that are no UTF-8 is none, although its hash fits", () => {
    const body = Buffer.concat([
      Buffer.from('{"seq":1,"at":"a","run":"r","type":"'),
      Buffer.from([0xff]),
      Buffer.from('"'),
    ]);
    const hash = createHash("sha256").update(zeroHash).update(body).digest("hex");
    const line = Buffer.concat([body, Buffer.from(`,"hash":"${hash}"}`)]);
    expect(parseLine(line, zeroHash)).toMatchObject({ ok: false, reason: "it is not UTF-8" });
  });

  test("with a U+FFFD of its own is read; a byte that only decodes to one is not taken for it", () => {
    const { line } = encodeLine(fields(1, { said: "\ufffd" }), zeroHash);
    const bytes = Buffer.from(line).subarray(0, -1);
    expect(parseLine(bytes, zeroHash)).toMatchObject({ ok: true, record: { said: "\ufffd" } });
    const at = bytes.indexOf("\ufffd");
    const damaged = Buffer.concat([bytes.subarray(0, at), Buffer.from([0xff]), bytes.subarray(at + 3)]);
    expect(damaged.toString()).toBe(bytes.toString());
    expect(parseLine(damaged, zeroHash)).toMatchObject({ ok: false, reason: "it is not UTF-8" });
  });
});

describe("a journal", () => {
  const lines = journal(5);

  test("reads the same in one piece and byte by byte", () => {
    const whole = readJournal(bytes(lines));
    expect(whole).toMatchObject({ torn: null, bad: null });
    expect(whole.records.map((r) => r.seq)).toEqual([1, 2, 3, 4, 5]);
    const pieces = Array.from(bytes(lines), (byte) => Uint8Array.of(byte));
    expect(readJournal(pieces)).toEqual(whole);
  });

  test("keeps what it holds back when the caller fills its buffer again", () => {
    const reader = new JournalReader();
    const all = bytes(lines);
    const buffer = Buffer.alloc(100);
    let count = 0;
    for (let at = 0; at < all.length; at += 100) {
      const size = all.copy(buffer, 0, at, at + 100);
      reader.push(buffer.subarray(0, size), () => count++);
    }
    expect({ count, ...reader.end() }).toEqual({ count: 5, torn: null, bad: null });
  });

  test("is read on from a place behind a good record, and only by what follows from it", () => {
    const whole = readJournal(bytes(lines)).records;
    const goodBytes = bytes(lines.slice(0, 2)).length;
    const place = { run: "rb-7f3k2m", headHash: whole[1]?.hash ?? "", lastSeq: 2, goodBytes };
    const readFrom = (behind: typeof place) => {
      const reader = new JournalReader(behind);
      const records: JournalEntry[] = [];
      reader.push(bytes(lines).subarray(goodBytes), (record) => records.push(record));
      return { records, size: reader.goodBytes, ...reader.end() };
    };
    expect(readFrom(place)).toEqual({ records: whole.slice(2), size: bytes(lines).length, torn: null, bad: null });
    for (const wrong of [{ run: "rb-222222" }, { headHash: zeroHash }, { lastSeq: 3 }])
      expect(readFrom({ ...place, ...wrong })).toMatchObject({ records: [], bad: { offset: goodBytes } });
  });

  test("cut anywhere is torn there, and never corrupt", () => {
    const all = bytes(lines);
    const ends = lines.map((_, i) => bytes(lines.slice(0, i + 1)).length);
    for (let size = 0; size <= all.length; size++) {
      const good = ends.filter((end) => end <= size).length;
      const offset = ends[good - 1] ?? 0;
      const { records, torn, bad } = readJournal(all.subarray(0, size));
      expect({ count: records.length, torn, bad }).toEqual({
        count: good,
        torn: size === offset ? null : { offset, bytes: size - offset },
        bad: null,
      });
    }
  });

  test("with a flipped bit is never read whole, and corrupt unless it is the last record", () => {
    const all = bytes(lines);
    const lastStart = bytes(lines.slice(0, 4)).length;
    for (let at = 0; at < all.length; at++) {
      const changed = Buffer.from(all);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const { records, torn, bad } = readJournal(changed);
      expect(records.length).toBeLessThan(5);
      if (at < lastStart) expect({ at, bad: bad?.seq }).toEqual({ at, bad: records.length + 1 });
      else expect(torn !== null || bad !== null).toBe(true);
    }
  });

  test.each([
    ["a record taken out", [0, 1, 3, 4], 3],
    ["two records swapped", [0, 2, 1, 3, 4], 2],
    ["a record twice", [0, 1, 1, 2, 3, 4], 3],
    ["the first taken out", [1, 2, 3, 4], 1],
  ])("names %s", (_, order, seq) => {
    expect(readJournal(bytes(order.map((i) => lines[i] as string))).bad?.seq).toBe(seq);
  });

  test("an edited last record is altered, not torn: a cut-off write does not end with a hash and a newline", () => {
    const edited = [...lines.slice(0, 4), (lines[4] as string).replace('"type":"x"', '"type":"y"')];
    expect(readJournal(bytes(edited))).toMatchObject({ torn: null, bad: { seq: 5 } });
  });

  test("noise behind the last record is a torn tail, newlines or not", () => {
    for (const noise of ["\0\0\0", "\n\n", "{}\n\0", "half a line"]) {
      const { records, torn, bad } = readJournal(Buffer.concat([bytes(lines), Buffer.from(noise)]));
      expect({ count: records.length, torn: torn?.bytes, bad }).toEqual({ count: 5, torn: noise.length, bad: null });
    }
  });

  test("of another run, or numbered wrongly with right hashes, is corrupt", () => {
    expect(readJournal(bytes(journal(3, (seq) => (seq === 2 ? { run: "rb-222222" } : {})))).bad?.seq).toBe(2);
    expect(readJournal(bytes(journal(3, (seq) => (seq === 2 ? { seq: 7 } : {})))).bad?.seq).toBe(2);
  });

  test("that is empty has no records and no fault", () => {
    expect(readJournal(Buffer.alloc(0))).toEqual({ records: [], torn: null, bad: null });
  });
});
