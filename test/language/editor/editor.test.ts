/** What an editor shows, asked of the real yaml-language-server with the published schemas. */
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findLanguageServer, LanguageServer } from "./language-server.ts";

const root = new URL("../../../", import.meta.url);
const program = findLanguageServer();
const why =
  program === null ? " (not run: yaml-language-server is not installed; npm i -D yaml-language-server@1.25.0)" : "";

const right = `# yaml-language-server: $schema=../schemas/runbook.v1.schema.json
apiVersion: runbook/v1
name: example
version: 1.0.0
title: Example
owner: team-platform
kind: audit
description: For tests.
steps:
  - id: look
    title: Look
    uses: http
    with: { url: "https://shop.example" }
    timeout: 5m
`;

if (program === null) console.warn(`The tests of the editor are${why.replace(/[()]/g, "")}.`);

describe.skipIf(program === null)(`an editor with yaml-language-server${why}`, () => {
  let server: LanguageServer;
  beforeAll(async () => {
    server = new LanguageServer(program!);
    await server.start(root.href);
  }, 60_000);
  afterAll(() => server.stop());

  let opened = 0;
  const show = (text: string) => server.diagnose(new URL(`runbooks/unsaved-${++opened}.yaml`, root).href, text);

  it.each(readdirSync(new URL("runbooks/", root)).filter((name) => name.endsWith(".yaml")))(
    "underlines nothing in %s",
    async (name) => {
      const file = new URL(`runbooks/${name}`, root);
      expect(await server.diagnose(file.href, readFileSync(file, "utf8"))).toEqual([]);
    },
    30_000,
  );

  it("underlines nothing in the project file", async () => {
    const file = new URL("runbook.config.yaml", root);
    expect(await server.diagnose(file.href, readFileSync(file, "utf8"))).toEqual([]);
  }, 30_000);

  it.each([
    ["a misspelt key", ["timeout", "timout"], [14, "timout", /timout is not allowed/]],
    ["a step type that does not exist", ["uses: http", "uses: htpp"], [12, "htpp", /Value is not accepted/]],
    ["a key that is missing", ["owner: team-platform\n", ""], [2, "a", /Missing property "owner"/]],
    ["a version that is a number", ["1.0.0", "1.10"], [4, "1.10", /Incorrect type. Expected "string"/]],
    ["no duration", ["5m", "5 minutes"], [14, "5 minutes", /Write a duration like 90s/]],
    ["two actions", ["uses: http", "run: date\n    uses: http"], [13, "uses", /uses|not/i]],
  ] as const)(
    "shows %s once, at its place",
    async (_what, [from, to], [line, text, message]) => {
      const shown = await show(right.replace(from, to));
      expect(shown).toEqual([{ line, text: expect.stringContaining(text), message: expect.stringMatching(message) }]);
    },
    30_000,
  );

  it("explains a key under the cursor, and offers step types", async () => {
    const uri = new URL("runbooks/unsaved-hover.yaml", root).href;
    await server.diagnose(uri, right);
    expect(await server.hover(uri, { line: 13, character: 6 })).toContain("Limit of one attempt");
    expect(await server.complete(uri, { line: 11, character: 10 })).toEqual(expect.arrayContaining(["http", "script"]));
  }, 30_000);

  it("shows examples and what each value means, and offers the values of a step type's closed list", async () => {
    const uri = new URL("runbooks/unsaved-values.yaml", root).href;
    const text = right.replace("with: {", "with: { method: HEAD,");
    await server.diagnose(uri, text);
    const method = { line: 12, character: 14 };
    expect(await server.hover(uri, method)).toMatch(/`HEAD`: Status and headers only[.][\s\S]*Example:/);
    const empty = new URL("runbooks/unsaved-empty.yaml", root).href;
    await server.diagnose(empty, right.replace('with: { url: "https://shop.example" }', "with:\n      method: "));
    expect(await server.complete(empty, { line: 13, character: 14 })).toEqual(
      expect.arrayContaining(["GET", "DELETE"]),
    );
  }, 30_000);
});
