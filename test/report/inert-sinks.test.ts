/** What the terminal, a CI log and a program that reads show of the same payloads that `inert.test.ts` puts into the report. */
import { expect, test } from "vitest";
import { outcomeText } from "../../src/cli/terminal/outcome-text.ts";
import { plainProgress } from "../../src/cli/terminal/plain-progress.ts";
import { unicodeSymbols } from "../../src/cli/terminal/terminal.ts";
import type { JournalRecord } from "../../src/engine/events.ts";
import { foldRun } from "../../src/engine/fold.ts";
import { evidenceBlock } from "../../src/report/evidence-block.ts";
import { githubAnnotations } from "../../src/report/github.ts";
import { junitReport } from "../../src/report/junit.ts";
import { printableJson } from "../../src/util/json.ts";
import { runSaying } from "../rig/hostile-run.ts";
import { hostileTexts } from "../rig/hostile-text.ts";
import type { JournalBuilder } from "../rig/journal-builder.ts";

const terminal = { colorErr: false, colorOut: false, symbols: unicodeSymbols, width: 80, interactive: false } as const;

const sinks: Readonly<Record<string, (builder: JournalBuilder) => string>> = {
  "progress in lines": (builder) => {
    const written: string[] = [];
    const progress = plainProgress((line) => written.push(line));
    const records = builder.lines.map((line) => JSON.parse(line) as JournalRecord);
    const record = foldRun(records);
    for (const entry of records) progress.record(entry, record);
    progress.end();
    return written.join("\n");
  },
  "the last screen": (builder) =>
    outcomeText(builder.fold(), {
      runDir: "/state/runs/rb-x",
      interrupted: false,
      exitCode: 1,
      refusal: null,
      terminal: { ...terminal, progress: "plain" },
      project: "/project",
    }),
  "annotations of a CI runner": (builder) =>
    githubAnnotations(builder.fold(), () => ({ file: "runbooks/a.yaml", line: 3 })).join("\n"),
  JUnit: (builder) => junitReport(builder.fold()),
  "the block in the project": (builder) => evidenceBlock(builder.fold(), { runDir: "state/runs/rb-x", folder: null }),
  "the journal as it is printed": (builder) => builder.lines.join(""),
};

/** Beginnings of lines that a runner obeys; annotations begin so on purpose. */
const commands = (text: string) => text.match(/^\s*::[\w-]*|##\[/gm) ?? [];

test.each(Object.entries(sinks))("%s shows every payload inert", (name, show) => {
  const plain = show(runSaying("x"));
  const wrong = hostileTexts.flatMap(([payload, text]) => {
    const shown = show(runSaying(text));
    const found = [
      ...(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/.test(shown)
        ? ["a control, invisible or turning character"]
        : []),
      ...(commands(shown).join() === commands(plain).join() ? [] : [`commands ${commands(shown)}`]),
      ...(name === "the last screen" || shown.split("\n").length <= plain.split("\n").length || name === "JUnit"
        ? []
        : ["a line of its own"]),
    ];
    return found.map((what) => `${payload}: ${what}`);
  });
  expect(wrong).toEqual([]);
});

test("the journal keeps every payload exactly", () => {
  for (const [payload, text] of hostileTexts) {
    // A lone surrogate is no text: JSON writes it as an escape, and reads it back.
    const [started] = runSaying(text).lines.map((line) => JSON.parse(line));
    expect(started.title, payload).toBe(text);
    expect(JSON.parse(printableJson({ [text]: text })), payload).toEqual({ [text]: text });
  }
});
