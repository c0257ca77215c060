import { header, type Rule } from "./rule.ts";

const inputs = (text: string, name = "x") =>
  `inputs: { ${name}: ${text} }\nenv: { A: "\${{ string(inputs.${name}) }}" }`;

function input(rule: string, right: string, wrong: string, ...codes: string[]): Rule {
  return header(`inputs: ${rule}`, inputs(right), inputs(wrong), ...codes);
}

export const inputRules: readonly Rule[] = [
  input("type stands", "{ type: string, default: a }", "{ default: a }", "missing-key"),
  input("type is of the list", "{ type: integer, required: true }", "{ type: int, required: true }", "unknown-value"),
  input(
    "enum holds values of the type",
    "{ type: string, enum: [a, b], required: true }",
    "{ type: string, enum: [a, 2], required: true }",
    "bad-input",
  ),
  input(
    "the default is in the enum",
    "{ type: string, enum: [a, b], default: a }",
    "{ type: string, enum: [a, b], default: c }",
    "bad-input",
  ),
  input(
    "pattern runs in linear time",
    '{ type: string, pattern: "^a+$", default: a }',
    '{ type: string, pattern: "(?=a)a", default: a }',
    "bad-input",
  ),
  input(
    "the default matches the pattern",
    '{ type: string, pattern: "^a+$", default: a }',
    '{ type: string, pattern: "^a+$", default: b }',
    "bad-input",
  ),
  input(
    "limits fit the type",
    "{ type: number, minimum: 1, maximum: 2, default: 1.5 }",
    "{ type: string, minimum: 1, default: a }",
    "bad-input",
  ),
  input(
    "limits do not contradict each other",
    "{ type: integer, minimum: 1, maximum: 2, default: 1 }",
    "{ type: integer, minimum: 2, maximum: 1, required: true }",
    "bad-input",
  ),
  input(
    "the default is within the limits",
    "{ type: integer, maximum: 2, default: 2 }",
    "{ type: integer, maximum: 2, default: 3 }",
    "bad-input",
  ),
  input(
    "minLength is a whole number",
    "{ type: string, minLength: 3, required: true }",
    "{ type: string, minLength: 1.5, required: true }",
    "wrong-type",
  ),
  input(
    "format is of the list",
    "{ type: string, format: date, required: true }",
    "{ type: string, format: iban, required: true }",
    "unknown-value",
  ),
  input("default has the type", "{ type: boolean, default: true }", "{ type: boolean, default: maybe }", "bad-input"),
  input(
    "description is a text",
    "{ type: string, default: a, description: Why }",
    "{ type: string, default: a, description: [] }",
    "wrong-type",
  ),
  input(
    "required is true or false",
    "{ type: string, required: true }",
    "{ type: string, required: always }",
    "wrong-type",
    "maybe-null",
  ),
  input(
    "what has a default is not required",
    "{ type: string, default: a, required: false }",
    "{ type: string, default: a, required: true }",
    "bad-input",
  ),
  input(
    "prompt is a text",
    "{ type: string, required: true, prompt: Which? }",
    "{ type: string, required: true, prompt: true }",
    "wrong-type",
  ),
  input(
    "sensitive is true or false",
    "{ type: string, required: true, sensitive: true }",
    '{ type: string, required: true, sensitive: "no" }',
    "wrong-type",
  ),
  input(
    "unknown keys are refused",
    "{ type: string, required: true, minLength: 3 }",
    "{ type: string, required: true, maxLength: 3 }",
    "unknown-key",
  ),
  header(
    "inputs: items is as strict",
    'inputs: { x: { type: array, items: { type: string, enum: [a] }, default: [] } }\nenv: { A: "${{ x(inputs) }}" }'.replace(
      "x(inputs)",
      "string(size(inputs.x))",
    ),
    'inputs: { x: { type: array, items: { tpye: string }, default: [] } }\nenv: { A: "${{ string(size(inputs.x)) }}" }',
    "unknown-key",
  ),
  header(
    "inputs: an optional one is null, never missing",
    inputs("{ type: string, default: a }"),
    inputs("{ type: string }"),
    "maybe-null",
  ),
  header(
    "inputs: compared with null freely",
    "inputs: { x: { type: string } }\nsteps: [{ id: a, title: A, uses: eval, if: inputs.x != null }]",
    "inputs: { x: { type: string } }\nsteps: [{ id: a, title: A, uses: eval, if: inputs.x == 3 }]",
    "maybe-null",
    "cel-type",
  ),
  header(
    "inputs: names are words of expressions",
    inputs("{ type: string, default: a }", "a_b"),
    "inputs: { a-b: { type: string } }",
    "bad-name",
    "unused-input",
  ),
];

export const targetRules: readonly Rule[] = [
  header("targets are defined in the project", "targets: [local, production]", "targets: [prod]", "unknown-target"),
  header(
    "targets may carry variables",
    'targets: { staging: { extra: 1 }, production: { extra: 2 } }\nenv: { A: "${{ target.extra }}" }',
    'targets: { staging: { extra: 1 }, production: {} }\nenv: { A: "${{ target.extra }}" }',
    "target-variable",
  ),
  header(
    "a variable has one place",
    "targets: { staging: { other: shop } }",
    "targets: { staging: { app: shop } }",
    "duplicate-variable",
  ),
  header(
    "protected stands in the project only",
    "targets: { staging: { } }",
    "targets: { staging: { protected: true } }",
    "key-not-allowed",
  ),
  header(
    "sandbox stands in the project only",
    "targets: { staging: null }",
    "targets: { staging: { sandbox: true } }",
    "key-not-allowed",
  ),
  header(
    "name and protected always exist",
    'targets: [staging, local]\nenv: { A: "${{ target.name }} ${{ target.protected }}" }',
    'targets: [staging]\nenv: { A: "${{ target.nmae }}" }',
    "unknown-reference",
  ),
  header(
    "the sandbox supplies url",
    'targets: [local, staging]\nenv: { A: "${{ target.url }}" }',
    'targets: [staging, bare]\nenv: { A: "${{ target.url }}" }',
    "target-variable",
  ),
];
