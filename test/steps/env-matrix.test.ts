/** The matrix in both of its forms, and what makes it unreadable. */
import { expect, test } from "vitest";
import { envMatrix } from "../../src/steps/env-matrix.ts";
import { failureOf, rigHost, runStep } from "../rig/step-host.ts";

const yaml = `
variables:
  KEY: { staging: required, production: required }
  DEBUG: { staging: optional, production: absent }
`;
const markdown = `# Variables

Text with | a pipe.

| Variable | staging | production |
|:---|---|---|
| \`KEY\` | required | yes |
| DEBUG | optional | - |

| Another | table |
|---|---|
| X | y |
`;

const host = (text: string, file = "m.yaml") => rigHost({ files: { [file]: text } });
const spec = (environment: string, have: readonly string[], file = "m.yaml") => ({ file, environment, have });

test.each([
  ["m.yaml", yaml],
  ["m.md", markdown],
])("%s says what production must have", async (file, text) => {
  const look = (have: readonly string[], environment = "production") =>
    runStep(envMatrix, spec(environment, have, file), host(text, file));
  expect(await look(["KEY"])).toMatchObject({ environments: 2, missing: [], forbidden: [], undeclared: [] });
  expect(await look(["DEBUG", "OTHER"])).toMatchObject({
    missing: ["KEY"],
    forbidden: ["DEBUG"],
    undeclared: ["OTHER"],
    unanswered: [],
  });
  expect(await look(["KEY", "DEBUG"], "staging")).toMatchObject({ forbidden: [], missing: [] });
});

test("a cell that is empty, missing or says something unknown is unanswered, in any column", async () => {
  const text = "| Variable | a | b |\n|---|---|---|\n| X | required | |\n| Y | maybe |\n";
  const found = await runStep(envMatrix, spec("a", ["X"], "m.md"), host(text, "m.md"));
  expect(found.unanswered).toEqual(["X in b", "Y in a", "Y in b"]);
});

test.each([
  ["a column that is not there", "variables: { A: { staging: required } }", /no column production, but staging/],
  ["no variables", "variables: {}", /no variable/],
  ["another document", "names: []", /no map `variables`/],
  ["a list of cells", "variables: { A: [1] }", /A is no map/],
  ["a name twice", "variables:\n  A: { production: required }\n  A: { production: absent }\n", /unique|duplicate/i],
  ["an alias", "variables: { A: &a { production: required }, B: *a }", /alias/i],
  ["broken YAML", "variables: {", /matrix/],
])("%s cannot be read", async (_, text, message) => {
  const failure = await failureOf(envMatrix, spec("production", ["A"]), host(text));
  expect(failure).toMatchObject({ reason: "matrix-damaged", message: expect.stringMatching(message) });
});

test("a table without a column of names, or with a name twice, cannot be read", async () => {
  const table = (rows: string) => host(`| Variable | a |\n|---|---|\n${rows}`, "m.md");
  expect(await failureOf(envMatrix, spec("a", ["X"], "m.md"), host("no table", "m.md"))).toMatchObject({
    reason: "matrix-damaged",
  });
  expect(await failureOf(envMatrix, spec("a", ["X"], "m.md"), table("| X | yes |\n| X | no |\n"))).toMatchObject({
    message: expect.stringContaining("X stands in it twice"),
  });
});
