import { describe, expect, test } from "vitest";
import { renderHtml } from "../../src/report/html.ts";
import { reportView } from "../../src/report/view.ts";
import { hostileTexts } from "../rig/hostile-text.ts";
import { JournalBuilder } from "../rig/journal-builder.ts";
import { stories } from "../rig/run-stories.ts";

const htmlOf = (builder: JournalBuilder) =>
  renderHtml(reportView(builder.fold(), { runbookYaml: builder.files.get("runbook.yaml") ?? "", config: null }));

describe("the report as HTML", () => {
  test.each(["succeeded", "rolledBack"] as const)("%s", async (name) => {
    await expect(htmlOf(stories[name]())).toMatchFileSnapshot(`../fixtures/runs/${name}.html`);
  });

  test.each(Object.entries(stories))("%s loads nothing and runs nothing", (_, story) => {
    const page = htmlOf(story());
    expect(page).toContain("default-src &#39;none&#39;; style-src &#39;sha256-");
    expect(page).not.toMatch(/<script|<img|<link|<iframe|\son[a-z]+=|url\(|@import|https?:|\sstyle=/i);
  });

  test("says what the Markdown says", () => {
    const page = htmlOf(stories.rolledBack());
    for (const heading of ["Objectives", "Timeline", "Steps", "Details", "Deviations", "What changed", "Sign-off"]) {
      expect(page).toMatch(new RegExp(`<h2[^>]*>${heading}`));
    }
  });
});

test.each(hostileTexts)("%s stays text", (_, text) => {
  const tags = (said: string) => {
    const builder = new JournalBuilder()
      .start([{ path: "deploy", title: said }], { title: said, actor: said, yaml: said })
      .step("deploy", { argv: ["echo", said], stdout: said, stderr: said, outputs: { said } })
      .finish("succeeded", 0, { summary: said });
    return htmlOf(builder)
      .match(/<\/?[a-z][^>]*>/gi)
      ?.map((tag) => tag.replace(/ (title|content)="[^"]*"/, ""));
  };
  expect(tags(text)).toEqual(tags("x"));
});
