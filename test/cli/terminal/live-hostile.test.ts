/** The live view before text of others: at the moments of a run whose every word is a payload, in wide and narrow terminals. */
import { expect, test } from "vitest";
import {
  doneBeforeLines,
  footerLines,
  membersOf,
  notRunLines,
  openingLines,
  pendingLines,
  rootSteps,
  stepLines,
} from "../../../src/cli/terminal/live-layout.ts";
import type { Look } from "../../../src/cli/terminal/live-look.ts";
import { asciiSymbols, unicodeSymbols } from "../../../src/cli/terminal/terminal.ts";
import { columnsOf } from "../../../src/cli/terminal/text-width.ts";
import type { JournalRecord } from "../../../src/engine/events.ts";
import { applyRecord, newRunRecord } from "../../../src/engine/fold.ts";
import type { RunRecord } from "../../../src/engine/run-record.ts";
import { runSaying } from "../../rig/hostile-run.ts";
import { hostileTexts } from "../../rig/hostile-text.ts";

/** Control, invisible and turning characters; also the line breaks that would give a payload a line of its own. */
const unsafe = /[\p{Cc}\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;

/** When it asks, when it works, when a step has ended, and at the end. */
const moments = new Set(["approval.requested", "step.started", "step.finished", "run.finished"]);

function linesOf(run: RunRecord, look: Look): string[] {
  const roots = rootSteps(run);
  const steps = [
    ...roots.map((step) => [step, 0] as const),
    ...roots.flatMap(({ path }) => membersOf(run, path).map((step) => [step, 1] as const)),
  ];
  return [
    ...openingLines(run, look),
    ...doneBeforeLines(run, look),
    ...steps.flatMap(([step, level]) =>
      (["live", "final"] as const).flatMap((mode) => stepLines(run, step, level, look, mode)),
    ),
    ...pendingLines(run, look, 6),
    ...notRunLines(run, look),
    ...footerLines(run, look),
  ];
}

test.each([
  [80, unicodeSymbols],
  [40, asciiSymbols],
])("every payload stays inert and within %d columns", (columns, symbols) => {
  const wrong: string[] = [];
  for (const [payload, text] of hostileTexts) {
    const look: Look = {
      columns,
      rows: 24,
      symbols,
      color: false,
      nowMs: 0,
      spinner: "*",
      keys: true,
      tail: () => [text],
    };
    let run: RunRecord | null = null;
    for (const line of runSaying(text).lines) {
      const record = JSON.parse(line) as JournalRecord;
      if (run === null) run = newRunRecord(record);
      else applyRecord(run, record);
      if (!moments.has(record.type)) continue;
      for (const shown of linesOf(run, { ...look, nowMs: Date.parse(record.at) })) {
        if (unsafe.test(shown)) wrong.push(`${payload}: ${JSON.stringify(shown)} acts`);
        if (columnsOf(shown) > columns && !/\bhead sha256:/.test(shown)) wrong.push(`${payload}: ${shown} is too wide`);
      }
    }
  }
  expect([...new Set(wrong)].slice(0, 10)).toEqual([]);
});
