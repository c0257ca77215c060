import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { evaluateExpression, UnknownValue } from "../../src/language/cel/index.ts";
import { holesOf, isWholeHole, parseTemplate, resolveTemplate, resolveTree } from "../../src/language/template.ts";

const scope = {
  inputs: { reason: "bad", release: null, n: 3, big: 9007199254740993n, list: ["a", 1], on: true },
  target: { app: "shop" },
  at: new Date("2026-01-01T00:00:00Z"),
  steps: { pre_state: new UnknownValue("pre_state"), choose: new UnknownValue("choose") },
};
const evaluate = (expression: string) => evaluateExpression(expression, scope);

describe("holes", () => {
  test.each([
    ["plain", []],
    ["", []],
    ["${{ a }}", ["a"]],
    ["${{a}}${{ b }}", ["a", "b"]],
    ["x ${{ a }} y ${{ b.c }} z", ["a", "b.c"]],
    ['${{ {"a": {"b": 1}} }}', ['{"a": {"b": 1}}']],
    ['${{ {"a": {"b": 1}}}}', ['{"a": {"b": 1}}']],
    ['${{ "}}" + x }}', ['"}}" + x']],
    ["${{ '}}' + \"'}}\" }}", ["'}}' + \"'}}\""]],
    ['${{ "\\"}}" }}', ['"\\"}}"']],
    ['${{ """a"}}""" }}', ['"""a"}}"""']],
    ['${{ r"\\d}}" }}', ['r"\\d}}"']],
    ["$${{ not a hole }}", []],
    ["$${{ no }} ${{ yes }}", ["yes"]],
    ["$ ${{ a }}", ["a"]],
    ["${ x } {{ y }}", []],
    ["${{\n  a ||\n  b\n}}", ["a ||\n  b"]],
    ["}} ${{ a }} }}", ["a"]],
  ])("%j", (text, expressions) => {
    const { problems } = parseTemplate(text);
    const holes = holesOf(text);
    expect(problems).toEqual([]);
    expect(holes.map(({ expression }) => expression)).toEqual(expressions);
    for (const { expression, range, outer } of holes) {
      expect(text.slice(range.start, range.end)).toBe(expression);
      expect(text.slice(outer.start, outer.start + 3) + text.slice(outer.end - 2, outer.end)).toBe("${{}}");
    }
  });

  test.each([
    ["${{ a", "unclosed-hole", [0, 5]],
    ["x ${{ 'a }}", "unclosed-hole", [2, 11]],
    ['x ${{ {"a": 1 }}', "unclosed-hole", [2, 16]],
    ["x ${{  }}", "empty-hole", [2, 9]],
  ])("%j has the problem %s", (text, code, [start, end]) => {
    expect(parseTemplate(text).problems).toMatchObject([{ code, range: { start, end } }]);
  });

  test.each([
    ["${{ a }}", true],
    ["${{ a }} ", false],
    ["${{ a }}${{ b }}", false],
    ["$${{ a }}", false],
    ["a", false],
  ])("isWholeHole(%j) is %s", (text, expected) => expect(isWholeHole(text)).toBe(expected));

  test("the same text is parsed once", () => {
    expect(parseTemplate("x ${{ a }}")).toBe(parseTemplate("x ${{ a }}"));
  });

  test("texts and expressions put together are found again", () => {
    const plain = fc.string({ unit: fc.constantFrom("a", " ", "}", "{", '"', "'", "\\", "é", "😀", "\n") });
    const expression = fc.constantFrom(
      '"}}"',
      "{'a': {'b': 2}}",
      "a.b['c']",
      "x ? 'y' : \"}\"",
      "[1, 2][0]",
      "'\\'}}'",
      "r'}}'",
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(plain, expression), { maxLength: 5 }), plain, (pieces, tail) => {
        const text = `${pieces.map(([before, inner]) => `${before}\${{ ${inner} }}`).join("")}${tail}`;
        const { parts, problems } = parseTemplate(text);
        expect(problems).toEqual([]);
        expect(holesOf(text).map((hole) => hole.expression)).toEqual(pieces.map(([, inner]) => inner));
        const again = parts.map((part) =>
          part.kind === "text" ? part.text : text.slice(part.outer.start, part.outer.end),
        );
        expect(again.join("")).toBe(text);
      }),
    );
  });

  test("no text makes it throw, and offsets stay inside", () => {
    const pieces = fc.array(fc.constantFrom("${{", "$", "}}", "{", "}", '"', "'", "\\", "r", " ", "a", "'''"), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(pieces, (words) => {
        const text = words.join("");
        for (const { outer, range } of holesOf(text)) {
          expect(outer.start <= range.start && range.start <= range.end && range.end <= outer.end).toBe(true);
          expect(outer.end).toBeLessThanOrEqual(text.length);
        }
        expect(resolveTemplate(text, evaluate).kind).toMatch(/value|error|unknown/);
      }),
    );
  });
});

describe("resolveTemplate", () => {
  test.each([
    ["plain", "plain"],
    ["${{ inputs.n }}", 3],
    ["${{ inputs.on }}", true],
    ["${{ inputs.list }}", ["a", 1]],
    ["${{ inputs.release }}", null],
    ["${{ at }}", "2026-01-01T00:00:00Z"],
    ["${{ duration('90s') }}", "90s"],
    ["app ${{ target.app }} v${{ inputs.n }}", "app shop v3"],
    ["${{ inputs.n }} ", "3 "],
    ["list: ${{ inputs.list }}", 'list: ["a",1]'],
    ['map: ${{ {"a": 1} }}', 'map: {"a":1}'],
    ["on=${{ inputs.on }} big=${{ inputs.big }} at=${{ at }}", "on=true big=9007199254740993 at=2026-01-01T00:00:00Z"],
    ["$${{ x }} ${{ inputs.n }}", "${{ x }} 3"],
    ["", ""],
  ])("%j", (text, value) => {
    expect(resolveTemplate(text, evaluate)).toEqual({ kind: "value", value });
  });

  test.each([
    [
      "r: ${{ inputs.release }}",
      "null-in-string",
      "inputs.release is null, which cannot stand inside a longer text.",
      "inputs.release",
    ],
    [
      "r: ${{ inputs.reson }}",
      "no-such-key",
      'There is no key "reson" in inputs. Did you mean "reason"?',
      "inputs.reson",
    ],
    ["r: ${{ 1 + }}", "cel-syntax", "The expression ends too early: something is missing.", "1 +"],
    [
      "r: ${{ steps.pre_state.x }} ${{ nope }}",
      "unknown-reference",
      'There is no "nope" here. There is: inputs, target, at, steps.',
      "nope",
    ],
    ["r: ${{ }}", "empty-hole", "This hole is empty.", "${{ }}"],
  ])("%j is an error", (text, code, message, at) => {
    const result = resolveTemplate(text, evaluate);
    expect(result).toMatchObject({ kind: "error", code, message });
    if (result.kind === "error") expect(text.slice(result.range.start, result.range.end)).toBe(at);
  });

  test.each([
    ["${{ steps.pre_state.outputs.image }}", ["pre_state"], "‹known after pre_state›"],
    [
      "v${{ steps.pre_state.outputs.version }} of ${{ target.app }} to ${{ steps.choose.outputs.version }}",
      ["pre_state", "choose"],
      "v‹known after pre_state› of shop to ‹known after choose›",
    ],
    ["x ${{ steps.pre_state.a + steps.choose.b }}", ["pre_state", "choose"], "x ‹known after pre_state, choose›"],
  ])("%j is not known yet", (text, from, shown) => {
    expect(resolveTemplate(text, evaluate)).toEqual({ kind: "unknown", from, text: shown });
  });
});

describe("resolveTree", () => {
  test("fills nested data, leaves null fields out, keeps written nulls", () => {
    const data = {
      app: "${{ target.app }}",
      release: "${{ inputs.release }}",
      written: null,
      nested: { n: "${{ inputs.n }}", list: ["a ${{ inputs.n }}", { release: "${{ inputs.release }}" }] },
      count: 3,
    };
    expect(resolveTree(data, evaluate)).toEqual({
      value: { app: "shop", written: null, nested: { n: 3, list: ["a 3", {}] }, count: 3 },
      unknowns: [],
      errors: [],
    });
  });

  test("collects unknowns and errors with their pointers", () => {
    const data = {
      "a/b": ["${{ steps.choose.outputs.image }}"],
      "t~": "x ${{ inputs.release }}",
      list: ["${{ inputs.release }}"],
      ok: "${{ inputs.n }}",
    };
    const tree = resolveTree(data, evaluate);
    expect(tree.value).toMatchObject({ "a/b": ["‹known after choose›"], ok: 3 });
    expect(tree.unknowns).toEqual([{ pointer: "/a~1b/0", text: "‹known after choose›", from: ["choose"] }]);
    expect(tree.errors.map(({ pointer, code }) => [pointer, code])).toEqual([
      ["/t~0", "null-in-string"],
      ["/list/0", "null-in-list"],
    ]);
  });

  test("a key named __proto__ stays a key", () => {
    const data = JSON.parse('{"__proto__": {"x": "${{ inputs.n }}"}}') as unknown;
    const { value } = resolveTree(data, evaluate);
    expect(JSON.stringify(value)).toBe('{"__proto__":{"x":3}}');
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  test("a plain string may be the whole tree", () => {
    expect(resolveTree("${{ inputs.n }}", evaluate).value).toBe(3);
  });
});
