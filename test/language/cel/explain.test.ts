import { describe, expect, test } from "vitest";
import { explainCondition, UnknownValue } from "../../../src/language/cel/index.ts";

const machines = (states: string[]) => states.map((state, i) => ({ id: `m${i}`, state }));
const scope = {
  result: {
    status: 503,
    image: "shop:42",
    none: null,
    machines: machines(["started", "stopped", "started", "stopped", "stopped", "stopped"]),
    empty: [],
    stdout: "x".repeat(500),
  },
  steps: { choose: { outputs: { image: "shop:41" } }, later: new UnknownValue("later") },
  target: { protected: true },
};

describe("expected and actual", () => {
  test.each([
    ["result.status == 200", "result.status == 200", "result.status = 503"],
    ["200 == result.status", "200 == result.status", "result.status = 503"],
    [
      "result.image == steps.choose.outputs.image",
      'result.image == steps.choose.outputs.image, which is "shop:41"',
      'result.image = "shop:42"',
    ],
    ["result.status  in\n [200, 204]", "result.status in [200, 204]", "result.status = 503"],
    ["result.none == 'x'", "result.none == 'x'", "result.none = null"],
    ["target.protected && result.status == 200", "result.status == 200", "result.status = 503"],
    [
      "target.protected && result.status == 503",
      "target.protected and result.status == 503",
      "target.protected = true; result.status = 503",
    ],
    ["result.status == 200 && steps.later.ok", "result.status == 200", "result.status = 503"],
    [
      "result.status == 200 && result.image == 'a'",
      "result.status == 200 and result.image == 'a'",
      'result.status = 503; result.image = "shop:42"',
    ],
    [
      "result.status == 200 || result.image == 'a'",
      "result.status == 200 || result.image == 'a'",
      'result.status = 503; result.image = "shop:42"',
    ],
    ["!target.protected", "!target.protected", "target.protected = true"],
    ["(result.status + 1) * 2 == 3", "(result.status + 1) * 2 == 3", "(result.status + 1) * 2 = 1008"],
    ["result.image.startsWith('api')", "result.image.startsWith('api')", 'result.image = "shop:42"'],
    ["size(result.machines) == 3", "size(result.machines) == 3", "size(result.machines) = 6"],
    ["has(result.imag)", "has(result.imag)", "result has status, image, none, machines, empty, stdout"],
    [
      "target.protected ? result.status == 200 : true",
      "result.status == 200 (because target.protected)",
      "result.status = 503",
    ],
    ["target.protected", "target.protected", "target.protected = true"],
    ["result.statuss == 200", "result.statuss == 200", 'There is no key "statuss" in result. Did you mean "status"?'],
    ["steps.later.ok == 1", "steps.later.ok == 1", "steps.later.ok = known after later"],
    [
      "result.machines.filter(m, m.state == 'x')[0].id == 'a'",
      "result.machines.filter(m, m.state == 'x')[0].id == 'a'",
      "nothing matched the filter (0 of 6)",
    ],
    [
      "result.machines.exists(m, m.state == 'new')",
      "result.machines.exists(m, m.state == 'new')",
      "0 of 6 in result.machines",
    ],
    [
      "result.machines.exists_one(m, m.state == 'started')",
      "result.machines.exists_one(m, m.state == 'started')",
      "2 of 6 in result.machines",
    ],
    [
      "!result.machines.exists(m, m.state == 'stopped')",
      "!result.machines.exists(m, m.state == 'stopped')",
      "4 of 6 in result.machines",
    ],
    ["result.empty.all(m, m.ok)", "result.empty.all(m, m.ok)", "result.empty is empty (0 items)"],
    ["result.machines.all(m, m.id != '')", "result.machines.all(m, m.id != '')", "all 6 of result.machines"],
    ["1 +", "1 +", "The expression ends too early: something is missing."],
  ])("%s", (expression, expected, actual) => {
    expect(explainCondition(expression, scope)).toEqual({ expected, actual });
  });

  test("the first three failing items of all(), with their place", () => {
    expect(explainCondition('result.machines.all(m, m.id != "" && m.state == "started")', scope).actual).toBe(
      '4 of 6 in result.machines do not: [1] m.state = "stopped"; [3] m.state = "stopped"; [4] m.state = "stopped"; and 1 more',
    );
  });

  test("down into nested predicates", () => {
    const rows = {
      a: [
        { t: "x", n: 1 },
        { t: "y", n: 2 },
      ],
      b: [
        { t: "x", n: 1 },
        { t: "y", n: 3 },
      ],
    };
    expect(explainCondition("a.all(e, b.exists(o, o.t == e.t && o.n == e.n))", rows).actual).toBe(
      "1 of 2 in a do not: [1] 0 of 2 in b",
    );
  });

  test("long values are cut", () => {
    const { actual } = explainCondition('result.stdout == "y"', scope);
    expect(actual.length).toBeLessThan(300);
    expect(actual).toContain("(502 characters)");
  });
});
