import { describe, expect, test } from "vitest";
import { layoutProblem, renderInLayout } from "../../src/report/layout.ts";
import { markdownFormat } from "../../src/report/markdown-format.ts";
import { sampleView } from "../../src/report/sample-view.ts";
import { compileDocument, type Parts } from "../../src/report/templates.ts";
import { reportView } from "../../src/report/view.ts";
import { packagedTemplate } from "../rig/packaged-templates.ts";
import { stories } from "../rig/run-stories.ts";

const render = (template: string, view: object, parts: Parts = {}) =>
  compileDocument(template, parts, markdownFormat)(view);

describe("a template", () => {
  test("places values inert, and code, lists and fences by helpers", () => {
    const view = { a: "x | <y>", list: ["p", "q"], deep: { n: 3, flag: true, none: null } };
    expect(render("{{a}} {{code a}} {{codes list}} {{deep.n}} {{deep.flag}}{{deep.none}}", view)).toBe(
      "x &#124; &lt;y&gt; `x \\| <y>` `p`, `q` 3 true",
    );
    expect(render('{{fence a language="sh"}}', view)).toBe("```sh\nx | <y>\n```");
  });

  test("passes values through partials, loops and conditions", () => {
    const view = { list: [{ n: "*" }, { n: "b" }], empty: [] };
    expect(
      render("{{#each list}}{{> item}}{{/each}}{{#each empty}}x{{else}}none{{/each}}", view, { item: "[{{n}}]" }),
    ).toBe("[\\*][b]none");
  });

  test.each([
    ["{{typo}}", "line 1: {{typo}}: the value is missing"],
    ["\n{{a.typo}}", "line 2: {{a.typo}}: the value is missing"],
    ["{{code typo}}", "line 1: {{code typo}}: the value is missing"],
    ["{{#if typo}}x{{/if}}", "line 1: {{#if typo}}: the value is missing"],
    ["{{#unless typo}}x{{/unless}}", "missing"],
    ["{{#each typo}}x{{/each}}", "missing"],
    ["{{#with typo}}x{{/with}}", "missing"],
    ["{{fence a language=typo}}", "missing"],
    ["{{> typo}}", "typo"],
    ["{{a.constructor}}", "constructor"],
    ["{{a.__proto__}}", "__proto__"],
    ["{{a}}{{a.toString}}", "toString"],
    ["{{./list}}", "a list cannot stand in the text"],
    ["{{obj}}", "a object cannot stand in the text"],
  ])("%s stops instead of writing nothing", (template, message) => {
    expect(() => render(template, { a: "x", list: [], obj: {} })).toThrow(message);
  });

  test.each([
    ["{{{a}}}", "refused"],
    ["{{&a}}", "refused"],
    ['{{lookup a "b"}}', "no helper lookup"],
    ["{{log a}}", "no helper log"],
    ["{{* decorate}}", "refused"],
    ["{{#if a}}", "line 1: this is no Handlebars, a block is not closed"],
  ])("%s is refused when it is compiled", (template, message) => {
    expect(() => compileDocument(template, {}, markdownFormat)).toThrow(message);
  });

  test("never takes a value for a template", () => {
    expect(render("{{a}}", { a: "{{b}} ${{ c }}", b: "no" })).toBe("{{b}} \\${{ c }}");
  });
});

test("a runbook's own layout sees the same view and the packaged parts", () => {
  const view = reportView(stories.succeeded().fold(), { runbookYaml: "x", config: null });
  const own = renderInLayout(view, "# {{headline heading}}\n\n{{> summary}}\n\n{{> people}}\n");
  expect(own).toMatch(/^# Roll production back to the last good release: PASSED/);
  expect(own).toContain("## Deviations");
  expect(own).not.toContain("## Timeline");
  expect(own).not.toContain("own layout was not used");
});

const whole = "{{> summary}}\n\n{{> deviations}}\n";

test.each([
  ["# x\n{{> deviations}}", "it never places {{> summary}} outside of conditions."],
  ["{{> summary}}", "it never places {{> deviations}} or {{> people}} outside of conditions."],
  [`{{#if failed}}${whole}{{/if}}`, "it never places {{> summary}} outside of conditions."],
  [`${whole}\n{{#each steps}}{{titel}}{{/each}}`, "line 5: {{titel}}: the value is missing."],
  [`${whole}\n{{#each artifacts}}{{#each x}}{{/each}}{{/each}}`, "line 5: {{#each x}}: the value is missing."],
  [`${whole}{{#if failed}}`, "line 4: this is no Handlebars, a block is not closed."],
  [`${whole}{{{heading}}}`, "line 4: {{{ }}} and {{& }} are refused; write {{ }}."],
  [`${whole}{{> stepz}}`, "The partial stepz could not be found."],
  [`${whole}{{#each steps}}{{> steps}}{{/each}}`, "{{> steps}} has no place inside {{#each}} or {{#with}}."],
])("a layout that cannot be used is told before any run: %j", (layout, problem) => {
  expect(layoutProblem(layout)).toBe(problem);
  const view = reportView(stories.succeeded().fold(), { runbookYaml: "x", config: null });
  const lines = renderInLayout(view, layout).split("\n");
  expect(lines[0]).toMatch(/^# Roll production back to the last good release: PASSED/);
  expect(lines[2]).toMatch(/^> The runbook's own layout was not used: /);
  expect(lines.join("\n")).toContain("## Timeline");
});

test("the packaged layout is one that a runbook could have", () => {
  expect(layoutProblem(packagedTemplate("report.md"))).toBe(null);
  expect(layoutProblem(whole)).toBe(null);
});

test("the sample a layout is tried on has an item in every list of a report and a value in every field", () => {
  const empty: string[] = [];
  const walk = (value: unknown, path: string) => {
    if (value === null || value === "" || (Array.isArray(value) && value.length === 0)) empty.push(path);
    else if (typeof value === "object") for (const [key, item] of Object.entries(value)) walk(item, `${path}.${key}`);
  };
  walk(sampleView, "view");
  expect(empty).toEqual(["view.details.0.attempts.0.failure"]);
});
