import { expect, test } from "vitest";
import { jsonDocument } from "../../src/report/json-document.ts";
import { collected } from "../../src/report/text-sink.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, at) => at);
const long = numbers(250).map((at) => ({
  at,
  none: undefined,
  empty: {},
  list: [],
  text: 'a "b"\n\u2028',
  deep: { a: [1, [2]] },
}));

test.each<[string, object]>([
  ["nothing", {}],
  ["a list of nothing", { list: [] }],
  ["short parts", { a: 1, b: "x\ny", c: null, d: undefined, e: [1, { f: [] }], g: {} }],
  ["a long list at the top", long],
  ["long lists at several depths", { a: { b: { c: long, d: 1 }, e: [long] }, f: numbers(201), g: "end" }],
  ["lists about as long as a batch", { a: numbers(99), b: numbers(100), c: numbers(101), d: numbers(200) }],
  ["holes in a long list", { list: numbers(150).map((at) => (at % 2 === 0 ? undefined : at)) }],
  ["names that are escaped", { 'a "b"': { "\n": numbers(101) } }],
])("%s: the text JSON.stringify gives", (_name, value) => {
  expect(collected(jsonDocument(value))).toBe(`${JSON.stringify(value, null, 2)}\n`);
});
