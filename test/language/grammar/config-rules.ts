import type { Rule } from "./rule.ts";

export const configRules: readonly Rule[] = (
  [
    ["apiVersion stands", "targets: { a: {} }", "", "missing-key"],
    [
      "protected is true or false",
      "targets: { a: { protected: true } }",
      "targets: { a: { protected: 1 } }",
      "wrong-type",
    ],
    ["name is not a variable", "targets: { a: { host: b } }", "targets: { a: { name: b } }", "key-not-allowed"],
    [
      "windows have hours",
      "windows: { w: { hours: 22:00-04:00, timezone: UTC } }",
      "windows: { w: { timezone: UTC } }",
      "missing-key",
    ],
    [
      "windows have days",
      "windows: { w: { days: Mon-Fri, hours: 09:00-17:00, timezone: America/Los_Angeles } }",
      "windows: { w: { days: weekdays, hours: 09:00-17:00, timezone: UTC } }",
      "bad-value",
    ],
    [
      "windows as lists of days",
      "windows: { w: { days: [Sat, Sun], hours: 09:00-24:00, timezone: UTC } }",
      "windows: { w: { days: [Saturday], hours: 09:00-17:00, timezone: UTC } }",
      "unknown-value",
    ],
    [
      "windows in a zone that exists",
      "windows: { w: { hours: 09:00-17:00, timezone: Europe/Berlin } }",
      "windows: { w: { hours: 09:00-17:00, timezone: Berlin } }",
      "bad-value",
    ],
    [
      "windows close on holidays",
      'windows: { w: { hours: 09:00-17:00, timezone: UTC, holidays: ["2026-11-26"] } }',
      'windows: { w: { hours: 09:00-17:00, timezone: UTC, holidays: ["2026-02-29"] } }',
      "bad-value",
    ],
    [
      "windows block or warn",
      "windows: { w: { hours: 09:00-17:00, timezone: UTC, mode: warn } }",
      "windows: { w: { hours: 09:00-17:00, timezone: UTC, mode: ask } }",
      "unknown-value",
    ],
    ["policy.maxRetries", "policy: { maxRetries: 5 }", "policy: { maxRetries: 0 }", "bad-value"],
    ["policy.tools", "policy: { tools: [fly] }", "policy: { tools: fly }", "wrong-type"],
    [
      "policy.reversibility names targets",
      "policy: { reversibility: { a: warn } }",
      "policy: { reversibility: { c: warn } }",
      "unknown-target",
    ],
    [
      "policy.reversibility is error or warn",
      "policy: { reversibility: { a: error } }",
      "policy: { reversibility: { a: off } }",
      "unknown-value",
    ],
    [
      "policy.noApproval names kinds",
      "policy: { noApproval: [restore-drill] }",
      "policy: { noApproval: [restore] }",
      "unknown-value",
    ],
    [
      "policy.approvers have keys",
      "policy: { approvers: { ops: [{ name: a, key: k.pub }] } }",
      "policy: { approvers: { ops: [{ name: a }] } }",
      "missing-key",
    ],
    [
      "secrets: env",
      "secrets: [{ type: env, prefix: X_, targets: [a] }]",
      "secrets: [{ type: env, dir: x }]",
      "key-not-allowed",
    ],
    [
      "secrets: file",
      "secrets: [{ type: file, dir: vault/x, targets: [a] }]",
      "secrets: [{ type: file }]",
      "missing-key",
    ],
    [
      "secrets: vault",
      'secrets: [{ type: vault, address: "https://v.example", mount: kv, path: shop, targets: [a] }]',
      "secrets: [{ type: vault, address: v.example, mount: kv, path: shop }]",
      "bad-value",
    ],
    [
      "secrets: command",
      "secrets: [{ type: command, command: [pass, show], timeout: 5s, targets: [a] }]",
      "secrets: [{ type: command, command: pass show }]",
      "wrong-type",
    ],
    ["secrets: types are four", "secrets: []", "secrets: [{ type: keychain }]", "unknown-value"],
    [
      "secrets: targets exist",
      "secrets: [{ type: env, targets: [a] }]",
      "secrets: [{ type: env, targets: [c] }]",
      "unknown-target",
    ],
    ["evidence", "evidence: { retention: 90d, artifactsDir: out }", "evidence: { retention: forever }", "bad-duration"],
    ["state is a path", "state: .runbook", "state: 1", "wrong-type"],
    ["plugins are paths", "plugins: [./plugins/acme.mjs]", "plugins: ./plugins/acme.mjs", "wrong-type"],
    ["unknown keys are refused", "plugins: []", "plugin: []", "unknown-key"],
  ] as const
).map(([rule, right, wrong, code]) => {
  const whole = (text: string) =>
    text === ""
      ? "targets: { a: {} }\n"
      : `apiVersion: runbook/v1\n${text.startsWith("targets") ? "" : "targets: { a: {}, b: {} }\n"}${text}\n`;
  return { rule, right: whole(right), wrong: whole(wrong), codes: [code] };
});
