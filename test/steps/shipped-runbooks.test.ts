/** The runbooks of this project: valid, without a warning, and readable for every target they list. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packRunbook, unpackRunbook } from "../../src/cli/start/executor-request.ts";
import { loadConfig } from "../../src/language/load-config.ts";
import { loadRunbook } from "../../src/language/load-runbook.ts";
import { catalogue } from "../../src/steps/index.ts";

const root = join(import.meta.dirname, "../..");
const configFile = "runbook.config.yaml";
const files = readdirSync(join(root, "runbooks")).filter((name) => name.endsWith(".yaml"));
const config = loadConfig({ file: configFile, text: readFileSync(join(root, configFile), "utf8") });

const lines = (diagnostics: readonly { code: string; message: string }[]) =>
  diagnostics.map((each) => `${each.code}: ${each.message}`);

test("the project file is valid", () => {
  expect(lines(config.diagnostics)).toEqual([]);
  expect(Object.keys(config.config?.targets ?? {})).toEqual(["local", "local-kv", "staging", "production"]);
});

test("there are the runbooks the README names", () => {
  expect(files).toEqual(
    expect.arrayContaining([
      "deploy-production.yaml",
      "deploy-staging.yaml",
      "rollback-production.yaml",
      "smoke-tests.yaml",
    ]),
  );
});

test.each(files)("%s is valid and names its schema", (name) => {
  const text = readFileSync(join(root, "runbooks", name), "utf8");
  const loaded = loadRunbook({
    file: `runbooks/${name}`,
    text,
    catalogue,
    config: config.config ?? undefined,
    readInclude: (used) => ({
      path: `runbooks/${used}.yaml`,
      text: readFileSync(join(root, `runbooks/${used}.yaml`), "utf8"),
    }),
  });
  expect(lines(loaded.diagnostics)).toEqual([]);
  expect(`${loaded.runbook?.name}.yaml`).toBe(name);
  // The executor gets it as it was read, used runbooks once.
  if (loaded.runbook !== null) expect(unpackRunbook(packRunbook(loaded.runbook))).toEqual(loaded.runbook);
  expect(text.split("\n")[0]).toBe("# yaml-language-server: $schema=../schemas/runbook.v1.schema.json");
});

test("smoke-tests only reads, and asks everything at once", () => {
  const text = readFileSync(join(root, "runbooks/smoke-tests.yaml"), "utf8");
  const { runbook } = loadRunbook({ file: "runbooks/smoke-tests.yaml", text, catalogue });
  expect(runbook?.steps.map((step) => [step.action.kind, step.effects])).toEqual([["parallel", "read"]]);
});
