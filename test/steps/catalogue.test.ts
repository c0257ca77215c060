import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { catalogue } from "../../src/steps/index.ts";
import type { StepType } from "../../src/steps/step-type.ts";
import { rigHost } from "../rig/step-host.ts";

type Schema = Readonly<Record<string, unknown>>;
const types: readonly [string, StepType<unknown, unknown>][] = [...catalogue];

test("lists the step types with their effects, sorted by name", () => {
  expect(types.map(([name, type]) => `${name} ${type.effectsRequired ? "declared" : type.effects}`)).toEqual([
    "alertmanager/silence write",
    "approval read",
    "audit-log write",
    "baseline read",
    "checkpoint read",
    "dns read",
    "document read",
    "email write",
    "env-matrix read",
    "eval read",
    "file read",
    "fly/checks read",
    "fly/choose-rollback-target read",
    "fly/deploy write",
    "fly/logs read",
    "fly/machine write",
    "fly/machine-hours read",
    "fly/releases read",
    "fly/secrets read",
    "fly/secrets-deploy write",
    "fly/secrets-import write",
    "fly/secrets-restore write",
    "fly/status read",
    "fly/volumes read",
    "fly/wait-healthy read",
    "github/checks read",
    "github/deployment write",
    "github/deployment-status write",
    "github/environments read",
    "github/pending-deployments read",
    "github/review-deployments write",
    "github/secret-alerts read",
    "github/secrets read",
    "github/secrets-restore write",
    "github/secrets-set write",
    "github/usage read",
    "github/workflow write",
    "github/workflow-run read",
    "history read",
    "http read",
    "manual read",
    "mcp declared",
    "pagerduty write",
    "parity read",
    "postgres/dump read",
    "postgres/inspect read",
    "postgres/restore write",
    "prometheus read",
    "proof read",
    "rounds read",
    "run declared",
    "sample read",
    "script declared",
    "secret-scan read",
    "secrets/audit read",
    "secrets/inventory read",
    "secrets/record write",
    "slack write",
    "sql read",
    "ssh declared",
    "supabase/advisors read",
    "supabase/lint read",
    "supabase/list read",
    "supabase/migrate write",
    "supabase/plan read",
    "supabase/revert destructive",
    "tap read",
    "tcp read",
    "tls read",
    "wait read",
    "window read",
  ]);
});

describe.each(types)("%s", (name, type) => {
  test("is registered under its own name, with a link and a limit", () => {
    expect(type.type).toBe(name);
    expect(new URL(type.docs).protocol).toBe("https:");
    expect(type.summary).toMatch(/^[A-Z].*\.$/s);
    expect(type.timeoutMs).toBeGreaterThan(0);
  });

  test("has closed schemas that compile", () => {
    const ajv = new Ajv2020({
      strict: true,
      strictTypes: false,
      strictRequired: false,
      formats: { "date-time": true },
    });
    ajv.addVocabulary(["markdownEnumDescriptions", "patternErrorMessage"]);
    for (const schema of [type.input, type.result]) {
      expect(() => ajv.compile(schema)).not.toThrow();
      expect(schema).toMatchObject({ type: "object", additionalProperties: false });
    }
  });

  test("describes every property of its input and result", () => {
    expect(undescribed(type.input)).toEqual([]);
    expect(undescribed(type.result)).toEqual([]);
  });

  // That each is valid where it stands is tested with the schemas that show them.
  test("has examples that together use every property", () => {
    const used = new Set(type.examples.flatMap((example) => Object.keys(example)));
    const own = Object.entries(type.input["properties"] as Readonly<Record<string, Schema>>)
      .filter(([, schema]) => schema["examples"] === undefined)
      .map(([field]) => field);
    if (name !== "run") expect(own.filter((field) => !used.has(field))).toEqual([]);
  });

  test("names only fields it has", () => {
    const fields = Object.keys(type.input["properties"] as Schema);
    for (const path of [...type.secretFields, ...type.literalFields, ...type.fileFields]) {
      expect(fields).toContain(path.split(".")[0]);
    }
  });

  test("can say what it would do before anything is known", () => {
    const properties = Object.entries(type.input["properties"] as Readonly<Record<string, Schema>>);
    const spec = Object.fromEntries(
      properties
        .filter(([field]) => !type.literalFields.includes(field))
        .map(([field, schema]) => [field, schema["type"] === "array" ? ["‹known after x›"] : "‹known after x›"]),
    );
    const { text, argv } = type.action(spec, { target: { name: "local", protected: false } });
    expect(text.trim()).not.toBe("");
    if (argv !== null) expect(argv.every((word) => typeof word === "string")).toBe(true);
  });
});

const asking = types.filter(([, type]) => type.person !== null);

test("the types that ask a person are known", () => {
  expect(asking.map(([name]) => name)).toEqual(["approval", "checkpoint", "manual"]);
});

test.each(asking)("%s is asked by the engine, never run", async (name, type) => {
  await expect(type.run({}, rigHost())).rejects.toThrow("asked by the engine");
  expect(type.person).toBe(name);
});

function undescribed(schema: Schema, at = ""): string[] {
  const properties = (schema["properties"] ?? {}) as Readonly<Record<string, Schema>>;
  return Object.entries(properties).flatMap(([name, property]) => {
    const path = at === "" ? name : `${at}.${name}`;
    const items = (property["items"] ?? {}) as Schema;
    const own = typeof property["description"] === "string" || property["type"] === "object" ? [] : [path];
    return [...own, ...undescribed(property, path), ...undescribed(items, `${path}[]`)];
  });
}
