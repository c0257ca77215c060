/** Values against what an input declares: each row is one that fits and one that does not, with what is said. */
import { describe, expect, it } from "vitest";
import { inputProblems } from "../../src/language/input-value.ts";

const rows: readonly (readonly [Record<string, unknown>, unknown, unknown, string])[] = [
  [{ type: "string" }, "", 3, "3 is not of type string"],
  [{ type: "string" }, "x", null, "null is not of type string"],
  [{ type: "integer" }, -3, 1.5, "1.5 is not of type integer"],
  [{ type: "number" }, 1.5, "1.5", '"1.5" is not of type number'],
  [{ type: "boolean" }, false, "false", '"false" is not of type boolean'],
  [{ type: "array" }, [], {}, "{} is not of type array"],
  [{ type: "object" }, {}, [], "[] is not of type object"],
  [{ type: "string", enum: ["a", "b"] }, "b", "c", '"c" is not in the enum: a, b'],
  [{ type: "array", enum: [[1], [2]] }, [2], [3], "[3] is not in the enum: [1], [2]"],
  [{ type: "integer", minimum: 5 }, 5, 4, "4 is below the minimum 5"],
  [{ type: "number", maximum: 5 }, 5, 5.1, "5.1 is above the maximum 5"],
  [{ type: "string", minLength: 2 }, "ab", "😀", '"😀" is shorter than 2 characters'],
  [{ type: "string", pattern: "^a+$" }, "aa", "ab", '"ab" does not match ^a+$'],
  [{ type: "array", items: { type: "string" } }, ["a"], ["a", 1], "item 2: 1 is not of type string"],
  [
    { type: "array", items: { type: "array", items: { type: "string", pattern: "^(a+)+$" } } },
    [["aa"]],
    [["aa"], [`${"a".repeat(40)}!`]],
    `item 2: item 1: "${"a".repeat(40)}!" does not match ^(a+)+$`,
  ],
];

const formats: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["date", ["2026-11-26", "2028-02-29"], ["2026-02-29", "2026-13-01", "26-11-2026", "2026-11-26T09:00:00Z", ""]],
  [
    "date-time",
    ["2026-11-26T09:00:00Z", "2026-11-26T09:00:00.5+01:00", "2026-12-31T23:59:60Z"],
    ["2026-11-26", "2026-11-26T25:00:00Z", "2026-11-26T09:00:00", "2026-02-30T09:00:00Z", "tomorrow"],
  ],
  ["duration", ["90s", "1h30m", "PT1H30M"], ["90", "5 minutes", "P", ""]],
  ["email", ["a@shop.example", "first.last+tag@mail.shop.example"], ["a", "@x", "a@", "a b@x.example", "a@-x.example"]],
  ["hostname", ["shop", "a-1.shop.example"], ["-a", "a_b", "a..b", "", `${"a".repeat(64)}.example`]],
  ["ipv4", ["0.0.0.0", "192.0.2.255"], ["192.0.2", "192.0.2.256", "192.0.2.1.", "01.2.3.4", "::1"]],
  [
    "ipv6",
    ["::", "::1", "2001:db8::1", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1"],
    ["1:2:3:4:5:6:7", "1::2::3", "12345::", "192.0.2.1", "::ffff:999.0.2.1", "1:2:3:4:5:6:7:8:9"],
  ],
  ["uri", ["https://shop.example/a?b=c", "mailto:a@shop.example"], ["shop.example", "/a", "https://a b", "https:"]],
  ["uuid", ["f81d4fae-7dec-11d0-a765-00a0c91e6bf6"], ["f81d4fae", "g81d4fae-7dec-11d0-a765-00a0c91e6bf6", ""]],
];

describe("a value of an input", () => {
  it.each(rows)("%j takes %j, not %j", (schema, right, wrong, problem) => {
    expect(inputProblems(right, schema)).toEqual([]);
    expect(inputProblems(wrong, schema)).toEqual([problem]);
  });

  it("is held to what can be understood of a schema that is wrong itself", () => {
    const broken = { type: "strng", enum: 3, pattern: 4, minimum: "5", items: [], format: {}, requird: true };
    expect(inputProblems(["a", 1], broken)).toEqual([]);
    expect(inputProblems("a", { ...broken, type: "integer" })).toEqual(['"a" is not of type integer']);
    expect(inputProblems(["a"], { type: "array", items: { type: "integer", mini: 1 } })).toHaveLength(1);
  });

  it.each(formats)("format %s", (format, right, wrong) => {
    const schema = { type: "string", format };
    expect(right.filter((value) => inputProblems(value, schema).length > 0)).toEqual([]);
    expect(wrong.filter((value) => inputProblems(value, schema).length === 0)).toEqual([]);
    expect(inputProblems(wrong[0], schema)[0]).toContain(`is no ${format}; write it as `);
  });
});
