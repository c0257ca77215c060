/** The check of schemas says what Ajv says, of our schemas and every way to get a runbook wrong that chance finds. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { buildConfigSchema } from "../../src/language/schema/config-schema.ts";
import { buildRunbookSchema } from "../../src/language/schema/runbook-schema.ts";
import { catalogue } from "../../src/steps/index.ts";
import { isObject, type JsonSchema } from "../../src/util/json.ts";
import { type SchemaError, schemaCheck } from "../../src/util/schema-check.ts";

const root = join(import.meta.dirname, "../..");

/** Ajv as its users have it, with the keywords of ours that say nothing about validity. */
function ajvCheck(schema: JsonSchema): (value: unknown) => ErrorObject[] {
  const options = { strict: false, allErrors: true, verbose: true, strictNumbers: true, ownProperties: true };
  const validate = new Ajv2020({ ...options, meta: false, validateSchema: false, validateFormats: false }).compile(
    schema,
  );
  return (value) => (validate(value) ? [] : [...(validate.errors ?? [])]);
}

const told = ({ keyword, instancePath, params, message, data, propertyName }: SchemaError | ErrorObject) => ({
  keyword,
  instancePath,
  // Which of two equal items is meant is told otherwise.
  ...(keyword === "uniqueItems" ? {} : { params, message }),
  data,
  propertyName,
});

function expectSame(ours: readonly SchemaError[], theirs: readonly ErrorObject[]): void {
  // What only says that a part of it did not hold.
  const parts = theirs.filter(({ keyword }) => keyword !== "if" && keyword !== "propertyNames");
  expect(ours.map(told)).toEqual(parts.map(told));
}

/** A number from 0 to `below` - 1, the next of a fixed sequence (mulberry32). */
let state = 20_260_105;
function chance(below: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % below;
}

const strange = [null, true, 0, -1, 1.5, 1e9, "", "x", "${{ inputs.a }}", "90s", [], ["x", "x"], {}, { uses: "http" }];
const names = ["with", "uses", "run", "steps", "parallel", "retry", "check", "titel", "a/b~c", "constructor"];

/** Changes one place of a document in one way. */
function spoil(document: unknown): void {
  const places: [Record<string, unknown>, string][] = [];
  const visit = (node: unknown) => {
    if (typeof node !== "object" || node === null) return;
    for (const key of Object.keys(node)) {
      places.push([node as Record<string, unknown>, key]);
      visit((node as Record<string, unknown>)[key]);
    }
  };
  visit(document);
  const [node, key] = places[chance(places.length)]!;
  const name = names[chance(names.length)]!;
  const value = structuredClone(strange[chance(strange.length)]);
  const [other, otherKey] = places[chance(places.length)]!;
  const ways = [
    () => {
      if (Array.isArray(node)) node.splice(Number(key), 1);
      else delete node[key];
    },
    () => (node[key] = value),
    () => (node[key] = structuredClone(other[otherKey])),
    () => {
      if (Array.isArray(node)) node.push(value);
      else node[name] = value;
    },
  ];
  ways[chance(ways.length)]!();
}

it("knows every keyword of our schemas", () => {
  const schema = buildRunbookSchema(catalogue);
  let parts = 0;
  const visit = (part: unknown): void => {
    if (!isObject(part)) return;
    parts += 1;
    const { $defs } = schema;
    expect(() => schemaCheck({ ...part, $defs })(null)).not.toThrow();
    for (const [keyword, given] of Object.entries(part)) {
      if (["properties", "$defs"].includes(keyword)) Object.values(given as object).forEach(visit);
      else if (keyword === "allOf") (given as unknown[]).forEach(visit);
      else if (!["const", "enum", "default", "examples"].includes(keyword)) visit(given);
    }
  };
  for (const each of [schema, buildConfigSchema(), ...[...catalogue.values()].map(({ input }) => input)]) visit(each);
  expect(parts).toBeGreaterThan(1000);
});

describe("says what Ajv says", () => {
  const folder = join(root, "runbooks");
  // Ajv takes some seconds for all types; these are among the richest.
  const types = ["run", "approval", "eval", "fly/deploy", "http", "manual", "script", "sql", "wait"];
  const few = new Map([...catalogue].filter(([type]) => types.includes(type)));
  const schema = buildRunbookSchema(few);
  const ours = schemaCheck(schema);
  const runbooks = readdirSync(folder).filter((file) => file.endsWith(".yaml"));
  const texts = runbooks.map((file) => readFileSync(join(folder, file), "utf8"));
  const known = texts.filter((text) => ours(parse(text)).length === 0);
  const cases: [string, JsonSchema, string[]][] = [
    ["runbooks", schema, known],
    ["project files", buildConfigSchema(), [readFileSync(join(root, "runbook.config.yaml"), "utf8")]],
  ];
  it.each(cases)("of %s", (_name, schema, documents) => {
    const [ours, theirs] = [schemaCheck(schema), ajvCheck(schema)];
    let wrong = 0;
    for (const document of documents.map((text): unknown => parse(text))) {
      expect(ours(document)).toEqual([]);
      for (let times = Math.ceil(400 / documents.length); times > 0; times--) {
        const spoiled = structuredClone(document);
        for (let changes = 1 + chance(3); changes > 0; changes--) spoil(spoiled);
        const answer = ours(spoiled);
        expectSame(answer, theirs(spoiled));
        if (answer.length > 0) wrong += 1;
      }
    }
    expect(wrong).toBeGreaterThan(100);
    for (const odd of [null, [], {}, "", 7]) expectSame(ours(odd), theirs(odd));
  });

  it.each<[JsonSchema, unknown[]]>([
    [{ type: "integer" }, [1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "1", 2 ** 60]],
    [{ type: ["number", "null"], maximum: 3 }, [3, 4, null, "4", Number.NaN]],
    [{ minLength: 2, maxLength: 3 }, ["a", "ab", "𝒳", "𝒳𝒳𝒳", "abcd", 7]],
    [{ enum: [1, "1", null, { a: [1] }] }, [1, "1", null, true, { a: [1] }, { a: [2] }, { a: [1], b: 1 }, [1]]],
    [{ const: { a: 1, b: [{}] } }, [{ b: [{}], a: 1 }, { a: 1, b: [] }, { a: 1 }, []]],
    [{ items: false, maxItems: 1 }, [[], [1], [1, 2]]],
    [
      { uniqueItems: true },
      [
        [],
        [1, "1"],
        [
          { a: 1, b: 2 },
          { b: 2, a: 1 },
        ],
        [[1], [2], [1]],
        [null, 0, false, null],
      ],
    ],
    [{ additionalProperties: { minimum: 1 }, properties: { a: true } }, [{ a: 0 }, { b: 0 }, { b: 1 }]],
    [{ propertyNames: { maxLength: 1 }, minProperties: 1 }, [{}, { a: 1 }, { ab: 1, "a/b": 2 }]],
    [{ required: ["constructor"], not: { required: ["a"] } }, [{}, { a: 1 }, { constructor: 1 }]],
    [{ if: { type: "string" }, else: { type: "null" } }, ["a", null, 1]],
    // One comparison when no more is asked than one constant; each of these asks for more or for less.
    ...[
      { properties: { a: { const: 1 } }, required: ["a"] },
      { type: "object", properties: { a: { const: 1 } }, required: ["a"] },
      { type: "object", properties: { constructor: { const: null } }, required: ["constructor"] },
      { type: "object", properties: { a: { const: 1 } } },
      { type: "object", properties: { a: { const: 1 } }, required: ["b"] },
      { type: "object", properties: { a: { const: 1 }, b: true }, required: ["a"] },
      { type: "object", properties: { a: { const: [1] } }, required: ["a"] },
      { type: "object", properties: { a: { const: 1, type: "string" } }, required: ["a"] },
      { type: "object", properties: { a: { const: 1 } }, required: ["a"], minProperties: 2 },
    ].map((condition): [JsonSchema, unknown[]] => [
      // biome-ignore lint/suspicious/noThenProperty: the keyword is called so.
      { if: condition, then: false, else: { minimum: 2 } },
      [{ a: 1 }, { a: 2 }, { a: "1" }, { a: [1] }, { b: 1 }, { a: 1, b: 1 }, {}, { constructor: null }, [], 1, 3, null],
    ]),
    // biome-ignore lint/suspicious/noThenProperty: the keyword is called so.
    [{ if: false, then: false, else: { $ref: "#/$defs/b" }, $defs: { b: { minimum: 2 } } }, [1, 2]],
  ])("of %j", (schema, values) => {
    const [ours, theirs] = [schemaCheck(schema), ajvCheck(schema)];
    for (const value of values) expectSame(ours(value), theirs(value));
  });
});

it("names the place in the schema, beyond references", () => {
  const schema = { items: { $ref: "#/$defs/step" }, $defs: { step: { properties: { id: { type: "string" } } } } };
  const [error] = schemaCheck(schema)([{ id: 1 }]);
  expect(error).toMatchObject({ schemaPath: ["$defs", "step", "properties", "id", "type"], instancePath: "/0/id" });
});

it("matches patterns with the engine it is given", () => {
  const check = schemaCheck({ items: { pattern: "b" } }, { matcher: (pattern) => (text) => text.startsWith(pattern) });
  expect(check(["ab", "ba"]).map(({ instancePath }) => instancePath)).toEqual(["/0"]);
});

it.each<[JsonSchema, unknown, string]>([
  [{ oneOf: [] }, 1, "the keyword oneOf is not checked"],
  [{ $ref: "#/$defs/none" }, 1, "there is no schema #/$defs/none"],
  [{ properties: { a: 1 } }, { a: 1 }, "properties/a is no schema"],
])("refuses what it cannot check: %j", (schema, value, message) => {
  expect(() => schemaCheck(schema)(value)).toThrow(message);
});
