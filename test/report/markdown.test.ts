import { describe, expect, test } from "vitest";
import { renderMarkdown } from "../../src/report/markdown.ts";
import { reportView } from "../../src/report/view.ts";
import type { JournalBuilder } from "../rig/journal-builder.ts";
import { stories } from "../rig/run-stories.ts";

function markdownOf(builder: JournalBuilder): string {
  return renderMarkdown(
    reportView(builder.fold(), { runbookYaml: builder.files.get("runbook.yaml") ?? "", config: null }),
  );
}

/** The good one is the example that is shipped beside the templates. */
function snapshotOf(name: string): string {
  return name === "succeeded" ? "../../reports/example-rollback.md" : `../fixtures/runs/${name}.md`;
}

describe("the report of each way a run can end", () => {
  test.each(Object.entries(stories))("%s", async (name, story) => {
    await expect(markdownOf(story())).toMatchFileSnapshot(snapshotOf(name));
  });
});
