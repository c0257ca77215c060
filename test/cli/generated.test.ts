import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { environmentVariables } from "../../src/cli/help/environment-variables.ts";
import { generatedFiles, shippedRunbookFiles } from "../../src/cli/help/generated-files.ts";
import { exitMeanings } from "../../src/cli/help/help-topics.ts";
import { verbs } from "../../src/cli/verbs/table.ts";
import { exitCodes } from "../../src/engine/exit-codes.ts";

const root = join(import.meta.dirname, "../..");
const files = { ...generatedFiles(), ...shippedRunbookFiles(root) };

describe("files made from code", () => {
  test.each(Object.keys(files))("%s is not stale (next: node scripts/generate.mjs)", (path) => {
    expect(readFileSync(join(root, path), "utf8")).toBe(files[path]);
  });

  test("there is no schema that nothing makes", () => {
    const names = readdirSync(join(root, "schemas")).map((name) => `schemas/${name}`);
    expect(names.filter((name) => !(name in files))).toEqual([]);
  });

  test("there is no page of a runbook that is gone", () => {
    const names = readdirSync(join(root, "docs/runbooks")).map((name) => `docs/runbooks/${name}`);
    expect(names.filter((name) => !(name in files))).toEqual([]);
  });

  test("the reference has every verb, flag, exit code and variable", () => {
    const text = files["docs/cli.md"] ?? "";
    for (const code of Object.values(exitCodes)) expect(text).toContain(`| ${code} |`);
    for (const { name } of environmentVariables) expect(text).toContain(name);
    expect(Object.keys(exitMeanings)).toEqual(Object.keys(exitCodes));
  });
});

describe("the manual page", () => {
  const page = files["man/runbook.1"] ?? "";

  test("has every verb and flag", () => {
    for (const { name, flags } of verbs) {
      expect(page).toContain(`.B runbook ${name}`);
      for (const flag of flags) expect(page).toContain(`\\-\\-${flag.name.replaceAll("-", "\\-")}`);
    }
  });

  const groff = spawnSync("groff", ["-man", "-Tascii", "-ww"], { input: page, encoding: "utf8" });
  const why = groff.error === undefined ? "" : " (not run: install groff)";
  if (why !== "") process.stderr.write(`not run: manual page${why}\n`);
  test.skipIf(why !== "")(`is one that groff takes without a word${why}`, () => {
    expect(groff.stderr).toBe("");
    expect(groff.stdout.length).toBeGreaterThan(5_000);
  });
});

test("every RUNBOOK_ variable the source reads is documented", () => {
  const read = new Set<string>();
  for (const name of readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".ts")) continue;
    const text = readFileSync(join(root, "src", name), "utf8");
    for (const [, variable] of text.matchAll(/env\[["`](RUNBOOK_[A-Z_]+)/g)) read.add(variable as string);
  }
  expect(read.size).toBeGreaterThan(5);
  const documented = environmentVariables.map(({ name }) => name.replace(/<.*/, ""));
  expect([...read].filter((name) => !documented.includes(name))).toEqual([]);
});
