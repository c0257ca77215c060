/** The package as a stranger gets it: packed, installed into an empty folder, used as a command and as a library. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readDocument, root } from "../docs/markdown.ts";
import { makeFifo } from "../rig/fifo.ts";

const dir = mkdtempSync(join(tmpdir(), "runbook-package-"));
const project = join(dir, "project");
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const env = { PATH: process.env["PATH"] ?? "", HOME: dir, npm_config_update_notifier: "false", NO_COLOR: "1" };

function sh(command: string, args: readonly string[], cwd = project) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: "utf8" });
  return { code: status, stdout, stderr };
}

/** Packs what is built; the folder gets the tarball. */
function pack(into: string): { file: string; files: string[] } {
  mkdirSync(into);
  const packed = sh("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", into], root);
  expect(packed.stderr).not.toContain("ERR");
  const [{ filename, files }] = JSON.parse(packed.stdout) as [{ filename: string; files: { path: string }[] }];
  return { file: join(into, filename), files: files.map(({ path }) => path) };
}

const digestOf = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

let packed: ReturnType<typeof pack>;

beforeAll(() => {
  expect(sh(process.execPath, ["scripts/declarations.mjs"], root)).toMatchObject({ code: 0, stderr: "" });
  packed = pack(join(dir, "first"));
  mkdirSync(join(project, "runbooks"), { recursive: true });
  writeFileSync(join(project, "package.json"), '{ "name": "operations", "version": "1.0.0", "private": true }\n');
  const installed = sh("npm", ["install", "--offline", "--no-audit", "--no-fund", packed.file]);
  expect(installed).toMatchObject({ code: 0 });
  writeFileSync(
    join(project, "runbook.config.yaml"),
    "apiVersion: runbook/v1\ntargets:\n  here: { host: localhost }\n",
  );
  writeFileSync(
    join(project, "runbooks/rotate-logs.yaml"),
    `apiVersion: runbook/v1
name: rotate-logs
version: 1.0.0
title: Rotate the logs
owner: operations
kind: maintenance
description: Keeps the newest.
targets: [here]
inputs:
  keep: { type: integer, default: 5, description: How many are kept }
steps:
  - id: rotate
    title: Rotate
    run: [sh, -c, 'echo kept "$KEEP"']
    env: { KEEP: "\${{ inputs.keep }}" }
    effects: read
    outputs: { said: result.stdout.trim() }
`,
  );
});

describe("the tarball", () => {
  test("exports the schema of a runbook under the name of its version", () => {
    const script = 'process.stdout.write(require("runbook/schema/v1.json").$id)';
    expect(sh(process.execPath, ["-e", script]).stdout).toBe("urn:runbook:schema:runbook.v1");
  });

  test("is the same when it is packed again", () => {
    expect(digestOf(pack(join(dir, "second")).file)).toBe(digestOf(packed.file));
  });

  test("holds programs, types, schemas, templates and documents, and neither sources nor test data", () => {
    const folders = new Set(packed.files.map((path) => (path.includes("/") ? path.split("/")[0] : path)));
    expect([...folders].sort()).toEqual(
      "CHANGELOG.md LICENSE README.md SECURITY.md bin dist docs man package.json reports schemas types".split(" "),
    );
    expect(packed.files.filter((path) => /\.(?:ts|mts)$/.test(path) && !path.endsWith(".d.ts"))).toEqual([]);
    expect(packed.files).toContain("dist/THIRD_PARTY_LICENSES.txt");
    expect(packed.files.filter((file) => file.startsWith("dist/cache/"))).toEqual([]);
  });

  test("needs no other package, no build step and no install script", () => {
    expect(readdirSync(join(project, "node_modules")).filter((name) => !name.startsWith("."))).toEqual(["runbook"]);
    const { scripts, dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(dependencies).toBeUndefined();
    for (const name of ["preinstall", "install", "postinstall"]) expect(scripts).not.toHaveProperty(name);
  });

  test("names the licence of everything that is bundled", () => {
    const text = readFileSync(join(project, "node_modules/runbook/dist/THIRD_PARTY_LICENSES.txt"), "utf8");
    const parts = text.split(`\n${"-".repeat(80)}\n\n`);
    expect(parts.length).toBeGreaterThan(20);
    for (const part of parts) expect(part).toMatch(/^\S+ \d\S* \([^)]+\)\n\n\S/);
  });
});

describe("as a command", () => {
  const runbook = (...args: string[]) => sh("npx", ["--no-install", "runbook", ...args]);

  test("it validates, plans and runs", () => {
    expect(runbook("--version")).toMatchObject({ code: 0, stderr: "" });
    expect(runbook("validate")).toMatchObject({ code: 0 });
    expect(runbook("plan", "rotate-logs")).toMatchObject({ code: 0 });
    const ran = runbook("run", "rotate-logs", "--no-input", "-o", "json");
    expect(ran).toMatchObject({ code: 0 });
    expect(JSON.parse(ran.stdout)).toMatchObject({ result: "succeeded" });
    expect(runbook("verify", "last")).toMatchObject({ code: 0 });
  });
});

describe("as a library", () => {
  const { blocks } = readDocument("docs/library.md");
  const example = blocks.find(({ info }) => info.includes("file=report-to-chat.mjs"));
  const shown = blocks.find(({ info }) => info[0] === "text");

  test("the example of the document prints what the document shows", () => {
    writeFileSync(join(project, "report-to-chat.mjs"), example?.text ?? "");
    const { code, stdout, stderr } = sh(process.execPath, ["report-to-chat.mjs"]);
    expect({ code, stderr, stdout: stdout.trim() }).toEqual({ code: 0, stderr: "", stdout: shown?.text.trim() });
  });

  test("its types hold: the example as TypeScript, with the libraries' own declarations checked", () => {
    writeFileSync(join(project, "example.mts"), (example?.text ?? "").replace("steps[0].outputs", "steps[0]?.outputs"));
    writeFileSync(
      join(project, "wrong.mts"),
      `import { plan, run } from "runbook";
export const a: number = (await plan("x")).worstCaseMs;
// @ts-expect-error: exit codes are numbers
export const b: string = (await run("x")).exitCode;
// @ts-expect-error: there is no such option
await run("x", { inputz: {} });
`,
    );
    mkdirSync(join(project, "node_modules/@types"), { recursive: true });
    for (const name of ["node", "../undici-types"]) {
      const target = join(root, "node_modules/@types", name);
      symlinkSync(target, join(project, "node_modules/@types", name), "dir");
    }
    const options = "--noEmit --strict --module nodenext --target es2023 --skipLibCheck false --types node".split(" ");
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    expect(sh(process.execPath, [tsc, ...options, "example.mts", "wrong.mts"])).toMatchObject({ code: 0, stdout: "" });
  });

  test.each([
    ["an unknown runbook", `readRun("nope")`, "usage"],
    ["an unknown run", `loadRunbook("nope")`, "usage"],
    ["an unknown target", `plan("rotate-logs", { target: "there" })`, "usage"],
    ["a value of the wrong type", `plan("rotate-logs", { inputs: { keep: "three" } })`, "usage"],
    ["a broken runbook", `plan("broken.yaml")`, "invalid"],
  ])("%s is a RunbookError that says what to type next", (_, call, exitName) => {
    writeFileSync(join(project, "broken.yaml"), "apiVersion: runbook/v1\nname: broken\n");
    writeFileSync(
      join(project, "wrong.mjs"),
      `import * as lib from "runbook"; const { loadRunbook, plan, readRun } = lib;
await ${call}.then(() => process.exit(3), (e) => console.log(e instanceof lib.RunbookError, e.exitName, e.exitCode > 0, e.next));`,
    );
    expect(sh(process.execPath, ["wrong.mjs"]).stdout).toMatch(new RegExp(`^true ${exitName} true runbook `));
  });

  test("what is wrong in a runbook comes as diagnostics", () => {
    writeFileSync(join(project, "broken.yaml"), "apiVersion: runbook/v1\nname: broken\n");
    writeFileSync(
      join(project, "load.mjs"),
      `import { loadRunbook } from "runbook";
const { runbook, diagnostics } = await loadRunbook("broken.yaml");
console.log(runbook, diagnostics.map(({ code, range }) => code + "@" + range.start.line));`,
    );
    expect(sh(process.execPath, ["load.mjs"]).stdout).toMatch(/^null \[.*'missing-key@1'/s);
  });

  test("what onEvent throws rejects the promise; the program can end and the run goes on", () => {
    writeFileSync(
      join(project, "thrower.mjs"),
      `import { readRun, run } from "runbook";
const onEvent = () => { throw new Error("not mine"); };
await run("rotate-logs", { onEvent }).catch((e) => console.log(e.exitName, e.message));`,
    );
    const before = readdirSync(join(project, ".runbook/runs"));
    expect(sh(process.execPath, ["thrower.mjs"])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("not mine"),
    });
    const [id = ""] = readdirSync(join(project, ".runbook/runs")).filter((name) => !before.includes(name));
    expect(sh("npx", ["--no-install", "runbook", "wait", id])).toMatchObject({ code: 0 });
  });

  // The first step reads from a pipe that the program opens only after it has asked for the stop.
  test("an aborted signal stops the run after its step, and nothing starts when it was aborted before", () => {
    writeFileSync(
      join(project, "runbooks/two.yaml"),
      readFileSync(join(project, "runbooks/rotate-logs.yaml"), "utf8")
        .replace("name: rotate-logs", "name: two")
        .replace(`[sh, -c, 'echo kept "$KEEP"']`, "[cat, go]")
        .concat("  - { id: second, title: Second, run: [touch, second], effects: write, irreversible: A file. }\n"),
    );
    writeFileSync(
      join(project, "abort.mjs"),
      `import { writeFileSync } from "node:fs";
import { run } from "runbook";
const stop = new AbortController();
const onEvent = ({ type, step }) => {
  if (type !== "step.started" || step !== "rotate") return;
  stop.abort();
  writeFileSync("go", "");
};
const done = await run("two", { signal: stop.signal, onEvent });
console.log(done.result, done.steps.map((s) => s.status).join());
await run("two", { signal: AbortSignal.abort() }).catch((e) => console.log(e.name));`,
    );
    makeFifo(join(project, "go"));
    const { stdout } = sh(process.execPath, ["abort.mjs"]);
    expect(stdout).toMatch(/^interrupted succeeded,pending\nAbortError\n$/);
  });
});
