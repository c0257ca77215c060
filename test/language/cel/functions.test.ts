import { describe, expect, test } from "vitest";
import {
  evaluateExpression,
  parseJsonExactly,
  rangeProblem,
  satisfiesRange,
  toJson,
} from "../../../src/language/cel/index.ts";

function run(expression: string, scope: Record<string, unknown> = {}): unknown {
  const result = evaluateExpression(expression, scope);
  return result.kind === "value"
    ? toJson(result.value)
    : result.kind === "error"
      ? `${result.code}: ${result.message}`
      : result;
}

describe("json()", () => {
  test.each([
    ['{"a": [1, 2.5, null, true]}', { a: [1, 2.5, null, true] }],
    ["[]", []],
    ["12", 12],
    ["null", null],
    ['{"a": ', 'bad-value: json(): the text is not JSON: "{"a": ".'],
    ["", 'bad-value: json(): the text is not JSON: "".'],
  ])("%j", (text, expected) => expect(run("json(text)", { text })).toEqual(expected));

  test("whole numbers keep their digits, strings and fractions are left alone", () => {
    const text =
      '{"id":12345678901234567890,"neg":-9007199254740993,"s":"12345678901234567890 \\" 1","f":1234567890123456.5,"e":1e20}';
    expect(parseJsonExactly(text)).toEqual({
      id: 12345678901234567890n,
      neg: -9007199254740993n,
      s: '12345678901234567890 " 1',
      f: 1234567890123456.5,
      e: 1e20,
    });
    const marks = '["int0:1", "\\u0069nt1:2", 12345678901234567890]';
    expect(parseJsonExactly(marks)).toEqual(["int0:1", "int1:2", 12345678901234567890n]);
    expect(() => parseJsonExactly('{"a": 12345678901234567890')).toThrow(SyntaxError);
    expect(() => parseJsonExactly("012345678901234567890")).toThrow();
  });
});

describe("csv()", () => {
  test.each([
    [
      "a,b\n1,2\n3,4\n",
      [
        { a: "1", b: "2" },
        { a: "3", b: "4" },
      ],
    ],
    ["a,b\r\n1,2", [{ a: "1", b: "2" }]],
    ['a,b\n"x, y","say ""hi"""\n', [{ a: "x, y", b: 'say "hi"' }]],
    ['a,b\n"two\nlines",2\n', [{ a: "two\nlines", b: "2" }]],
    [
      "a,b\n1,\n,2\n",
      [
        { a: "1", b: "" },
        { a: "", b: "2" },
      ],
    ],
    ["a,b\n1,", [{ a: "1", b: "" }]],
    ["\uFEFFa\n1\n", [{ a: "1" }]],
    ["a\n\n1\n\n", [{ a: "1" }]],
    ['a\n""\n', [{ a: "" }]],
    ["a,b\n", []],
    ["", []],
    [
      "__proto__,b\n1,2\n",
      [
        Object.fromEntries([
          ["__proto__", "1"],
          ["b", "2"],
        ]),
      ],
    ],
    ["a,b\n1\n", "bad-value: csv(): line 2 has 1 fields, the header has 2."],
    ['a,b\n"x\ny",2\n1,2,3\n', "bad-value: csv(): line 4 has 3 fields, the header has 2."],
    ["a,a\n1,2\n", 'bad-value: csv(): the column "a" appears twice.'],
    ['a\n"open\n', "bad-value: csv(): line 2: a quote is not closed."],
    ['a\nx"y\n', "bad-value: csv(): line 2: a quote stands inside a field or after one."],
  ])("%j", (text, expected) => expect(run("csv(text)", { text })).toEqual(expected));
});

test.each([
  ["", []],
  ["a", ["a"]],
  ["a\nb\n", ["a", "b"]],
  ["a\r\nb\r\n\r\n", ["a", "b", ""]],
  ["\n", [""]],
])("lines(%j)", (text, expected) => expect(run("lines(text)", { text })).toEqual(expected));

describe("diff()", () => {
  const a = [
    { t: "kept", n: 1 },
    { t: "changed", n: 1 },
    { t: "gone", n: 1 },
  ];
  const b = [
    { t: "new", n: 1 },
    { t: "changed", n: 2 },
    { t: "kept", n: 1 },
  ];

  test("rows that differ, by key", () => {
    expect(run('diff(a, b, "t")', { a, b })).toEqual([
      { key: "changed", change: "changed", before: a[1], after: b[1] },
      { key: "gone", change: "removed", before: a[2], after: null },
      { key: "new", change: "added", before: null, after: b[0] },
    ]);
    expect(run('diff(a, a, "t")', { a })).toEqual([]);
  });

  test('1 and "1" are different keys', () => {
    expect(run('size(diff([{"k": 1}], [{"k": "1"}], "k"))')).toBe(2);
  });

  test.each([
    ['diff([1], [], "k")', "bad-value: diff(): item 0 is a whole number, not a map."],
    ['diff([{"a": 1}], [], "k")', 'bad-value: diff(): item 0 has no key "k".'],
    ['diff([{"k": 1}, {"k": 1}], [], "k")', 'bad-value: diff(): "1" appears twice as k.'],
  ])("%s", (expression, message) => expect(run(expression)).toBe(message));
});

test.each([
  ["percentile([4, 1, 3, 2], 50)", 2],
  ["percentile([4, 1, 3, 2], 95)", 4],
  ["percentile([4, 1, 3, 2], 0)", 1],
  ["percentile([4, 1, 3, 2], 100)", 4],
  ["percentile([1.5], 99.9)", 1.5],
  ["percentile([], 50)", "bad-value: percentile(): the list is empty."],
  ["percentile([1], 101)", "bad-value: percentile(): 101 is not between 0 and 100."],
  ['percentile(["a"], 50)', "bad-value: percentile(): the list holds a string."],
])("%s", (expression, expected) => expect(run(expression)).toBe(expected));

describe("semver()", () => {
  /** The order of https://semver.org §11. */
  const ordered = [
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2.0.0",
  ];

  test("precedence", () => {
    for (const [i, a] of ordered.entries()) {
      for (const [j, b] of ordered.entries()) {
        const text = `[semver(a) < semver(b), semver(a) <= semver(b), semver(a) == semver(b), semver(a) >= semver(b), semver(a) > semver(b)]`;
        expect(run(text, { a, b }), `${a} ${b}`).toEqual([i < j, i <= j, i === j, i >= j, i > j]);
      }
    }
  });

  test.each([
    ['semver("v1.2.3") == semver("1.2.3+build.7")', true],
    ['semver("1.2.3") in [semver("1.2.3")]', true],
    ['semver("1.2")', 'bad-value: "1.2" is not a version (SemVer).'],
    ['semver("01.2.3")', 'bad-value: "01.2.3" is not a version (SemVer).'],
    ['semver("1.2.3") < "2.0.0"', 'cel-type: "<" does not work between a version and a string.'],
  ])("%s", (expression, expected) => expect(run(expression)).toBe(expected));
});

describe("ranges of requires", () => {
  test.each([
    ["0.3.45", ">=0.3", true],
    ["0.2.9", ">=0.3", false],
    ["16.4", ">=15 <17", true],
    ["17.0", ">=15 <17", false],
    ["17beta1", ">=15 <17", false],
    ["15", ">=15", true],
    ["15.0.0-rc.1", ">=15", false],
    ["1.9.9", "^1.2", true],
    ["2.0.0", "^1.2", false],
    ["2.0.0-rc.1", "^1.2", false],
    ["1.1.9", "^1.2", false],
    ["0.3.9", "^0.3", true],
    ["0.4.0", "^0.3", false],
    ["0.0.3", "^0.0.3", true],
    ["0.0.4", "^0.0.3", false],
    ["1.2.9", "~1.2", true],
    ["1.3.0", "~1.2", false],
    ["1.9.0", "~1", true],
    ["1.2.3", "1.2.3", true],
    ["v1.2.3", "=1.2.3", true],
    ["1.2.4", "1.2.3", false],
    ["15.7", "15", true],
    ["16.0", "15", false],
    ["15.2.9", "15.2", true],
    ["15.2.1", "> 15.2", false],
    ["15.3.0", ">15.2", true],
    ["15.2.9", "<=15.2", true],
    ["15.3.0", "<=15.2", false],
    ["1.2.3.4", ">=1.2.3", true],
    ["garbage", ">=1", false],
    ["", ">=1", false],
  ])("%s in %s: %s", (version, range, expected) => expect(satisfiesRange(version, range)).toBe(expected));

  test.each(["", "latest", ">=", ">>1", "1.x", "1 || 2", "^1.2.3.4"])("%j is no range", (range) => {
    expect(rangeProblem(range)).toContain("is not a version range");
    expect(satisfiesRange("1.0.0", range)).toBe(false);
  });
  test("a good range has no problem", () => expect(rangeProblem(">=15 <17")).toBeNull());
});

test.each([
  ['"Ärger".lowerAscii()', "Ärger"],
  ['"ÄB".lowerAscii()', "Äb"],
  ['"a,b,,".split(",")', ["a", "b", "", ""]],
  ['"abc".split("")', ["a", "b", "c"]],
  ['"aaa".replace("a", "$&")', "$&$&$&"],
  ['["a", 1].join(",")', "bad-value: join() needs a list of strings."],
  ['"abc".substring(2, 1)', "bad-value: substring(): 2 lies behind 1."],
  ['"abc".substring(-1)', "index-out-of-range: substring(): -1 is outside the text (length 3)."],
  ['double("0x10")', 'bad-value: double(): "0x10" is not a number.'],
  ["int(1.5e300)", "overflow: int(): 1.5e+300 does not fit in 64 bits."],
])("%s", (expression, expected) => expect(run(expression)).toEqual(expected));
