import { describe, expect, test } from "vitest";
import { alwaysTests, isConstant, references, sizeTested } from "../../../src/language/cel/index.ts";

describe("references", () => {
  test.each([
    ["steps.pre_state.outputs.image", ["steps.pre_state.outputs.image"]],
    ['artifacts["backup.dump"].bytes > 0', ["artifacts.backup.dump.bytes"]],
    ["result.rows[0].table", ["result.rows"]],
    ["steps.a.outputs.list[inputs.n].x", ["steps.a.outputs.list", "inputs.n"]],
    ["result.machines.all(m, m.state == inputs.state)", ["result.machines", "inputs.state"]],
    ["list.exists(x, other.exists(y, x.id == y.id)) && x", ["list", "other", "x"]],
    ["list.map(x, x > limit, x + y)", ["list", "limit", "y"]],
    ["has(result.json.image)", ["result.json.image"]],
    ["steps.pre-state.outputs.x", ["steps.pre", "state.outputs.x"]],
    ['{"a": inputs.a, inputs.b: [c]}', ["inputs.a", "inputs.b", "c"]],
    ["a ? b : !c", ["a", "b", "c"]],
    ["1 + 2", []],
    ["not valid", []],
  ])("%s", (text, paths) => {
    expect(references(text).map(({ path }) => path.join("."))).toEqual(paths);
  });

  test("ranges cover the path and each of its parts", () => {
    const text = '  steps.backup.artifacts["a b"].path != ""';
    const [found] = references(text);
    expect(text.slice(found!.range.start, found!.range.end)).toBe('steps.backup.artifacts["a b"].path');
    expect(found!.ranges.map(({ start, end }) => text.slice(start, end))).toEqual([
      "steps",
      "backup",
      "artifacts",
      '"a b"',
      "path",
    ]);
  });
});

describe("alwaysTests", () => {
  const path = ["steps", "approve", "status"];
  test.each([
    ['steps.approve.status == "succeeded"', true],
    ['target.protected && steps.approve.status == "succeeded"', true],
    ['steps.approve.status == "skipped" || steps.approve.outputs.x == 1', true],
    ['target.protected || steps.approve.status == "succeeded"', false],
    ['steps.approve.status == "skipped" ? true : steps.approve.outputs.x', true],
    ['target.protected ? steps.approve.status == "a" : true', false],
    ['!(steps.approve.status in ["skipped"])', true],
    ["steps.approve.outputs.x == 1", false],
    ['list.all(x, steps.approve.status == "a")', false],
    ["nonsense (", false],
  ])("%s → %s", (text, expected) => {
    expect(alwaysTests(text, path)).toBe(expected);
  });
});

test.each([
  ["size(result.rows) > 0", ["result.rows"]],
  ["result.rows.size() >= 1 && size(other) == 3", ["result.rows", "other"]],
  ["0 < size(a)", ["a"]],
  ["size(a) == size(b)", ["a", "b"]],
  ["size(a) >= 0", []],
  ["a != []", ["a"]],
  ["a.exists(x, x.ok)", ["a"]],
  ["size(a.filter(x, x.ok)) > 2", ["macro:a"]],
  ["a.all(x, x.ok)", []],
])("size tests of %s", (text, keys) => {
  const found = sizeTested(text);
  for (const key of keys) expect(found).toContain(key.replace("macro:", ""));
  if (keys.length === 0) expect(found).toEqual([]);
});

test.each([
  ["true", true],
  ["1 == 1", true],
  ["result.status == result.status", true],
  ["result.status  ==  (result.status)", true],
  ["true || result.ok", true],
  ["result.ok && false", true],
  ["[1, 2].all(x, x > 0)", true],
  ['"a" in ["a"]', true],
  ["result.ok", false],
  ["result.status == 200", false],
  ["result.a == result.b", false],
  ["result.list.all(x, true)", false],
  ["broken (", false],
])("isConstant(%s) is %s", (text, expected) => {
  expect(isConstant(text)).toBe(expected);
});
