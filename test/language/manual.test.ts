/** The manual's generated pages are not stale, and every value the page about expressions shows is computed again. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { checkExpression, evaluateExpression, toJson, UnknownValue } from "../../src/language/cel/index.ts";
import { manualPages } from "../../src/language/schema/manual.ts";
import { catalogue } from "../../src/steps/index.ts";

const folder = new URL("../../docs/reference/", import.meta.url);
const pages = Object.entries(manualPages(catalogue));

// `npx vitest run test/language/manual.test.ts -u` writes them.
it.each(pages)("%s is what the code gives", async (name, text) => {
  await expect(text).toMatchFileSnapshot(fileURLToPath(new URL(name, folder)));
});

it.each(pages)("%s: every link to a heading has one", (_name, text) => {
  const anchors = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) =>
    heading!.toLowerCase().replace(/[^a-z0-9 _-]/g, ""),
  );
  const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, link]) => link);
  expect(links.filter((link) => !anchors.includes(link!))).toEqual([]);
});

describe("expressions.md", () => {
  const text = readFileSync(new URL("expressions.md", folder), "utf8");
  const scope = JSON.parse(/```json\n([\s\S]*?)```/.exec(text)![1]!) as Record<string, unknown>;
  const known = { ...scope, steps: { ...(scope["steps"] as object), later: new UnknownValue("later") } };
  const lines = [...text.matchAll(/```cel\n([\s\S]*?)```/g)]
    .flatMap(([, block]) => block!.split("\n"))
    .filter((line) => line.trim() !== "");

  it("shows enough", () => {
    expect(lines.length).toBeGreaterThan(60);
  });

  it.each(lines)("%s", (line) => {
    const [, expression, shown] = /^(.*?) +\/\/ (.*)$/.exec(line) ?? [];
    const result = evaluateExpression(expression!, known);
    if (result.kind === "value") expect(JSON.stringify(toJson(result.value))).toBe(shown);
    else if (result.kind === "unknown") expect(`unknown: ${result.from.join(", ")}`).toBe(shown);
    else {
      const said = checkExpression(expression!, { variables: {}, expects: "any" }).problems[0]?.message;
      expect([`error: ${result.message}`, `error: ${said}`]).toContain(shown);
    }
  });
});
