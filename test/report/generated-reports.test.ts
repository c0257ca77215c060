/** The functions made of the packaged templates write what Handlebars itself writes of them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { pageOf, renderHtml } from "../../src/report/html.ts";
import { htmlFormat } from "../../src/report/html-format.ts";
import { renderMarkdown } from "../../src/report/markdown.ts";
import { markdownFormat } from "../../src/report/markdown-format.ts";
import { sampleView } from "../../src/report/sample-view.ts";
import { compileDocument } from "../../src/report/templates.ts";
import { TextSink } from "../../src/report/text-sink.ts";
import { type ReportView, reportView } from "../../src/report/view.ts";
import { runSaying } from "../rig/hostile-run.ts";
import { hostileTexts } from "../rig/hostile-text.ts";
import type { JournalBuilder } from "../rig/journal-builder.ts";
import { packagedTemplate, packagedTemplates } from "../rig/packaged-templates.ts";
import { stories } from "../rig/run-stories.ts";

const root = join(import.meta.dirname, "../..");
const { reportFunctions } = await import(pathToFileURL(join(root, "scripts/report-functions.mjs")).href);

const markdown = compileDocument(packagedTemplate("report.md"), packagedTemplates("md"), markdownFormat);
const html = compileDocument(packagedTemplate("report.html"), packagedTemplates("html"), htmlFormat);

function expectTheSame(view: ReportView): void {
  expect(renderMarkdown(view)).toBe(markdown(view));
  expect(renderHtml(view)).toBe(html(pageOf(view)));
}

const viewOf = (builder: JournalBuilder) =>
  reportView(builder.fold(), { runbookYaml: builder.files.get("runbook.yaml") ?? "", config: null });

test.each(Object.entries<string>(reportFunctions(root)))(
  "%s is not stale (next: node scripts/generate.mjs)",
  (path, text) => {
    expect(readFileSync(join(root, path), "utf8")).toBe(text);
  },
);

describe("a report is the one its template gives", () => {
  test.each(Object.entries(stories))("%s", (_name, story) => expectTheSame(viewOf(story())));
  test("with a value in every field and an item in every list", () => expectTheSame(sampleView));
  test.each(hostileTexts)("with %s everywhere", (_name, text) => expectTheSame(viewOf(runSaying(text))));
});

test("a long document is handed on in pieces, whose text is the whole", () => {
  const pieces: string[] = [];
  const out = new TextSink((piece) => pieces.push(piece));
  for (let line = 0; line < 100_000; line++) out.add(`line ${line}, näher\n`);
  out.end();
  expect(pieces.length).toBeGreaterThan(5);
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(300_000);
  expect(pieces.join("")).toBe(Array.from({ length: 100_000 }, (_, line) => `line ${line}, näher\n`).join(""));
});
