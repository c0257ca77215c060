/** The plug-in of the build gives templates that render the same as the ones compiled at run time. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { renderHtml } from "../../src/report/html.ts";
import { renderMarkdown } from "../../src/report/markdown.ts";
import { reportView } from "../../src/report/view.ts";
import type { JournalBuilder } from "../rig/journal-builder.ts";
import { stories } from "../rig/run-stories.ts";

const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const folder = mkdtempSync(join(tmpdir(), "precompiled-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Counts the look-ups that found something, so that the comparison cannot be one of the same with the same. */
class CountingMap<V> extends Map<string, V> {
  found = 0;
  override get(key: string): V | undefined {
    const value = super.get(key);
    if (value !== undefined) this.found++;
    return value;
  }
}

const viewOf = (builder: JournalBuilder) =>
  reportView(builder.fold(), { runbookYaml: builder.files.get("runbook.yaml") ?? "", config: null });

let built: CountingMap<TemplateSpecification>;
let markdown: typeof renderMarkdown;
let html: typeof renderHtml;
beforeAll(async () => {
  const { precompiledTemplates } = await import(pathToFileURL(join(root, "scripts/precompile.mjs")).href);
  const plugin = await precompiledTemplates(root);
  expect(plugin.load(join(root, "src/report/templates.ts"))).toBe(null);
  writeFileSync(join(folder, "templates.mjs"), plugin.load(join(root, "src/report/precompiled-templates.ts")).code);
  built = new CountingMap((await import(pathToFileURL(join(folder, "templates.mjs")).href)).precompiledTemplates);
  vi.resetModules();
  vi.doMock("../../src/report/precompiled-templates.ts", () => ({ precompiledTemplates: built }));
  ({ renderMarkdown: markdown } = await import("../../src/report/markdown.ts"));
  ({ renderHtml: html } = await import("../../src/report/html.ts"));
}, 60_000);

it("has every packaged template", () => {
  const [story] = Object.values(stories);
  markdown(viewOf(story!()));
  html(viewOf(story!()));
  expect(built.found).toBe(built.size - 2); // the two of the addendum are asked for by it alone
});

it.each(Object.entries(stories))("%s", (_name, story) => {
  const view = viewOf(story());
  expect(markdown(view)).toBe(renderMarkdown(view));
  expect(html(view)).toBe(renderHtml(view));
});
