/** A long journal costs time in proportion: what a resume does before its first step. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { RunFold } from "../../src/engine/fold.ts";
import { readRecords } from "../../src/host/journal-file.ts";
import { encodeLine } from "../../src/util/journal-line.ts";
import { JournalBuilder } from "../rig/journal-builder.ts";

const directory = mkdtempSync(join(tmpdir(), "load-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A journal of `records`: one forEach over many items, each with its begin and its end. */
function writeJournal(file: string, records: number): void {
  const builder = new JournalBuilder().start([{ path: "hosts", stepType: "forEach" }]);
  const lines = [...builder.lines];
  let { hash } = JSON.parse(lines.at(-1) ?? "") as { hash: string };
  for (let seq = lines.length + 1; seq <= records; seq++) {
    const step = `hosts[${Math.floor(seq / 2)}]`;
    const facts = { seq, at: new Date(Date.UTC(2026, 0, 1) + seq).toISOString(), run: builder.run };
    const event =
      seq % 2 === 0
        ? {
            type: "step.started",
            step,
            title: step,
            attempt: 1,
            phase: "steps",
            stepType: "run",
            effects: "read",
            action: "true",
            definition: "",
          }
        : {
            type: "step.finished",
            step,
            status: "succeeded",
            attempt: 1,
            durationMs: 1,
            outputs: {},
            checks: [],
            artifacts: [],
            failure: null,
            result: null,
            note: null,
          };
    const made = encodeLine({ ...facts, ...event } as Parameters<typeof encodeLine>[0], hash);
    lines.push(made.line);
    hash = made.hash;
  }
  writeFileSync(file, lines.join(""));
}

function cpuMsOf(work: () => void): number {
  const begin = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1_000;
}

test("100,000 records are verified and folded in proportion to 10,000, and in less than two seconds of one processor", () => {
  const small = join(directory, "small.ndjson");
  const large = join(directory, "large.ndjson");
  writeJournal(small, 10_000);
  writeJournal(large, 100_000);
  const load = (file: string) => {
    const fold = new RunFold();
    readRecords(file, (record) => fold.take(record));
    return fold.record;
  };
  load(small); // compiled before it is timed
  const smallMs = Math.min(...[1, 2, 3].map(() => cpuMsOf(() => void load(small))));
  const largeMs = cpuMsOf(() => expect(load(large)?.lastSeq).toBe(100_000));
  console.info(
    `10,000 records: ${Math.round(smallMs)} ms, 100,000 records: ${Math.round(largeMs)} ms of processor time`,
  );
  expect(largeMs).toBeLessThan(Math.max(2_000, smallMs * 25));
  expect(largeMs / smallMs).toBeLessThan(25);
});
