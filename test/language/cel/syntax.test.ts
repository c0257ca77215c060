import { describe, expect, test } from "vitest";
import { maxNodes, maxTextLength, parseExpression } from "../../../src/language/cel/index.ts";

function problem(text: string) {
  const parsed = parseExpression(text);
  if (parsed.ok) throw new Error(`"${text}" parses`);
  return parsed.problem;
}

describe("friendly hints for known traps", () => {
  test.each([
    ["result.status = 200", "=", "To compare, write ==."],
    ["result.status === 200", "=", "Equal is ==, different is !=."],
    ["a & b", "&", "And is &&."],
    ["a | b", "|", "Or is ||; there are no pipes."],
    ["a and b", "and", "And is &&."],
    ["a or b", "or", "Or is ||."],
    ["not a", "a", "Not is !, as in !x or x != y."],
    ["a is null", "is", "To compare, write ==, as in x == null."],
    ["$inputs.reason", "$", "Names have no $: write inputs.reason, target.app, steps.deploy.outputs.image."],
    ["${{ inputs.reason }}", "$", "This is an expression already: leave out ${{ and }}."],
    ["{{ inputs.reason }}", "}", "This is an expression already: leave out ${{ and }}."],
    ["a ?? b", "?", "There is no ??: write x != null ? x : y."],
    ["a?.b", ".", "There is no ?.: write x != null && x.y == …, or has(x.y)."],
    ["target.protected ? 1", "1", 'YAML may have cut the text at ": ". Put the whole value in quotes or below `>-`.'],
    ["list.all(x => x)", "=", "Write list.all(x, x.ok), with a comma."],
    ['a =~ "x"', "=", 'Write text.matches("…").'],
    ["a == `x`", "`", "Strings stand in \" or '."],
    ["a # why", "#", "A comment inside an expression is // to the end of the line."],
    ["a;", ";", "An expression has no end mark; leave out the ;."],
  ])("%s", (text, at, hint) => {
    const found = problem(text);
    expect(found.code).toBe("cel-syntax");
    expect(found.hint).toBe(hint);
    expect(text.slice(found.range.start, found.range.end)).toBe(at);
  });
});

test.each([
  ["", "The expression is empty."],
  ["   ", "The expression is empty."],
  ["a.b(", "The expression ends too early: something is missing."],
  ["(a", 'The expression ends too early: ")" is expected here, not the end.'],
  ["[1, 2", 'The expression ends too early: "]" is expected here, not the end.'],
  ["a b", '"b" cannot stand here.'],
  ['"abc', "Unterminated string."],
  ["x.all(1, true)", "all() takes a name for each item and what to do with it, as in list.all(x, …)."],
  ["has(1)", "has() takes one field, as in has(result.json.image)."],
  ["5u", "There are no unsigned numbers here."],
  ['b"x"', "There are no bytes here."],
  ["9223372036854775808", "9223372036854775808 is too large: whole numbers have 64 bits."],
])("says what is wrong in %j", (text, message) => {
  const found = problem(text);
  expect(found.message).toBe(message);
  expect(found.range.start).toBeGreaterThanOrEqual(0);
  expect(found.range.end).toBeLessThanOrEqual(Math.max(text.length, 0));
});

describe("limits", () => {
  test.each([
    ["length", `"${"x".repeat(maxTextLength)}"`],
    ["parts", Array(maxNodes).fill("1").join("+")],
    ["depth", `${"(".repeat(60)}1${")".repeat(60)}`],
    ["signs", `${"!".repeat(4000)}a`],
    ["members", `a${".b".repeat(60)}`],
  ])("%s", (_what, text) => {
    expect(problem(text).code).toBe("cel-limit");
  });

  test("ordinary sizes pass", () => {
    expect(parseExpression(`"${"x".repeat(maxTextLength - 2)}"`).ok).toBe(true);
    expect(parseExpression(Array(200).fill("1").join("+")).ok).toBe(true);
  });
});
