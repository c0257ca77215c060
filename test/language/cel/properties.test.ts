import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checkExpression,
  evaluateExpression,
  explainCondition,
  isConstant,
  references,
  toJson,
  UnknownValue,
} from "../../../src/language/cel/index.ts";

const words = fc.constantFrom(
  "a",
  "a.b",
  "list",
  "list[0]",
  "m.__proto__",
  "m.constructor",
  'm["__proto__"]',
  "u.x",
  "1",
  "0",
  "2.5",
  '"s"',
  "true",
  "null",
  "[]",
  "{}",
  "+",
  "-",
  "*",
  "/",
  "%",
  "==",
  "!=",
  "<",
  ">=",
  "in",
  "&&",
  "||",
  "!",
  "?",
  ":",
  "(",
  ")",
  ",",
  ".all(x, x == 1)",
  ".exists(y, y > a)",
  ".map(x, x)",
  ".filter(x, true)",
  ".size()",
  "size(",
  "has(",
  "json(",
  ".matches(",
  "duration(",
  "int(",
  "string(",
  "diff(",
  "[",
  "]",
);
const soup = fc.array(words, { minLength: 1, maxLength: 14 }).map((parts) => parts.join(" "));

/** Expressions that parse: built from the grammar. */
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.constantFrom(
      "a",
      "b",
      "list",
      "m.k",
      "m.__proto__",
      "u.x",
      "1",
      "-3",
      "2.5",
      '"s"',
      '"2026-01-01T00:00:00Z"',
      "true",
      "null",
      "[]",
      'duration("5s")',
      "at",
    ),
    fc
      .tuple(
        tie("expression"),
        fc.constantFrom("+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||"),
        tie("expression"),
      )
      .map(([l, o, r]) => `(${l} ${o} ${r})`),
    fc.tuple(tie("expression"), tie("expression"), tie("expression")).map(([c, y, n]) => `(${c} ? ${y} : ${n})`),
    tie("expression").map((e) => `!(${e})`),
    fc.array(tie("expression"), { maxLength: 3 }).map((items) => `[${items.join(", ")}]`),
    tie("expression").map((e) => `{"k": ${e}}`),
    fc
      .tuple(tie("expression"), fc.constantFrom("all", "exists", "exists_one", "map", "filter"), tie("expression"))
      .map(([l, macro, e]) => `(${l}).${macro}(x, ${e})`),
    fc
      .tuple(
        fc.constantFrom("size", "string", "int", "double", "json", "lines", "csv", "semver", "dyn", "bool"),
        tie("expression"),
      )
      .map(([f, e]) => `${f}(${e})`),
    fc.tuple(tie("expression"), tie("expression")).map(([l, i]) => `(${l})[${i}]`),
  ),
}));

const variables = {
  a: { type: "integer" },
  b: { type: ["string", "null"] },
  list: { type: "array", items: { type: "integer" } },
  m: { type: "object", properties: { k: { type: "string" } } },
  u: {},
  at: { type: "string", format: "date-time" },
};
const scope = { a: 1, b: null, list: [1, 2, 3], m: { k: "v" }, u: new UnknownValue("u"), at: new Date(0) };

describe("whatever is written", () => {
  test.each([
    ["soup of words", soup],
    ["grammar", expression],
    ["any text", fc.string({ unit: "binary" })],
  ])("nothing throws and ranges stay inside: %s", (_name, texts) => {
    fc.assert(
      fc.property(texts, (text) => {
        const { problems } = checkExpression(text, { variables, expects: "boolean", verification: true });
        for (const { range, message } of problems) {
          expect(range.start).toBeGreaterThanOrEqual(0);
          expect(range.end).toBeLessThanOrEqual(text.length);
          expect(range.start).toBeLessThanOrEqual(range.end);
          expect(message).not.toBe("");
        }
        const result = evaluateExpression(text, scope);
        expect(JSON.stringify(toJson(result)) ?? "").not.toContain("[native code]");
        explainCondition(text, scope);
        isConstant(text);
        for (const { path, ranges, range } of references(text)) {
          expect(ranges).toHaveLength(path.length);
          expect(text.slice(range.start, range.end)).not.toBe("");
        }
      }),
      { numRuns: 400 },
    );
  });

  test("prototypes are never read", () => {
    const inherited = Object.getOwnPropertyNames(Object.prototype);
    fc.assert(
      fc.property(
        fc.constantFrom(...inherited),
        fc.constantFrom("m", "list", "a", "at", "b", '"s"', "{}", "[1]"),
        (name, on) => {
          expect(evaluateExpression(`${on}["${name}"]`, scope).kind).toBe("error");
          expect(evaluateExpression(`${on}.${name}`, scope).kind).toBe("error");
        },
      ),
    );
  });

  test("what the checker accepts without unchecked values does not fail for its type", () => {
    const { u: _unchecked, ...typed } = variables;
    let tried = 0;
    fc.assert(
      fc.property(expression, (text) => {
        const known = !/\bu\b|json|dyn|b\b|at\b|k"|(^|[^)])\[/.test(text);
        const { problems } = checkExpression(text, { variables: typed, expects: "any" });
        if (!known || problems.length > 0) return;
        tried++;
        const result = evaluateExpression(text, { ...scope, b: "text" });
        if (result.kind === "error") expect([result.code, text]).not.toEqual(["cel-type", text]);
      }),
      { numRuns: 3000 },
    );
    expect(tried).toBeGreaterThan(50);
  });

  test("an unknown never becomes another answer than some value of it would give", () => {
    const text = expression.filter((candidate) => candidate.includes("u.x"));
    fc.assert(
      fc.property(text, fc.constantFrom(true, false, 1, "s", null, 2.5), (candidate, x) => {
        const before = evaluateExpression(candidate, scope);
        const after = evaluateExpression(candidate, { ...scope, u: { x } });
        if (before.kind === "value" && after.kind === "value")
          expect(toJson(after.value)).toEqual(toJson(before.value));
      }),
      { numRuns: 500 },
    );
  });

  test("whole numbers survive", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (n) => {
        expect(evaluateExpression("string(n)", { n })).toEqual({ kind: "value", value: String(n) });
        const result = evaluateExpression(`json(text).n == ${n}`, { text: `{"n":${n}}` });
        expect(result).toEqual({ kind: "value", value: true });
      }),
    );
  });
});
