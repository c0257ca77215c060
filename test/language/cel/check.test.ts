import { describe, expect, test } from "vitest";
import { type CheckOptions, checkExpression } from "../../../src/language/cel/index.ts";

const text = { type: "string" };
const whole = { type: "integer" };
const status = { type: "string", enum: ["pending", "running", "succeeded", "failed", "skipped"] };
const closed = (properties: object) => ({ type: "object", properties });

const machine = closed({ id: text, state: text, version: whole });
const variables: CheckOptions["variables"] = {
  inputs: closed({
    reason: text,
    release: { type: ["string", "null"] },
    n: { type: ["integer", "null"] },
    count: whole,
    ratio: { type: "number" },
    flags: { type: ["array", "null"], items: text },
    kind: { enum: ["blue", "green"] },
  }),
  target: closed({ name: text, protected: { type: "boolean" }, app: text }),
  steps: closed({
    pre_state: closed({
      status,
      outputs: closed({ image: text, version: whole }),
      startedAt: { type: "string", format: "date-time" },
      finishedAt: { type: "string", format: "date-time" },
    }),
    approve: closed({ status, outputs: closed({ by: { type: ["string", "null"] } }) }),
    confirm: closed({ status, steps: closed({ version: closed({ outputs: closed({ image: text }) }) }) }),
  }),
  result: closed({
    status: whole,
    image: text,
    json: {},
    machines: { type: "array", items: machine },
    headers: { type: "object", additionalProperties: text },
    p95Ms: { type: "number" },
    stdout: text,
    takenAt: { type: "string", format: "date-time" },
    next: { type: ["object", "null"], properties: { at: text } },
  }),
  artifacts: { type: "object", additionalProperties: closed({ bytes: whole, path: text }) },
};

function check(expression: string, options: Partial<CheckOptions> = {}) {
  return checkExpression(expression, { variables, expects: "any", ...options });
}
function found(expression: string, options: Partial<CheckOptions> = {}) {
  return check(expression, options).problems.map(({ code, message, range, hint }) => ({
    code,
    message,
    at: expression.slice(range.start, range.end),
    hint,
  }));
}

describe("unknown names", () => {
  test.each([
    ["result.statuss == 200", "statuss", 'no "statuss" in result.', 'Did you mean "status"?'],
    ['inputs.reson == ""', "reson", 'no input "reson".', 'Did you mean "reason"?'],
    ['steps.confrim.status == "failed"', "confrim", 'no step "confrim".', 'Did you mean "confirm"?'],
    [
      "steps.confirm.steps.version.outputs.imgae",
      "imgae",
      'no output "imgae" in steps.confirm.steps.version.outputs.',
      'Did you mean "image"?',
    ],
    ["steps.confirm.steps.health.outputs.x", "health", 'no step "health".', "There is: version."],
    ["reslt.status == 1", "reslt", 'There is no "reslt" here.', 'Did you mean "result"?'],
    ["result.machines.all(m, m.sate == 1)", "sate", 'no "sate" in m.', 'Did you mean "state"?'],
    ["result.machines[0].sate", "sate", 'no "sate" in result.machines[0].', 'Did you mean "state"?'],
    ['result["statuss"] == 1', '"statuss"', 'no "statuss" in result.', 'Did you mean "status"?'],
    [
      "result.machines.filter(m, m.id != '')[0].sate",
      "sate",
      `no "sate" in result.machines.filter(m, m.id != '')[0].`,
      'Did you mean "state"?',
    ],
    [
      'steps.pre-state.outputs.image == ""',
      "steps.pre-state",
      'no step "pre". In an expression "-" means minus; the step is called "pre_state".',
      undefined,
    ],
    ["has(result.statuss)", "statuss", 'no "statuss" in result.', 'Did you mean "status"?'],
    ['inputs.Reason == ""', "Reason", 'no input "Reason".', 'Did you mean "reason"?'],
  ])("%s", (expression, at, message, hint) => {
    expect(found(expression)).toEqual([{ code: "unknown-reference", at, message, hint }]);
  });

  test("one mistake is one problem, two mistakes are two", () => {
    expect(found('result.statuss + 1 == 2 && result.imag.startsWith("a")').map(({ at }) => at)).toEqual([
      "statuss",
      "imag",
    ]);
  });

  test.each([
    "result.json.anything.at[0].all == 3",
    'result.headers["x-y"] == "a"',
    'result.headers.etag == "a"',
    'artifacts["a.txt"].bytes > 0',
  ])("what has no closed schema is not checked: %s", (expression) => expect(found(expression)).toEqual([]));

  test("a real minus stays one", () => {
    expect(found("inputs.count-steps.pre_state.outputs.version")).toEqual([]);
    expect(found("inputs.count - nothing").map(({ at }) => at)).toEqual(["nothing"]);
  });
});

describe("wrong types", () => {
  test.each([
    ['result.status == "200"', "A whole number and a string are never equal.", "Leave out the quotes: 200."],
    [
      "result.image == 200",
      "A string and a whole number are never equal.",
      "Write int(result.image) or double(result.image).",
    ],
    ['"v" + result.status', '"+" does not work between a string and a whole number.', "Write string(result.status)."],
    [
      "result.status < result.image",
      '"<" does not work between a whole number and a string.',
      "Write int(result.image) or double(result.image).",
    ],
    ["result.machines < 3", '"<" does not work between a list and a whole number.', undefined],
    ["!result.image", "! needs a boolean; this is a string.", 'Compare it, as in x == "yes".'],
    ["result.status && true", "&& needs a boolean; this is a whole number.", undefined],
    [
      "result.machines.id == ''",
      'result.machines is a list: there is no "id" in it.',
      "Take one item, as in result.machines[0].id, or use all(), exists(), filter().",
    ],
    ["result.status.code", 'result.status is a whole number: there is no "code" in it.', undefined],
    [
      "result.machines['a']",
      'result.machines is a list: there is no "a" in it.',
      "Take one item, as in result.machines[0].a, or use all(), exists(), filter().",
    ],
    ["result.machines[inputs.reason]", "A list is indexed by a whole number, not by a string.", undefined],
    ["result.status.all(x, x)", "all() needs a list or a map; this is a whole number.", undefined],
    ["result.machines.all(m, m.id)", "all() needs a boolean; this is a string.", 'Compare it, as in x == "yes".'],
    [
      "result.image in 'abc'",
      '"in" needs a list or a map; this is a string.',
      "For a part of a text write 'abc'.contains(…).",
    ],
    ["result.status in ['200']", "A whole number is never in a list of which each is a string.", undefined],
    [
      "result.p95Ms / 2",
      "Whether this cuts off the fraction depends on the value: result.p95Ms may be whole or not.",
      "Write double(result.p95Ms).",
    ],
    ["result.status + 1.5", '"+" does not mix whole numbers and others.', "Write double(result.status)."],
    ["result.p95Ms % 2", '"%" works between whole numbers only.', "Write int(…) around the other."],
    ['semver(result.stdout) > "1.2.0"', '">" does not work between a version and a string.', 'Write semver("1.2.0").'],
    [
      'result.takenAt - steps.pre_state.startedAt < "24h"',
      '"<" does not work between a duration and a string.',
      'Write duration("24h").',
    ],
    ['result.takenAt - "24h"', '"-" does not work between a timestamp and a string.', 'Write duration("24h").'],
    [
      'result.takenAt < "2026-01-01T00:00:00Z"',
      '"<" does not work between a timestamp and a string.',
      'Write timestamp("2026-01-01T00:00:00Z").',
    ],
    ["-result.image", '"-" needs a number; this is a string.', undefined],
    [
      "target.protected ? 1 : 'x'",
      "The two values are of different kinds: a whole number and a string.",
      "Bring them to one, as with string(…).",
    ],
    ["{1: 2}", "A key of a map is a string, not a whole number.", undefined],
    [
      "size(result.status)",
      "size() does not take a whole number.",
      "It is size(string) or size(list) or size(object).",
    ],
    [
      "result.image.startsWith(1)",
      "startsWith() on a string does not take a whole number.",
      "It is startsWith(string) on string.",
    ],
    ["result.image.length()", "There is no method length().", "Write size(x)."],
    ["lenght(result.image)", "There is no function lenght().", "Write size(x)."],
    ["shout(result.image)", "There is no function shout().", "docs/reference/expressions.md lists them all."],
    ["startsWith(result.image, 'a')", "startsWith() is a method.", "Write result.image.startsWith(…)."],
    ["result.stdout.json()", "json() is a function.", "Write json(result.stdout)."],
    ["result.stdout.lowerAsci() == ''", "There is no method lowerAsci().", "Did you mean lowerAscii()?"],
    ['duration("90d")', '"90d" is not a duration.', 'There are no days in durations: write duration("2160h").'],
    ['duration("soon")', '"soon" is not a duration.', 'Write hours, minutes and seconds, as in duration("1h30m").'],
    ['timestamp("yesterday")', '"yesterday" is not a timestamp (RFC 3339, years 1 to 9999).', undefined],
    ['semver("1.2")', '"1.2" is not a version (SemVer).', undefined],
  ])("%s", (expression, message, hint) => {
    const problems = found(expression).filter(({ code }) => code === "cel-type" || code === "unknown-function");
    expect(problems.map((problem) => [problem.message, problem.hint])).toEqual([[message, hint]]);
  });

  test.each([
    ["(?=a)", "look-ahead and look-behind do not exist here"],
    ["(a)\\\\1", "back references do not exist here"],
    ["(", "missing closing )"],
  ])("the pattern %s", (pattern, reason) => {
    const [problem] = found(`result.stdout.matches("${pattern}")`);
    expect(problem).toMatchObject({ code: "cel-regex", at: `"${pattern}"` });
    expect(problem!.message).toContain(reason);
  });

  test.each([
    ['steps.pre_state.status == "succeded"', '"succeded"', 'Did you mean "succeeded"?'],
    ['inputs.kind in ["blue", "red"]', '"red"', "It is one of: blue, green."],
  ])("a value outside the closed list: %s", (expression, at, hint) => {
    expect(found(expression)).toMatchObject([{ code: "impossible-value", at, hint }]);
  });
});

describe("values that may be null", () => {
  test.each([
    "inputs.release != null",
    "null == inputs.release",
    'inputs.release != null && inputs.release.startsWith("v")',
    'inputs.release == null || inputs.release.startsWith("v")',
    "inputs.n != null ? inputs.n > 3 : true",
    "inputs.n == null ? true : inputs.n > 3",
    "!(inputs.n == null) && inputs.n > 3",
    "!(inputs.n == null || inputs.release == null) && inputs.n > size(inputs.release)",
    "inputs.n != null && result.machines.all(m, m.version > inputs.n)",
    'inputs.flags != null && inputs.flags.exists(f, f == "x")',
    'steps.approve.status == "succeeded" && steps.approve.outputs.by != "" ',
    'steps.approve.status != "skipped" && steps.approve.outputs.by.startsWith("a")',
    'steps.approve.status in ["succeeded", "failed"] && steps.approve.outputs.by.startsWith("a")',
    'result.next != null && result.next.at == "x"',
    "dyn(inputs.n) == null",
  ])("understood: %s", (expression) => {
    expect(found(expression, { expects: "boolean" })).toEqual([]);
  });

  test.each([
    ["inputs.n > 3", "inputs.n"],
    ['inputs.release == "41"', "inputs.release"],
    ["inputs.n != null || inputs.n > 3", "inputs.n"],
    ["inputs.n > 3 && inputs.n != null", "inputs.n"],
    ["inputs.release != null ? true : inputs.release == 'a'", "inputs.release"],
    ['steps.approve.status == "skipped" && steps.approve.outputs.by == "x"', "steps.approve.outputs.by"],
    ["inputs.flags.all(f, f != '')", "inputs.flags"],
    ["result.next.at == 'x'", "result.next"],
    ["size(inputs.release) > 1", "inputs.release"],
    ["inputs.n != null && result.machines.all(inputs, inputs.version > 1) && inputs.release > 'a'", "inputs.release"],
  ])("flagged: %s", (expression, at) => {
    expect(found(expression, { expects: "boolean" })).toMatchObject([{ code: "maybe-null", at }]);
  });

  test("the if of the step counts", () => {
    expect(found("inputs.n > 3", { assuming: ["inputs.n != null"] })).toEqual([]);
    expect(found("inputs.n > 3", { assuming: ["target.protected"] })).toHaveLength(1);
  });

  test("a whole value may be null where null leaves the field out", () => {
    expect(found("inputs.release", { nullAllowed: true })).toEqual([]);
    expect(found("inputs.release", { nullAllowed: false })).toMatchObject([{ code: "maybe-null" }]);
    expect(found("target.protected ? inputs.release : null", { nullAllowed: true, expects: "string" })).toEqual([]);
  });
});

describe("vacuous all()", () => {
  const all = 'result.machines.all(m, m.state == "started")';
  test.each([
    [all, 1],
    [`size(result.machines) > 0 && ${all}`, 0],
    [`${all} && size(result.machines) == 3`, 0],
    [`size(result.machines) >= 0 && ${all}`, 1],
    ["size(result.machines) > 0 && result.machines.map(m, m.id).all(i, i != '')", 0],
    ["size(result.machines) > 0 && result.machines.filter(m, m.id != '').all(m, m.id != '')", 1],
    ["result.machines.all(m, size(m.id) > 0)", 1],
    [`size(result.json.other) > 0 && ${all}`, 1],
    [`result.machines.exists(m, m.id != "") && ${all}`, 0],
    [`result.machines != [] && ${all}`, 0],
    ['["a", "b"].all(x, x in result.headers)', 0],
  ])("%s", (expression, count) => {
    const problems = check(expression, { verification: true, expects: "boolean" }).problems;
    expect(problems.map(({ code, severity }) => [code, severity])).toEqual(
      Array(count).fill(["vacuous-all", "warning"]),
    );
    expect(check(expression).problems).toEqual([]);
  });

  test("a size test in another item of the same verify counts", () => {
    const options = { verification: true, beside: ["size(result.machines) > 0"] };
    expect(found(all, options)).toEqual([]);
    expect(found(all, { ...options, beside: ["result.status == 200"] })).toMatchObject([
      { code: "vacuous-all", hint: "Add size(result.machines) > 0." },
    ]);
  });
});

describe("the required result", () => {
  test.each([
    ["result.status == 200", "boolean", undefined],
    ["result.status", "boolean", "Compare it with something: ==, !=, <, >."],
    ["result.machines", "boolean", "Write size(result.machines) > 0, or all()/exists() over it."],
    ["result.json.ok", "boolean", undefined],
    ["result.status", "string", "Write string(result.status)."],
    ["result.p95Ms", "integer", "Write int(result.p95Ms)."],
    ["result.status", "number", undefined],
    ["result.machines", "array", undefined],
    ["result.headers", "object", undefined],
    ["steps.pre_state.finishedAt - steps.pre_state.startedAt", "duration", undefined],
    ['"5m"', "duration", 'Write duration("5m").'],
    ["result.takenAt", "timestamp", undefined],
    ["result.stdout", "timestamp", "Write timestamp(result.stdout)."],
  ] as const)("%s as %s", (expression, expects, hint) => {
    const problems = found(expression, { expects });
    expect(problems.map((problem) => problem.hint)).toEqual(hint === undefined ? [] : [hint]);
  });
});

describe("the type found", () => {
  test.each([
    ["result.status + 1", { type: "integer" }],
    ["result.p95Ms * 2", { type: "number" }],
    ["result.json.x", {}],
    ["result.machines", { type: "array", items: machine }],
    ["result.machines.map(m, m.id)", { type: "array", items: text }],
    ["result.machines.filter(m, m.id == '')[0].version", whole],
    ["inputs.release", { type: ["string", "null"] }],
    ["target.protected ? inputs.release : null", { type: ["string", "null"] }],
    ["target.protected ? 1 : 2.5", { type: "number" }],
    ["result.takenAt - steps.pre_state.startedAt", { type: "string", format: "duration" }],
    ["result.takenAt + duration('1h')", { type: "string", format: "date-time" }],
    ["lines(result.stdout)", { type: "array", items: text }],
    ["csv(result.stdout)[0]", { type: "object", additionalProperties: text }],
    [
      '{"a": result.status, "b": [inputs.release]}',
      { type: "object", properties: { a: whole, b: { type: "array", items: { type: ["string", "null"] } } } },
    ],
    ["inputs.count == 1", { type: "boolean" }],
    ["null", { type: "null" }],
  ])("%s", (expression, schema) => {
    const result = check(expression, { nullAllowed: true });
    expect(result.problems).toEqual([]);
    expect(result.type).toEqual(schema);
  });

  test("it can be a variable of the next expression", () => {
    const first = check('diff(result.machines, result.machines, "id")');
    const next = checkExpression("d.all(x, x.change == 'added' && x.after.stat == '')", {
      variables: { d: first.type },
      expects: "boolean",
    });
    expect(next.problems.map(({ code, message }) => [code, message])).toEqual([
      ["maybe-null", "x.after may be null here."],
      ["unknown-reference", 'no "stat" in x.after.'],
    ]);
  });
});

test("a thousand steps cost nothing when the expression mentions one", () => {
  const steps = Object.fromEntries(
    Array.from({ length: 1000 }, (_, i) => [`s${i}`, closed({ outputs: closed({ x: whole }) })]),
  );
  const big = { steps: closed(steps) };
  expect(checkExpression("steps.s7.outputs.x == 1", { variables: big, expects: "boolean" }).problems).toEqual([]);
  expect(checkExpression("steps.s70000.outputs.x", { variables: big, expects: "any" }).problems).toHaveLength(1);
});
