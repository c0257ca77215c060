/** What is written for `fly secrets import` is read back unchanged, or refused without naming the value. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseSecretsInput } from "../../../sandbox/fly/secrets-input.ts";
import { secretsText } from "../../../src/steps/fly/secrets-text.ts";
import { StepFailure } from "../../../src/steps/step-type.ts";

/** Null = refused. */
function written(values: Record<string, string>): string | null {
  try {
    return secretsText(values);
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    expect(error).toMatchObject({ class: "fatal", reason: "secret-not-writable" });
    return null;
  }
}

test.each([
  ["plain", "A=B", "plain"],
  ["a comment sign", "abc#def", "quoted"],
  ["quotes inside", 'a "b" c', "quoted"],
  ["one quote at each end", '"x"', "quoted"],
  ["blanks at both ends", "  x  ", "quoted"],
  ["a backslash and a dollar", "a\\n$HOME`id`", "quoted"],
  ["several lines", "a\nb#c\n\n d", "lines"],
  ["a final line feed", "a\n", "lines"],
  ["a first line feed", "\na", "lines"],
  ["quotes at the very end", 'a\nb"', "lines"],
  ["a single line feed", "\n", "lines"],
  ["two quotes first", '""x', "bare"],
])("%s survives", (_, value) => {
  const text = secretsText({ BEFORE: "1", NAME: value, AFTER: "2" });
  expect([...parseSecretsInput(text)]).toEqual([
    ["BEFORE", "1"],
    ["NAME", value],
    ["AFTER", "2"],
  ]);
});

describe("refused, by name only", () => {
  test.each([
    ["an empty value", ""],
    ["a carriage return before a line feed", "a\r\nb"],
    ["a carriage return at the end", "a\r"],
    ["a NUL", "a\0b"],
    ["a line within that ends with three quotes", 'a\nb"""\nc'],
    ["two quotes first and a comment sign", '""secret#1'],
    ["one quote alone", '"'],
    ["a line of 64 KiB", "x".repeat(64 * 1024)],
  ])("%s", (_, value) => {
    let failure: unknown;
    try {
      secretsText({ TOKEN: value });
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({ class: "fatal", reason: "secret-not-writable", facts: { name: "TOKEN" } });
    const { message } = failure as Error;
    expect(message).toContain("TOKEN");
    if (value.length > 3) expect(message).not.toContain(value);
  });
});

test("whatever is written is read back unchanged", () => {
  const line = fc.string({ unit: fc.constantFrom("a", '"', "#", " ", "=", "\\", "\n", "\r", "é", "'"), maxLength: 12 });
  let carried = 0;
  fc.assert(
    fc.property(line, line, (first, second) => {
      const text = written({ FIRST: first, SECOND: second });
      if (text === null) return;
      carried += 1;
      expect([...parseSecretsInput(text)]).toEqual([
        ["FIRST", first],
        ["SECOND", second],
      ]);
    }),
    { numRuns: 2_000 },
  );
  expect(carried).toBeGreaterThan(200);
});
