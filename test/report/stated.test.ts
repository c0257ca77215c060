import { expect, test } from "vitest";
import { statedIn } from "../../src/report/stated.ts";

test.each<[string, string, Record<string, string>]>([
  ["a paragraph over two lines", "Intro.\n\nScope: one,\n  two\n\nMore.", { scope: "one, two" }],
  ["directly below prose", "Intro.\nImpact: none\nSecurity impact: none", { impact: "none", security_impact: "none" }],
  [
    "list items",
    "- Test type: full\n- Aims: learn\n* Classification: internal",
    {
      test_type: "full",
      aims: "learn",
      classification: "internal",
    },
  ],
  ["bold labels", "**Scope:** a\n\n__Exclusions__: b", { scope: "a", exclusions: "b" }],
  ["any case, text on the next line", "ROLLBACK PROCEDURE:\n  see the wiki", { rollback_procedure: "see the wiki" }],
  ["the first of a label", "Scope: first\n\nScope: second\nand more", { scope: "first" }],
  [
    "an end at a heading, a table, a list",
    "Scope: a\n## Scenario\nb\n\nAims: c\n| d |\n\nImpact: e\n1. f",
    {
      scope: "a",
      aims: "c",
      impact: "e",
    },
  ],
  ["nothing in a fence", "```\nScope: a\n```\n~~~~\nAims: b\n~~~\nImpact: c\n~~~~\nScenario: d", { scenario: "d" }],
  ["nothing within a line, without a blank, or empty", "The Scope: a\nScope:a\n- [Scope]: b\nAims:\n\n", {}],
  ["nothing of objects", "constructor: a\n__proto__: b\ntoString: c", {}],
])("a description states %s", (_, description, expected) => {
  expect(Object.fromEntries(statedIn(description))).toEqual(expected);
});
