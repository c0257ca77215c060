/**
 * What a command loads, by name and not by time: the modules inside the chunks it took, from the list that the build leaves
 * beside them.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CliRig, packageDir } from "../rig/cli-rig.ts";

/** Run by Node before each program: writes the files it had loaded when it ends. */
const spy = `process.on("exit", () => {
  const line = JSON.stringify({ program: process.argv[1], files: Object.keys(require.cache) });
  require("node:fs").appendFileSync(process.env.LOADED_FILES, line + "\\n");
});`;

const modulesOf = JSON.parse(readFileSync(join(packageDir, "dist/modules.json"), "utf8")) as Record<string, string[]>;
const dir = mkdtempSync(join(tmpdir(), "loaded-"));
const spyFile = join(dir, "spy.cjs");
const listFile = join(dir, "files");
let rig: CliRig;

beforeAll(() => {
  writeFileSync(spyFile, spy);
  rig = new CliRig({ fixture: "ledger" });
  rig.write("runbooks/one.yaml", oneStep);
});
afterAll(async () => {
  await rig.end();
  rmSync(dir, { recursive: true, force: true });
});

const oneStep = `apiVersion: runbook/v1
name: one
version: 1.0.0
title: One step
owner: team
kind: audit
description: d
steps:
  - { id: look, title: Look, run: "true", effects: read }
`;

interface Loaded {
  /** First folders below `src/`. */
  readonly folders: readonly string[];
  /** Packages that the bundle contains. */
  readonly packages: readonly string[];
  readonly modules: readonly string[];
}

/** Program (`runbook.cjs`, `executor.cjs`) → what it loaded. */
async function loadedBy(...words: string[]): Promise<Map<string, Loaded>> {
  writeFileSync(listFile, "");
  const ran = await rig.run(words, { env: { NODE_OPTIONS: `--require ${spyFile}`, LOADED_FILES: listFile } });
  expect(ran).toMatchObject({ code: 0 });
  const lines = readFileSync(listFile, "utf8").trimEnd().split("\n");
  return new Map(
    lines.map((line) => {
      const { program, files } = JSON.parse(line) as { program: string; files: string[] };
      return [basename(program), loadedOf(files)];
    }),
  );
}

function loadedOf(files: readonly string[]): Loaded {
  const chunks = files.filter((file) => file.startsWith(join(packageDir, "dist/chunks")));
  expect(chunks.length).toBeGreaterThan(1);
  const modules = chunks.flatMap((file) => modulesOf[relative(join(packageDir, "dist"), file)] ?? [`unknown ${file}`]);
  const parts = (pattern: RegExp) =>
    [...new Set(modules.map((path) => pattern.exec(path)?.[1] ?? ""))].filter((part) => part !== "").sort();
  return { modules, folders: parts(/^src\/([^/]+)\//), packages: parts(/node_modules\/((?:@[^/]+\/)?[^/]+)/) };
}

/** What reading and checking a runbook needs. */
const language = ["@marcbachmann/cel-js", "re2js", "yaml"] as const;

test.each([["--version"], ["--help"], ["run --help"]])("%s loads a dozen modules and no package", async (words) => {
  const loaded = (await loadedBy(...words.split(" "))).get("runbook.cjs");
  expect(loaded?.packages).toEqual([]);
  expect(["cli", "engine", "util"]).toEqual(expect.arrayContaining([...(loaded?.folders ?? ["none"])]));
  expect(loaded?.modules.length).toBeLessThan(15);
});

test.each([
  [
    "validate runbooks/one.yaml",
    ["src/cli/terminal/live-progress.ts", "src/cli/execute/execution.ts", "src/report/html.ts"],
  ],
  ["plan one -t here", ["src/cli/terminal/live-progress.ts", "src/cli/execute/execution.ts", "src/report/html.ts"]],
])("%s loads what reads runbooks and nothing that runs or shows them", async (words, absent) => {
  const loaded = (await loadedBy(...words.split(" "))).get("runbook.cjs");
  // Nothing in this runbook is an expression, and one step type is all it uses.
  expect(loaded?.packages).toEqual(["yaml"]);
  expect(loaded?.modules.filter((path) => /^src\/steps\/(?!index|step-type)[a-z-]+\.ts$/.test(path))).toContain(
    "src/steps/run.ts",
  );
  for (const path of ["src/steps/http.ts", "src/steps/fly/deploy.ts", "src/language/cel/check-call.ts", ...absent])
    expect(loaded?.modules).not.toContain(path);
});

test("a run without a terminal loads no live view, and the viewer nothing that renders or speaks", async () => {
  const programs = await loadedBy("run", "one", "-t", "here");
  const viewer = programs.get("runbook.cjs");
  expect(language).toEqual(expect.arrayContaining([...(viewer?.packages ?? ["none"])]));
  expect(viewer?.modules).not.toContain("src/cli/execute/execution.ts");
  const executor = programs.get("executor.cjs");
  expect(executor?.modules).toContain("src/cli/execute/execution.ts");
  expect(executor?.modules).toContain("src/report/html.ts");
  // Only where a step, a provider of secrets or a layout of the runbook's own asks for it.
  for (const name of [
    "handlebars",
    "listr2",
    "undici",
    "temporal-polyfill",
    "nodemailer",
    "@modelcontextprotocol/sdk",
  ]) {
    expect(viewer?.packages).not.toContain(name);
    expect(executor?.packages).not.toContain(name);
  }
  for (const path of ["src/cli/terminal/live-progress.ts", "src/cli/terminal/prompts.ts", "sandbox/client.ts"]) {
    expect(viewer?.modules).not.toContain(path);
    expect(executor?.modules).not.toContain(path);
  }
});
