import { describe, expect, it } from "vitest";
import { loadConfig } from "../../../src/language/load-config.ts";
import { type LoadedRunbook, loadRunbook } from "../../../src/language/load-runbook.ts";
import { catalogue } from "../catalogue.ts";
import { actionRules } from "./action-rules.ts";
import { configRules } from "./config-rules.ts";
import { headerRules } from "./header-rules.ts";
import { inputRules, targetRules } from "./input-rules.ts";
import { keyRules } from "./key-rules.ts";
import { documentOf, type Rule } from "./rule.ts";

const project = `apiVersion: runbook/v1
targets:
  local: { sandbox: true, app: shop }
  bare: {}
  staging: { app: shop-staging, url: "https://staging.example" }
  production: { protected: true, app: shop, url: "https://shop.example" }
windows: { deploy: { days: Mon-Fri, hours: 09:00-17:00, timezone: America/Los_Angeles } }
policy:
  tools: [fly, echo, date, test, touch, rm, login, a]
  approvers: { ops: [{ name: a@example, key: a.pub }] }
evidence: { retention: 30d, artifactsDir: kept }
`;
const { config } = loadConfig({ file: "runbook.config.yaml", text: project });
const other = documentOf(
  'name: other\ninputs: { reason: { type: string, required: true }, count: { type: integer, default: 1 } }\nenv: { N: "${{ string(inputs.count) }}" }',
);

function load(text: string): LoadedRunbook {
  return loadRunbook({
    file: "runbooks/example.yaml",
    text,
    catalogue,
    config: config!,
    readInclude: (name) => (name === "other" ? { path: "runbooks/other.yaml", text: other } : null),
  });
}

it("the project of these tests is right", () => {
  expect(config).not.toBe(null);
  expect(load(documentOf("")).diagnostics).toEqual([]);
});

const tables: readonly (readonly [string, readonly Rule[]])[] = [
  ["header", headerRules],
  ["inputs", inputRules],
  ["targets", targetRules],
  ["actions", actionRules],
  ["keys of a step", keyRules],
];

describe.each(tables)("%s", (_name, rules) => {
  it.each(rules)("$rule", ({ right, wrong, codes }) => {
    const found = load(right);
    expect(found.diagnostics.map((d) => `${d.code}: ${d.message}`)).toEqual([]);
    expect(found.runbook).not.toBe(null);
    expect(load(wrong).diagnostics.map((d) => d.code)).toEqual(codes);
  });
});

describe("the project file", () => {
  it.each(configRules)("$rule", ({ right, wrong, codes }) => {
    const file = "runbook.config.yaml";
    expect(loadConfig({ file, text: right }).diagnostics).toEqual([]);
    const found = loadConfig({ file, text: wrong });
    expect(found.diagnostics.map((d) => d.code)).toEqual(codes);
    expect(found.config).toBe(null);
  });
});
