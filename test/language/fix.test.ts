import { existsSync, readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Diagnostic } from "../../src/language/diagnostic.ts";
import { configSchemaPath, fixRunbook, runbookSchemaPath } from "../../src/language/fix.ts";
import { loadConfig } from "../../src/language/load-config.ts";
import { loadRunbook } from "../../src/language/load-runbook.ts";
import { catalogue } from "./catalogue.ts";

const fixtures = new URL("../fixtures/language/", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, fixtures), "utf8");
const examples = readdirSync(new URL("examples/runbooks/", fixtures)).map((name) => ({
  file: `runbooks/${name}`,
  text: read(`examples/runbooks/${name}`),
}));
const { config } = loadConfig({ file: "c", text: read("examples/runbook.config.yaml") });

const diagnose =
  (file: string) =>
  (text: string): readonly Diagnostic[] =>
    loadRunbook({ file, text, catalogue, config: config! }).diagnostics.filter(({ at }) => at.file === file);
const example = diagnose("runbooks/example.yaml");
const fix = (text: string, found = example) => fixRunbook(text, { diagnose: found, schema: runbookSchemaPath });
const errors = (found: readonly Diagnostic[]) => found.filter(({ severity }) => severity === "error").length;

const head = `# yaml-language-server: $schema=../schemas/runbook.v1.schema.json
apiVersion: runbook/v1
name: example
version: 1.0.0
title: Example
owner: team
kind: audit
description: d
`;
const steps = `steps:
  - id: look # the comment stays
    title: 'Look'

    uses: http
    with:   { url: "https://x.example" }
`;

describe("puts right", () => {
  it.each([
    ["a missing schema line", head.split("\n").slice(1).join("\n") + steps, head + steps, ["schema-line"]],
    [
      "a version that YAML reads as a number",
      (head + steps).replace("1.0.0", "1.10"),
      (head + steps).replace("1.0.0", '"1.10.0"'),
      ["wrong-type"],
    ],
    [
      "a version of one part",
      (head + steps).replace("1.0.0", "2"),
      (head + steps).replace("1.0.0", '"2.0.0"'),
      ["wrong-type"],
    ],
    [
      "a version of two parts",
      (head + steps).replace("1.0.0", "'1.2'"),
      (head + steps).replace("1.0.0", '"1.2.0"'),
      ["bad-version"],
    ],
    [
      "keys with one slip",
      (head + steps).replace("owner", "onwer").replace("uses", "use").replace("with:", "wiht:"),
      head + steps,
      ["unknown-key", "unknown-key", "unknown-key"],
    ],
    [
      "a key in quotes",
      (head + steps).replace("owner", '"ownr"'),
      (head + steps).replace("owner", '"owner"'),
      ["unknown-key"],
    ],
    [
      "tabs",
      (head + steps).replaceAll("    ", "\t\t").replace("  - id", "\t- id"),
      (head + steps).replace("with:   {", "with:   {"),
      ["yaml-tab"],
    ],
    [
      "holes inside { }",
      `${head}${steps.replace('"https://x.example"', "${{ target.url }}/a, query: { a: ${{ target.name }}, b: 1 }")}`,
      `${head}${steps.replace('"https://x.example"', '"${{ target.url }}/a", query: { a: "${{ target.name }}", b: 1 }')}`,
      ["unquoted-hole", "unquoted-hole"],
    ],
    [
      "holes inside [ ]",
      `${head}steps:\n  - id: a\n    title: A\n    run: [echo, ${"${{ target.name + 'x' }}"}, ${'${{ "a, ]" }}'}]\n    effects: read\n`,
      `${head}steps:\n  - id: a\n    title: A\n    run: [echo, "${"${{ target.name + 'x' }}"}", '${'${{ "a, ]" }}'}']\n    effects: read\n`,
      ["unquoted-hole", "unquoted-hole"],
    ],
    [
      "a hole within the words of a value inside { }",
      `${head}steps:\n  - { id: a, title: It's b, run: echo -n to \${{ target.name }}, effects: read }\n`,
      `${head}steps:\n  - { id: a, title: It's b, run: "echo -n to \${{ target.name }}", effects: read }\n`,
      ["unquoted-hole"],
    ],
    [
      "a hole around an expression",
      `${head}${steps}    if: \${{ target.protected }}\n`,
      `${head}${steps}    if: target.protected\n`,
      ["hole-in-expression"],
    ],
  ])("%s", (_what, wrong, right, codes) => {
    const fixed = fix(wrong);
    expect(fixed.text).toBe(right);
    expect(fixed.applied.map(({ code }) => code)).toEqual(codes);
    expect(fix(fixed.text)).toEqual({ text: right, applied: [] });
  });

  it("texts with other line ends, and with a byte order mark", () => {
    const right = (head + steps).replaceAll("\n", "\r\n");
    const wrong = `\uFEFF${right.split("\r\n").slice(1).join("\r\n").replace("owner", "ownr")}`;
    expect(fix(wrong).text).toBe(`\uFEFF${right}`);
  });

  it("the project file, with its own schema", () => {
    const found = (text: string) => loadConfig({ file: "c", text }).diagnostics;
    const wrong = "apiVersion: runbook/v1\ntarget: { a: {} } # one\npolicy: { maxRetris: 2 }\n";
    expect(fixRunbook(wrong, { diagnose: found, schema: configSchemaPath })).toEqual({
      text: `# yaml-language-server: $schema=./schemas/config.v1.schema.json\n${wrong.replace("target:", "targets:").replace("Retris", "Retries")}`,
      applied: [
        { code: "schema-line", line: 1 },
        { code: "unknown-key", line: 3 },
        { code: "unknown-key", line: 4 },
      ],
    });
  });
});

describe("leaves alone", () => {
  it.each([
    ["a key that could be two", "{ tag: a, x: 1 }\n"],
    ["a key far from any", `${head}onwershipp: x\n${steps}`],
    ["a key whose right name is there already", `${head}ownr: other\n${steps}`],
    ["a bare {{ }}, which may be of another language", `${head}${steps}    note: {{ x }}\n`],
    ["a text that is YAML no more once mended", `${head}${steps}    if: \${{ 'a' == target.name }}\n`],
    ["what a person must decide", `${head}steps:\n  - { id: a, title: A, run: date }\n`],
    ["a workflow of GitHub", "on: push\njobs: { a: { runs-on: x } }\n"],
    ["nothing at all", "# nothing\n"],
    ["no YAML at all", 'a: "b\n  c: [\n'],
  ])("%s", (_what, text) => {
    const { text: fixed, applied } = fix(text);
    expect(fixed.endsWith(text)).toBe(true);
    expect(applied.filter(({ code }) => code !== "schema-line")).toEqual([]);
  });
});

it("every wrong fixture is no worse afterwards, and repaired for good", () => {
  for (const code of readdirSync(new URL("codes/", fixtures))) {
    // Texts too large to keep are made by their own test.
    if (!existsSync(new URL(`codes/${code}/wrong.yaml`, fixtures))) continue;
    const wrong = read(`codes/${code}/wrong.yaml`);
    const fixed = fix(wrong);
    expect(fix(fixed.text), code).toEqual({ text: fixed.text, applied: [] });
    if (fixed.text === wrong) continue;
    const fatal = ["unquoted-hole", "yaml-tab"].includes(code);
    if (!fatal && fixed.applied[0]!.code !== "schema-line")
      expect(errors(example(fixed.text)), code).toBeLessThan(errors(example(wrong)));
  }
});

/** Mistakes that a slip of the hand makes; each gives the text and what the repair must give back. */
const slips: Readonly<Record<string, (line: string, at: number) => string | null>> = {
  "a letter is missing in a key": (line, at) =>
    line.replace(/^(\s*(?:- )?)([a-zA-Z]{4,})(?=:( |$))/, (_all, before: string, key: string) => {
      const cut = 1 + (at % (key.length - 1));
      return before + key.slice(0, cut) + key.slice(cut + 1);
    }),
  "two letters are exchanged in a key": (line, at) =>
    line.replace(/^(\s*(?:- )?)([a-zA-Z]{4,})(?=:( |$))/, (_all, before: string, key: string) => {
      const cut = 1 + (at % (key.length - 2));
      return before + key.slice(0, cut) + key[cut + 1] + key[cut] + key.slice(cut + 2);
    }),
  "the quotes of a hole are forgotten": (line) =>
    /\{ [^#]*: "\$\{\{ [\w.]+ \}\}[^",]*"/.test(line) ? line.replace(/"(\$\{\{ [\w.]+ \}\}[^",]*)"/, "$1") : null,
  "a line begins with tabs": (line) =>
    /^ {2,}(- )?\w+:/.test(line) ? line.replace(/^ +/, (blanks) => "\t".repeat(blanks.length / 2)) : null,
};

describe("any one slip in the examples", () => {
  it.each(Object.keys(slips))("%s", (name) => {
    const slip = slips[name]!;
    const places = examples.flatMap(({ file, text }) => {
      const lines = text.split("\n");
      return lines.flatMap((line, index) => ((slip(line, 0) ?? line) === line ? [] : [{ file, text, lines, index }]));
    });
    let mended = 0;
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.nat(), ({ file, text, lines, index }, at) => {
        const wrong = lines.with(index, slip(lines[index]!, at)!).join("\n");
        const found = diagnose(file);
        const fixed = fix(wrong, found);
        expect(fix(fixed.text, found)).toEqual({ text: fixed.text, applied: [] });
        expect(fixed.text.split("\n").with(index, "")).toEqual(lines.with(index, ""));
        if (fixed.text === wrong) return;
        expect(errors(found(fixed.text))).toBeLessThan(errors(found(wrong)));
        if (fixed.text === text) mended++;
      }),
      { seed: 20_261_120, numRuns: 25 },
    );
    // Names that people chose are no keys of the language, and stay as they are.
    expect(mended).toBeGreaterThan(12);
  });
});
