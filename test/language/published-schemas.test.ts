import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { publishedSchemas } from "../../src/language/schema/published.ts";
import { editorKeywords } from "../../src/language/schema/validators.ts";
import { catalogue } from "../../src/steps/index.ts";

const schemas = publishedSchemas(catalogue);

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
    ajv.addVocabulary([...editorKeywords]);
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
});
