import { describe, expect, test } from "vitest";
import {
  CelDuration,
  evaluateExpression,
  explainCondition,
  toJson,
  UnknownValue,
} from "../../../src/language/cel/index.ts";
import { resolveTemplate } from "../../../src/language/template.ts";

const scope = {
  result: {
    status: 503,
    p95Ms: 5,
    load: 2.5,
    json: { image: "shop:41", nothing: null },
    machines: [
      { id: "m1", state: "started" },
      { id: "m2", state: "stopped" },
    ],
    releases: Array.from({ length: 12 }, (_, i) => ({ Version: 12 - i, Status: "failed" })),
  },
  inputs: { n: 3, reason: "bad deploy", big: 12345678901234567890n, none: null },
  steps: {
    a: {
      startedAt: new Date("2026-01-01T00:00:00Z"),
      finishedAt: new Date("2026-01-01T00:01:30.500Z"),
      status: "succeeded",
    },
    b: { outputs: { takenAt: "2025-12-31T23:00:00Z", ids: ["x", "y"] } },
    later: new UnknownValue("later"),
  },
  target: { protected: true },
};

function value(expression: string, values: Record<string, unknown> = scope): unknown {
  const result = evaluateExpression(expression, values);
  if (result.kind !== "value") throw new Error(`${expression}: ${JSON.stringify(result)}`);
  return result.value;
}

describe("values", () => {
  test.each([
    ["result.status == 200", false],
    ["inputs.n + 1", 4],
    ["5 / 2", 2],
    ["result.load * 2", 5],
    ["result.p95Ms < 5.5", true],
    ["double(result.p95Ms) / 2", 2.5],
    ["[1.0][0] / 2", 0.5],
    ["size(result.machines) == 2", true],
    ["result.machines[1].id", "m2"],
    ["result.machines[size(result.machines) - 1].id", "m2"],
    ["result.machines.map(m, m.id)", ["m1", "m2"]],
    ['result.machines.exists_one(m, m.state == "stopped")', true],
    ['result["json"]["image"]', "shop:41"],
    ["result.json.nothing", null],
    ["has(result.json.nothing)", true],
    ["has(result.json.missing)", false],
    ["inputs.none == null", true],
    ["inputs.none != null && inputs.none > 3", false],
    ['"image" in result.json', true],
    ["result.json", { image: "shop:41", nothing: null }],
    ['{"a": [1, 2.0, inputs.n]}', { a: [1, 2, 3] }],
    ['string(inputs.n) + "!"', "3!"],
    ["inputs.big == 12345678901234567", false],
    ["string(inputs.big)", "12345678901234567890"],
    ['steps.a.startedAt > timestamp("2025-12-31T00:00:00Z")', true],
    ['steps.a.finishedAt - steps.a.startedAt < duration("2m")', true],
    ['steps.a.startedAt - steps.b.outputs.takenAt == duration("1h")', true],
    ["steps.b.outputs.takenAt < steps.a.startedAt", true],
    ['steps.b.outputs.takenAt + duration("1h") == steps.a.startedAt', true],
    ["timestamp(steps.b.outputs.takenAt).getHours()", 23],
  ])("%s", (expression, expected) => {
    expect(value(expression)).toEqual(expected);
  });

  test("digits beyond 2^53 stay", () => {
    expect(value("inputs.big")).toBe(12345678901234567890n);
    expect(value("[inputs.big]")).toEqual([12345678901234567890n]);
    expect(value('json("{\\"id\\": 9007199254740993, \\"s\\": \\"9007199254740993\\", \\"n\\": 1.5}")')).toEqual({
      id: 9007199254740993n,
      s: "9007199254740993",
      n: 1.5,
    });
    expect(value("9007199254740992 + 1")).toBe(9007199254740993n);
    expect(value("9007199254740990 + 1")).toBe(9007199254740991);
    expect(toJson(value("9007199254740992 + 1"))).toBe("9007199254740993");
  });

  test("times out of an expression, and as JSON", () => {
    const duration = value("steps.a.finishedAt - steps.a.startedAt");
    expect(duration).toBeInstanceOf(CelDuration);
    expect((duration as CelDuration).durationMs).toBe(90_500);
    const both = value(
      '{"at": steps.a.startedAt, "took": steps.a.finishedAt - steps.a.startedAt, "v": semver("v1.2.3")}',
    );
    expect(toJson(both)).toEqual({ at: "2026-01-01T00:00:00Z", took: "90.5s", v: "v1.2.3" });
    expect(JSON.stringify(toJson(value("duration('-1ms')")))).toBe('"-0.001s"');
  });

  test("the data is not touched", () => {
    const before = JSON.stringify(scope.result);
    value('result.machines.map(m, {"m": m})');
    expect(JSON.stringify(scope.result)).toBe(before);
  });
});

describe("errors", () => {
  test.each([
    ["result.statuss", "no-such-key", 'There is no key "statuss" in result. Did you mean "status"?'],
    ['result.json["imag"]', "no-such-key", 'There is no key "imag" in result.json. Did you mean "image"?'],
    ["nope.x", "unknown-reference", 'There is no "nope" here. There is: result, inputs, steps, target.'],
    ["inputs.none.x", "cel-type", 'inputs.none is null: there is no "x" in it.'],
    ["result.status.x", "cel-type", 'result.status is a whole number: there is no "x" in it.'],
    ["inputs.reason > 3", "cel-type", '">" does not work between a string and a whole number.'],
    ["result.machines[2]", "index-out-of-range", "There is no item 2: the list has 2 items, counted from 0."],
    ["[][0]", "index-out-of-range", "There is no item 0: the list is empty."],
    [
      'result.releases.filter(r, r.Status == "complete")[0].Version',
      "empty-selection",
      "nothing matched the filter (0 of 12)",
    ],
    [
      "result.releases.filter(r, r.Version > 10)[5]",
      "empty-selection",
      "the filter matched 2 of 12; there is no item 5 (they count from 0)",
    ],
    ['result.machines.map(m, m.state == "x", m.id)[0]', "empty-selection", "nothing matched the filter (0 of 2)"],
    ["1 / 0", "division-by-zero", "1 / 0: division by zero."],
    ["9223372036854775807 + 1", "overflow", "The result does not fit in 64 bits."],
    ["target.protected && inputs.reason", "cel-type", '"&&" needs a boolean, not a string.'],
    ['int("x")', "bad-value", 'int(): "x" is not a whole number.'],
    [
      'inputs.reason.matches("(?=x)")',
      "bad-value",
      '"(?=x)" is not a regular expression: look-ahead and look-behind do not exist here.',
    ],
    ["nothing()", "unknown-function", "There is no function nothing()."],
    ["1 +", "cel-syntax", "The expression ends too early: something is missing."],
  ])("%s", (expression, code, message) => {
    expect(evaluateExpression(expression, scope)).toMatchObject({ kind: "error", code, message });
  });

  test("a position is given", () => {
    const expression = "inputs.n > 1 && result.statuss == 1";
    const result = evaluateExpression(expression, scope);
    if (result.kind !== "error") throw new Error("no error");
    expect(expression.slice(result.range!.start, result.range!.end)).toBe("result.statuss");
  });

  test.each(["__proto__", "constructor", "toString", "hasOwnProperty", "length"])("%s is not inherited", (name) => {
    for (const expression of [
      `result.${name}`,
      `result["${name}"]`,
      `result.machines.${name}`,
      `inputs.reason.${name}`,
    ]) {
      expect(evaluateExpression(expression, scope).kind).toBe("error");
    }
    expect(value(`has(result.${name})`)).toBe(false);
    expect(value(`"${name}" in result`)).toBe(false);
    expect(evaluateExpression(name, scope).kind).toBe("error");
  });

  test("an own key named __proto__ is data", () => {
    const data = { m: JSON.parse('{"__proto__": {"polluted": true}}') as unknown };
    expect(value("m.__proto__.polluted", data)).toBe(true);
    const copy = value('{"__proto__": {"polluted": true}}', {}) as object;
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect(Object.hasOwn(copy, "__proto__")).toBe(true);
  });

  test("what is not data is refused", () => {
    expect(evaluateExpression("f", { f: () => 1 })).toMatchObject({ kind: "error", code: "cel-type" });
    expect(
      evaluateExpression("x.y", {
        x: new (class Secret {
          y = 1;
        })(),
      }),
    ).toMatchObject({ kind: "error" });
    expect(evaluateExpression("x", { x: undefined })).toMatchObject({ kind: "error", code: "unknown-reference" });
  });
});

describe("unknowns", () => {
  test.each([
    ["steps.later.outputs.x == 1", ["later"]],
    ["steps.later.outputs.x.y.z", ["later"]],
    ["steps.later.outputs.list[0]", ["later"]],
    ["steps.later.outputs.x + 1 > inputs.later", ["later", "inputs.later"]],
    ["true && steps.later.ok", ["later"]],
    ["steps.later.ok || false", ["later"]],
    ["steps.later.ok ? 1 : 2", ["later"]],
    ["!steps.later.ok", ["later"]],
    ["has(steps.later.x)", ["later"]],
    ["steps.later.list.all(x, x)", ["later"]],
    ["[1, 2].exists(x, x == steps.later.n)", ["later"]],
    ["[1].map(x, steps.later.n)", ["later"]],
    ["[1, 2].filter(x, x > steps.later.n)", ["later"]],
    ["size(steps.later.text)", ["later"]],
    ['{"a": steps.later.x}', ["later"]],
    ["steps", ["later"]],
    ["steps == {}", "value"],
    ["nested == [1, 2]", ["deep"]],
    ["3 in nested", ["deep"]],
    ["1 in nested", "value"],
    ["percentile(nested, 50)", ["deep"]],
    ["1 / 0 == 1 && steps.later.ok", ["later"]],
    ["steps.later.ok + nope", "error"],
    ["false && steps.later.ok", "value"],
    ["steps.later.ok && false", "value"],
    ["true || steps.later.ok", "value"],
    ["steps.later.ok || true", "value"],
    ["false ? steps.later.x : 1", "value"],
    ["[1, 2].exists(x, x == 1 || x == steps.later.n)", "value"],
    ["[1, 2].all(x, x > 1 && steps.later.ok)", "value"],
    ["size(nested)", "value"],
  ])("%s", (expression, expected) => {
    const result = evaluateExpression(expression, {
      ...scope,
      inputs: { later: new UnknownValue("inputs.later") },
      nested: [1, new UnknownValue("deep")],
    });
    if (typeof expected === "string") expect(result.kind).toBe(expected);
    else expect(result).toEqual({ kind: "unknown", from: expected });
  });
});

/** Processor time since a mark: other processes on the machine do not count. */
function cpuMs(mark: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(mark);
  return (user + system) / 1000;
}

describe("bounds", () => {
  const numbers = (count: number, sign: number) => Array.from({ length: count }, (_, i) => sign * (i + 1));

  test("10,000 × 10,000 exists() ends with cel-limit within a second", () => {
    const values = { a: numbers(10_000, 1), b: numbers(10_000, -1) };
    const timesMs = [1, 2, 3].map(() => {
      const mark = process.cpuUsage();
      const result = evaluateExpression("a.exists(x, b.exists(y, x == y))", values);
      expect(result).toMatchObject({ kind: "error", code: "cel-limit" });
      return cpuMs(mark);
    });
    // The first run also compiles; a busy machine may slow down any one of them.
    expect(Math.min(...timesMs)).toBeLessThan(1000);
  });

  test("a limit is not absorbed by && and all()", () => {
    const values = { a: numbers(1000, 1) };
    const run = (text: string) => evaluateExpression(text, values, { maxSteps: 5000 });
    expect(run("a.exists(x, a.exists(y, x == -y)) && false")).toMatchObject({ code: "cel-limit" });
    expect(run("a.all(x, a.all(y, x != -y)) || true")).toMatchObject({ code: "cel-limit" });
    expect(run("a.all(x, x > 0)")).toMatchObject({ kind: "value", value: true });
  });

  test("comparing tables of 1,000 rows stays inside the limit", () => {
    const rows = Array.from({ length: 1000 }, (_, i) => ({ table: `t${i}`, rows: i, checksum: `c${i}`, rls: true }));
    const text =
      "a.all(e, b.exists(x, x.table == e.table && x.rows == e.rows && x.checksum == e.checksum && x.rls == e.rls))";
    expect(value(text, { a: rows, b: structuredClone(rows) })).toBe(true);
  });

  test.each([
    ["a long text matched often", "list.all(x, text.matches('^(a+)+$'))"],
    ["a long text searched often", "list.all(x, !text.contains('b'))"],
    ["a long text split often", "list.all(x, size(text.split('a')) > 1)"],
    ["a long text parsed often", "list.all(x, size(lines(text)) == 1)"],
    ["long lists compared often", "list.all(x, list == copy)"],
    ["long lists searched often", "list.all(x, -1 in list)"],
    ["a text doubled on and on", "list.map(x, text + text + text + text)"],
  ])("%s", (_what, expression) => {
    const values = { text: "a".repeat(200_000), list: numbers(20_000, 1), copy: numbers(20_000, 1) };
    const mark = process.cpuUsage();
    const result = evaluateExpression(expression, values);
    expect(result.kind === "error" ? result.code : result.kind).toMatch(/cel-limit|value/);
    expect(cpuMs(mark)).toBeLessThan(5000);
  });

  test("a catastrophic pattern is linear here", () => {
    expect(value(`"${"a".repeat(2000)}!".matches("^(a+)+$")`)).toBe(false);
  });

  test.each([400, 600, 2500, 5000, 100_000])("data nested %i deep does not crash", (depth) => {
    let deep: unknown = 1;
    for (let i = 0; i < depth; i++) deep = [deep];
    const limited = { kind: "error", code: "cel-limit" };
    expect(evaluateExpression("x == y", { x: [deep], y: [deep] }).kind).toMatch(/value|error/);
    expect(evaluateExpression("x", { x: deep })).toMatchObject(depth > 500 ? limited : { kind: "value" });
    expect(evaluateExpression("size(x)", { x: deep })).toEqual({ kind: "value", value: 1 });
    expect(explainCondition("x == 1", { x: deep }).actual).not.toBe("");
    const filled = resolveTemplate("x ${{ x }}", (text) => evaluateExpression(text, { x: deep }));
    expect(filled).toMatchObject(depth > 500 ? limited : { kind: "value" });
  });
});
