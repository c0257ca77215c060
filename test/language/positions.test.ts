import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { Findings } from "../../src/language/findings.ts";
import { readYaml } from "../../src/language/yaml.ts";

function read(text: string) {
  const findings = new Findings();
  const source = readYaml("a.yaml", text, findings);
  expect(findings.sorted()).toEqual([]);
  return source;
}

/** The file's text at the place of `part` in the decoded value of `pointer`. */
function textAt(text: string, pointer: string, part: string): string {
  const source = read(text);
  const value = pointer
    .slice(1)
    .split("/")
    .reduce<unknown>((data, key) => (data as Record<string, unknown>)[key], source.data) as string;
  const start = value.indexOf(part);
  const range = source.rangeIn(pointer, { start, end: start + part.length });
  return text.slice(range.start, range.end);
}

describe("places inside scalars", () => {
  it.each([
    ["plain", "a: one two NAME three\n", "NAME"],
    ["plain over lines", "a: one\n  two\n  NAME three\n", "NAME"],
    ["single quotes", "a: 'it''s NAME'\n", "NAME"],
    ["double quotes", 'a: "tab\\t\\u00e9 \\x41 NAME"\n', "NAME"],
    ["double quotes over lines", 'a: "one \\\n   two\n\n  NAME"\n', "NAME"],
    ["literal", "a: |\n  one\n    NAME\n", "NAME"],
    ["literal, kept", "a: |+\n  one\n\n  NAME\n\n", "NAME"],
    ["literal with an indicator", "a: |1\n   one\n  NAME\n", "NAME"],
    ["folded", "a: >-\n  one\n  two\n\n  three\n    more\n  NAME four\n", "NAME"],
    ["folded, Windows line ends", "a: >-\r\n  one\r\n  two\r\n  NAME four\r\n", "NAME"],
    ["inside a list of a map", "b: 1\na: x NAME\n", "NAME"],
  ])("%s", (_name, text, part) => {
    expect(textAt(text, "/a", part)).toBe(part);
  });

  it("a range ends before the break of a folded line", () => {
    const text = "a: >-\n  one two\n  three\n";
    const source = read(text);
    const range = source.rangeIn("/a", { start: 4, end: 7 });
    expect(text.slice(range.start, range.end)).toBe("two");
  });

  it("falls back to the scalar for what it cannot map, and to the parent for what is not there", () => {
    const text = "a: { b: 12 }\n";
    const source = read(text);
    expect(source.rangeOf("/a/b")).toEqual({ start: 8, end: 10 });
    expect(source.rangeOf("/a/c")).toEqual({ start: 0, end: 1 });
    expect(source.keyRangeOf("/a/b")).toEqual({ start: 5, end: 6 });
  });

  it("keys with slashes and tildes are found", () => {
    const text = '"a/b~c": 1\n';
    expect(read(text).rangeOf("/a~1b~0c")).toEqual({ start: 9, end: 10 });
  });
});

describe("random scalars", () => {
  const word = fc.stringMatching(/^[a-zA-Z0-9 '"\\:#{}é日🚀-]{1,12}$/u);
  const styles = ["PLAIN", "QUOTE_SINGLE", "QUOTE_DOUBLE", "BLOCK_LITERAL", "BLOCK_FOLDED"] as const;

  it("map every character of the value to itself in the file", () => {
    let fallbacks = 0;
    let runs = 0;
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 8 }),
        fc.constantFrom("\n", " ", "\n\n"),
        fc.constantFrom(...styles),
        (words, joint, style) => {
          const meant = words.join(joint);
          const text = stringify({ a: meant }, { defaultStringType: style, lineWidth: 30, defaultKeyType: "PLAIN" });
          const source = read(text);
          // What was read counts: the writer of the library changes some folded texts.
          const value = (source.data as { a: string }).a;
          runs++;
          const first = source.rangeIn("/a", { start: 0, end: value.length });
          if (
            first.start === source.positionOf("/a")!.range.start &&
            first.end === source.positionOf("/a")!.range.end &&
            value.trim() === ""
          )
            fallbacks++;
          for (let i = 0; i < value.length; i++) {
            // Escapes, doubled quotes and folds write a character in another way.
            if (/[\s'"\\\ud800-\udfff]/.test(value[i]!)) continue;
            const at = source.offsetIn("/a", i);
            const written = text[at]!;
            if (written === "\\") continue;
            expect(written, JSON.stringify({ text, value, i })).toBe(value[i]);
          }
        },
      ),
      { numRuns: 1500, seed: 20261120 },
    );
    expect(fallbacks).toBeLessThan(runs / 10);
  });
});
