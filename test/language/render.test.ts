import { describe, expect, it } from "vitest";
import type { Diagnostic } from "../../src/language/diagnostic.ts";
import { loadRunbook } from "../../src/language/load-runbook.ts";
import { renderText } from "../../src/language/render.ts";
import { toGithub, toJson, toJunit, toSarif } from "../../src/language/render-formats.ts";
import { cellWidth } from "../../src/language/text-layout.ts";
import { catalogue } from "./catalogue.ts";

function at(text: string, part: string, more: Partial<Diagnostic> = {}): Diagnostic {
  const start = text.indexOf(part);
  return {
    code: "bad-value",
    severity: "error",
    message: "It is wrong.",
    at: { file: "a.yaml", range: { start, end: start + part.length } },
    ...more,
  };
}

describe("text frames", () => {
  it("are those of the language description", () => {
    const text = `apiVersion: runbook/v1
name: rollback-production
version: 1.0.0
title: Roll back
owner: team
kind: audit
description: d
steps:
  - id: pre_state
    title: Before
    uses: fly/status
    with: { app: shop }
    outputs: { image: result.image }
  - id: deploy
    uses: htpp
    title: Deploy
  - id: look
    title: Look
    uses: fly/status
    with: { app: shop }
    verify:
      - severity: error
        that: steps.pre-state.outputs.image == result.image
`;
    const file = "runbooks/rollback-production.yaml";
    const { diagnostics } = loadRunbook({ file, text, catalogue });
    expect(renderText(diagnostics, () => text)).toBe(`runbooks/rollback-production.yaml:15:11  error  unknown-step-type
  14 |   - id: deploy
  15 |     uses: htpp
     |           ^^^^ "htpp" is not a step type. Did you mean "http"?

runbooks/rollback-production.yaml:23:15  error  unknown-reference
  22 |       - severity: error
  23 |         that: steps.pre-state.outputs.image == result.image
     |               ^^^^^^^^^^^^^^^ no step "pre". In an expression "-" means minus; the step is called "pre_state".
`);
  });

  it("stand under wide characters, tabs and emoji", () => {
    const text = "title: \t日本語🚀 wrong\n";
    const lines = renderText([at(text, "wrong")], () => text).split("\n");
    expect(cellWidth(lines[2]!.slice(0, lines[2]!.indexOf("^")))).toBe(
      cellWidth(lines[1]!.slice(0, lines[1]!.indexOf("wrong"))),
    );
  });

  it("show hostile characters inert", () => {
    const text = 'title: "\x1b[31mred\r\u202e\u0007"\n';
    const out = renderText(
      [at(text, "red", { message: "\x1b]0;x\x07 \u200b", at: { file: "a\x1b.yaml", range: { start: 0, end: 5 } } })],
      () => text,
    );
    expect(out).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e]/);
    expect(out).toContain("\\u{1b}[31mred\\u{d}\\u{202e}\\u{7}");
  });

  it.each([20, 40, 80])("fit into %d columns", (width) => {
    const text = `title: ${"long ".repeat(60)}wrong ${"tail ".repeat(40)}\n`;
    const out = renderText(
      [
        at(text, "wrong", {
          message: "A sentence of several words that does not fit.",
          hint: "Write something shorter.",
        }),
      ],
      () => text,
      { width },
    );
    // The place is for clicking and stays whole.
    for (const line of out.split("\n").slice(1)) expect(cellWidth(line), line).toBeLessThanOrEqual(Math.max(width, 27));
    const [, source, carets] = out.split("\n");
    expect(source!.slice(carets!.indexOf("^"), carets!.lastIndexOf("^") + 1)).toBe("wrong");
  });

  it("cost nothing for a problem at the start of a huge text", () => {
    const text = "x\n".repeat(20_000_000);
    const started = process.cpuUsage();
    const out = renderText([at(text, "x")], () => text);
    expect(out).toBe("a.yaml:1:1  error  bad-value\n   1 | x\n     | ^ It is wrong.\n");
    expect(process.cpuUsage(started).user / 1000).toBeLessThan(500);
  });

  it("show the place in a line without end", () => {
    const text = `a: ${"x".repeat(20_000_000)} wrong ${"y".repeat(20_000_000)}`;
    const [head, source, carets] = renderText([at(text, "wrong")], () => text).split("\n");
    expect(head).toBe("a.yaml:1:20000005  error  bad-value");
    expect(source!.length).toBeLessThan(200);
    expect(source!.slice(carets!.indexOf("^"), carets!.lastIndexOf("^") + 1)).toBe("wrong");
  });

  it("name other places, and do without the text of a file", () => {
    const text = "a: 1\nb: 2\n";
    const related = [{ message: "It was set here.", at: { file: "a.yaml", range: { start: 0, end: 1 } } }];
    expect(renderText([at(text, "b", { related })], () => text)).toBe(
      "a.yaml:2:1  error  bad-value\n   2 | b: 2\n     | ^ It is wrong.\n  a.yaml:1:1  It was set here.\n",
    );
    expect(renderText([at(text, "b")], () => undefined)).toBe("a.yaml  error  bad-value\n  It is wrong.\n");
  });
});

describe("formats for programs", () => {
  const text = "a: 1\nb: é2\n";
  const list = [
    at(text, "é2", { hint: "Write 3.", message: "50% <x>, a:b\nc" }),
    at(text, "a", { severity: "warning" }),
  ];

  it("JSON counts lines and columns from 1, offsets from 0", () => {
    expect(toJson(list, () => text, 1)).toEqual({
      format: "runbook.diagnostics/1.0",
      files: 1,
      errors: 1,
      warnings: 1,
      diagnostics: [
        {
          code: "bad-value",
          severity: "error",
          message: "50% <x>, a:b\nc",
          file: "a.yaml",
          range: { start: { line: 2, column: 4, offset: 8 }, end: { line: 2, column: 6, offset: 10 } },
          hint: "Write 3.",
          related: [],
        },
        expect.objectContaining({ severity: "warning", hint: null }),
      ],
    });
  });

  it("GitHub annotations are escaped", () => {
    const [d] = list;
    expect(toGithub([{ ...d!, at: { ...d!.at, file: "a,b:c.yaml" } }], () => text)).toBe(
      "::error file=a%2Cb%3Ac.yaml,line=2,col=4,endLine=2,endColumn=6,title=bad-value::50%25 <x>, a:b\\u{a}c Write 3.\n",
    );
  });

  it("JUnit has one suite per file, valid files included", () => {
    const out = toJunit(list, () => text, ["a.yaml", 'b".yaml']);
    expect(out).toContain('<testsuites name="runbook validate" failures="1">');
    expect(out).toContain('<failure type="bad-value" message="50% &lt;x&gt;, a:b\\u{a}c">');
    expect(out).toContain('<testcase classname="b&quot;.yaml" name="valid"/>');
  });

  it("SARIF names each rule once", () => {
    const sarif = toSarif(list, () => text, "1.2.3") as never as {
      runs: { tool: { driver: { rules: { id: string }[] } }; results: { ruleIndex: number; locations: unknown[] }[] }[];
    };
    expect(sarif.runs[0]!.tool.driver.rules.map((rule) => rule.id)).toEqual(["bad-value"]);
    expect(sarif.runs[0]!.results.map((result) => result.ruleIndex)).toEqual([0, 0]);
    expect(sarif.runs[0]!.results[0]!.locations).toEqual([
      {
        physicalLocation: {
          artifactLocation: { uri: "a.yaml" },
          region: { startLine: 2, startColumn: 4, endLine: 2, endColumn: 6 },
        },
      },
    ]);
  });
});
