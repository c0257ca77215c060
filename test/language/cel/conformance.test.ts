import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { evaluateExpression, toJson } from "../../../src/language/cel/index.ts";

interface Case {
  readonly id: string;
  readonly expr: string;
  readonly bindings?: Record<string, unknown>;
  readonly value?: unknown;
  readonly error?: true;
}

const folder = new URL("../../fixtures/cel-conformance/", import.meta.url);
const cases = readdirSync(folder)
  .sort()
  .flatMap((name) => (JSON.parse(readFileSync(new URL(name, folder), "utf8")) as { cases: Case[] }).cases);

const page = readFileSync(new URL("../../../docs/reference/expressions-conformance.md", import.meta.url), "utf8");
/** First column of the table of differences: `id`. */
const documented = [...page.matchAll(/^\| `([\w/]+-\d+)` \|/gm)].map((match) => match[1]!);

function conforms({ expr, bindings = {}, value, error }: Case): boolean {
  const result = evaluateExpression(expr, bindings);
  if (error === true) return result.kind === "error";
  return result.kind === "value" && JSON.stringify(toJson(result.value)) === JSON.stringify(value);
}

describe("conformance with CEL", () => {
  test("there is a slice of the specification to run", () => {
    expect(cases.length).toBeGreaterThanOrEqual(150);
    expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
  });

  test("exactly the documented cases differ", () => {
    const differing = cases.filter((entry) => !conforms(entry)).map(({ id, expr }) => `${id}: ${expr}`);
    const expected = documented.map(
      (id) => `${id}: ${cases.find((entry) => entry.id === id)?.expr ?? "(no such case)"}`,
    );
    expect(differing.sort()).toEqual(expected.sort());
  });

  test("the page states the right numbers", () => {
    expect(page).toContain(`${cases.length} cases`);
    expect(page).toContain(`${documented.length} differ`);
  });
});
