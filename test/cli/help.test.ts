/** Help is made from the verb table, fits a screen, and its examples are true. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseArguments } from "../../src/cli/arguments.ts";
import { reportFormats } from "../../src/cli/follow/report-requests.ts";
import { splitLine } from "../../src/cli/help/completion-scripts.ts";
import { overview, verbHelp } from "../../src/cli/help/help-text.ts";
import { helpTopic, topicNames } from "../../src/cli/help/help-topics.ts";
import { runbookTemplates } from "../../src/cli/scaffold/runbook-templates.ts";
import { commonFlags } from "../../src/cli/verbs/flags.ts";
import { verbs } from "../../src/cli/verbs/table.ts";
import { exitCodes } from "../../src/engine/exit-codes.ts";
import { failpoints } from "../../src/host/failpoints.ts";
import { standardNames } from "../../src/report/checks.ts";
import { CliRig } from "../rig/cli-rig.ts";

const program = process.env["RUNBOOK_TEST_BIN"] ?? join(import.meta.dirname, "../../bin/runbook.cjs");
const examples = verbs.flatMap((verb) => verb.examples.map((example) => ({ verb: verb.name, example })));

/** A shell would take away what stands behind `>`. */
function wordsOf(example: string): string[] {
  return splitLine(example.split(" > ")[0] ?? example).filter((word) => word !== "");
}

describe("the table", () => {
  test("names, short flags and examples are unique and complete", () => {
    expect(new Set(verbs.map((verb) => verb.name)).size).toBe(verbs.length);
    for (const verb of verbs) {
      const flags = [...verb.flags, ...commonFlags];
      const letters = flags.flatMap((flag) => (flag.short ? [flag.short] : []));
      expect([verb.name, new Set(letters).size]).toEqual([verb.name, letters.length]);
      expect([verb.name, new Set(flags.map((flag) => flag.name)).size]).toEqual([verb.name, flags.length]);
      expect([verb.name, verb.examples.length > 0]).toEqual([verb.name, true]);
    }
  });

  test("one letter means one thing everywhere", () => {
    const meaning = new Map<string, string>();
    for (const flag of [...commonFlags, ...verbs.flatMap((verb) => verb.flags)]) {
      if (!flag.short) continue;
      expect([flag.short, meaning.get(flag.short) ?? flag.name]).toEqual([flag.short, flag.name]);
      meaning.set(flag.short, flag.name);
    }
  });

  test("values that the table repeats for help and completion are those of the code", () => {
    const values = (verb: string, flag: string) =>
      verbs.find((item) => item.name === verb)?.flags.find((item) => item.name === flag)?.values;
    expect(values("verify", "check")).toEqual(standardNames);
    expect(values("new", "template")).toEqual(Object.keys(runbookTemplates));
    const formats = verbs[0]?.flags.find((item) => item.name === "report")?.summary ?? "";
    for (const format of reportFormats) expect(formats).toContain(format);
  });

  test.each(examples)("$example is parsed", ({ verb, example }) => {
    const args = parseArguments(wordsOf(example));
    expect(args.verb.name).toBe(verb);
    const output = args.text("output");
    if (output !== undefined) expect(args.verb.outputs ?? ["text"]).toContain(output);
  });
});

describe("help", () => {
  test.each(verbs.map((verb) => verb.name))("%s --help fits a screen, examples first", (name) => {
    const verb = verbs.find((item) => item.name === name);
    if (verb === undefined) throw new Error(name);
    const lines = verbHelp(verb).trimEnd().split("\n");
    expect(lines[0]).toBe(`  runbook ${verb.examples[0]}`);
    expect(lines.length).toBeLessThanOrEqual(40);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    for (const flag of verb.flags) expect(lines.join("\n")).toContain(`--${flag.name}`);
  });

  test("the overview has every verb and fits a screen", () => {
    const lines = overview().trimEnd().split("\n");
    for (const verb of verbs) expect(overview()).toContain(`${verb.name} ${verb.args}`.trimEnd());
    expect(lines.length).toBeLessThanOrEqual(40);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("the topics say what the code says", async () => {
    const codes = (await helpTopic("exit-codes")) ?? "";
    for (const [name, code] of Object.entries(exitCodes))
      expect(codes).toMatch(new RegExp(`^ +${code} +${name} `, "m"));
    const points = (await helpTopic("failpoints")) ?? "";
    for (const name of Object.keys(failpoints)) expect(points).toContain(`  ${name} `);
    expect(await helpTopic("expressions")).toContain("semver");
    expect(await helpTopic("expressions")).toContain("${{ steps.choose.outputs.image }}");
    expect(await helpTopic("nothing")).toBeNull();
    expect(await helpTopic("constructor")).toBeNull();
    for (const name of topicNames) expect(await helpTopic(name)).toMatch(/\S\n$/);
  });
});

/** Bundles of our own that a command loaded, by file name. */
function loadedBy(...args: string[]): string[] {
  const script = `
    const { basename } = require("node:path");
    process.argv = [process.argv[0], ${JSON.stringify(program)}, ...${JSON.stringify(args)}];
    process.on("exit", () => {
      const own = Object.keys(require.cache).map((file) => basename(file));
      process.stderr.write("LOADED " + JSON.stringify(own));
    });
    require(${JSON.stringify(program)});`;
  const ended = spawnSync(process.execPath, ["-e", script], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "" },
  });
  const at = ended.stderr.indexOf("LOADED ");
  if (at < 0) throw new Error(ended.stderr);
  return JSON.parse(ended.stderr.slice(at + "LOADED ".length));
}

describe("what is loaded", () => {
  const heavy = /ajv|yaml|load-runbook|handlebars|listr|execa|undici|temporal|validators|catalogue|steps/i;

  test.each([["--version"], ["--help"], ["run", "--help"]])("%s loads nothing heavy", (...args) => {
    const loaded = loadedBy(...args);
    expect(loaded).toContain("cli.cjs");
    expect(loaded.filter((name) => heavy.test(name))).toEqual([]);
    expect(loaded.length).toBeLessThanOrEqual(10);
  });

  test("a completion loads no validator", () => {
    const loaded = loadedBy("__complete", "bash", "runbook plan rollback-production -t ");
    expect(
      loaded.filter((name) => /ajv|load-runbook|handlebars|listr|execa|undici|temporal|validators/i.test(name)),
    ).toEqual([]);
  });
});

describe("examples that only read or write files", () => {
  let rig: CliRig;
  beforeAll(() => {
    rig = new CliRig({ shipped: ["rollback-production", "smoke-tests", "deploy-staging"] });
  });
  afterAll(() => rig.end());

  /** Those need a run, a key or a sandbox: the tests of these verbs run them. */
  const elsewhere = new Set([
    "annotate",
    "run",
    "resume",
    "attach",
    "wait",
    "abort",
    "approve",
    "reject",
    "status",
    "logs",
    "report",
    "verify",
  ]);
  const codes: Readonly<Record<string, number>> = {
    "list --stale": 1, // nothing ran here: the drill is overdue
    "doctor rollback-production -t production": 1, // no fly and no token here
    "docs --check": 0,
  };

  test.each(examples.filter(({ verb }) => !elsewhere.has(verb)))("$example", async ({ example }) => {
    const words = wordsOf(example);
    if (words.includes("../shop")) words.splice(words.indexOf("../shop"), 1, ".");
    const ran = await rig.run([...words, "--no-input"]);
    expect([ran.code, ran.stderr]).toEqual([codes[example] ?? 0, ran.stderr]);
    expect(ran.stdout + ran.stderr).not.toContain("\u001b");
  });
});
