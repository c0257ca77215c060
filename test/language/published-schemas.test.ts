import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { loadConfig } from "../../src/language/load-config.ts";
import { loadRunbook } from "../../src/language/load-runbook.ts";
import { exampleConfig, exampleRunbooks } from "../../src/language/schema/example-documents.ts";
import { publishedSchemas } from "../../src/language/schema/published.ts";
import { catalogue } from "../../src/steps/index.ts";

/** Keywords for editors, which say nothing about validity. */
const editorKeywords = [
  "markdownDescription",
  "enumDescriptions",
  "markdownEnumDescriptions",
  "patternErrorMessage",
  "errorMessage",
  "defaultSnippets",
];

const schemas = publishedSchemas(catalogue);

type Node = Readonly<Record<string, unknown>>;

/** Every schema in it with its JSON pointer; conditions ask only, so they are no part of what a person reads. */
function* nodesOf(node: unknown, pointer = ""): Generator<[string, Node]> {
  if (typeof node !== "object" || node === null) return;
  if (!Array.isArray(node)) yield [pointer, node as Node];
  for (const [key, member] of Object.entries(node)) {
    if (["if", "propertyNames", "not", "enum", "examples", "defaultSnippets"].includes(key)) continue;
    yield* nodesOf(member, `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`);
  }
}

describe("the published schemas", () => {
  it.each(Object.entries(schemas))("schemas/%s is what the catalogue gives", (name, text) => {
    const published = readFileSync(new URL(`../../schemas/${name}`, import.meta.url), "utf8");
    expect(published, "the published file is stale: write publishedSchemas(catalogue) again").toBe(text);
  });

  it.each(Object.entries(schemas))("%s is a schema in strict eyes", (_name, text) => {
    const ajv = new Ajv2020({
      strict: true,
      strictTypes: false,
      strictRequired: false,
      allowUnionTypes: true,
      validateFormats: false,
    });
    ajv.addVocabulary(editorKeywords);
    expect(() => ajv.compile(JSON.parse(text))).not.toThrow();
  });

  it.each(Object.entries(schemas))("%s never says oneOf, and describes every property", (_name, text) => {
    expect(text).not.toContain('"oneOf"');
    const bare: string[] = [];
    const visit = (node: unknown, path: string): void => {
      if (typeof node !== "object" || node === null) return;
      for (const [key, value] of Object.entries(node)) {
        const properties = key === "properties" && !/\/(then|else|if|allOf\/\d+)$/.test(path);
        if (properties) {
          for (const [name, schema] of Object.entries(value as object)) {
            if (
              typeof schema === "object" &&
              schema !== null &&
              !("markdownDescription" in schema) &&
              !("$ref" in schema)
            )
              bare.push(`${path}/${name}`);
          }
        }
        visit(value, `${path}/${key}`);
      }
    };
    visit(JSON.parse(text), "");
    expect(bare).toEqual([]);
  });

  it.each(Object.entries(schemas))(
    "%s shows an example of everything that is described, each valid at its place",
    (_name, text) => {
      const schema = JSON.parse(text) as Node & { $id: string };
      const described = [...nodesOf(schema)].filter(([, node]) => typeof node["markdownDescription"] === "string");
      expect(described.filter(([, node]) => !Array.isArray(node["examples"])).map(([pointer]) => pointer)).toEqual([]);
      expect(described.length).toBeGreaterThan(40);

      const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
      ajv.addSchema(schema);
      const listed = described.map(([pointer]) => ({
        items: { $ref: `${schema.$id}#${encodeURI(pointer)}` },
        minItems: 1,
      }));
      const validate = ajv.compile({ prefixItems: listed });
      validate(described.map(([, node]) => node["examples"]));
      const wrong = (validate.errors ?? []).map(({ instancePath, message }) => {
        const [, index, nr] = instancePath.split("/").map(Number);
        const [pointer, node] = described[index!]!;
        return `${pointer}: ${JSON.stringify((node["examples"] as unknown[])[nr!])} ${message}`;
      });
      expect(wrong).toEqual([]);
    },
  );

  it.each(Object.entries(schemas))("%s says of each value of a closed list what it means", (_name, text) => {
    const closed = [...nodesOf(JSON.parse(text))].filter(([, node]) => Array.isArray(node["enum"]));
    expect(closed.length).toBeGreaterThan(3);
    const silent = closed.filter(([, node]) =>
      ["enumDescriptions", "markdownEnumDescriptions"].some((keyword) => {
        const sentences = (node[keyword] ?? []) as readonly string[];
        return sentences.length !== (node["enum"] as unknown[]).length || sentences.includes("");
      }),
    );
    expect(silent.map(([pointer]) => pointer)).toEqual([]);
  });
});

describe("the documents the examples come from", () => {
  const { config, diagnostics } = loadConfig({ file: "runbook.config.yaml", text: stringify(exampleConfig) });

  it("are a valid project file", () => {
    expect(diagnostics).toEqual([]);
  });

  it.each(exampleRunbooks.map((runbook) => [runbook["name"], runbook]))("and a valid runbook: %s", (name, runbook) => {
    const loaded = loadRunbook({
      file: `runbooks/${name}.yaml`,
      text: stringify(runbook),
      catalogue,
      config: config!,
      readInclude: (used) => ({
        path: `runbooks/${used}.yaml`,
        text: stringify(exampleRunbooks.find((other) => other["name"] === used)),
      }),
    });
    expect(loaded.diagnostics).toEqual([]);
  });
});
