/** What V8 compiled is kept beside the bundle, is used again, and can never be the reason that a program fails. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageDir } from "../rig/cli-rig.ts";

const dir = mkdtempSync(join(tmpdir(), "code-cache-"));
const cache = join(dir, "dist/cache");
afterAll(() => rmSync(dir, { recursive: true, force: true }));

beforeAll(() => {
  const isCache = (path: string) => path.startsWith(join(packageDir, "dist/cache"));
  for (const part of ["bin", "dist", "package.json"])
    cpSync(join(packageDir, part), join(dir, part), { recursive: true, filter: (path) => !isCache(path) });
});

function help(env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(dir, "bin/runbook.cjs"), "help"], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "", ...env },
  });
  return { status, stdout, stderr };
}

/** File → content, of the folder of this test's own Node. */
function kept(): Map<string, Buffer> {
  const files = readdirSync(cache, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(files.map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name))]));
}

test("the first start keeps what was compiled, a second one takes it, and damage is not noticed", () => {
  const plain = help({ NODE_DISABLE_COMPILE_CACHE: "1" });
  expect(plain).toMatchObject({ status: 0, stderr: "" });
  expect(existsSync(cache)).toBe(false);

  expect(help()).toEqual(plain);
  const first = kept();
  expect(first.size).toBeGreaterThan(2);
  expect(help()).toEqual(plain);
  expect(kept()).toEqual(first);

  for (const [file, bytes] of first) writeFileSync(file, bytes.subarray(0, bytes.length / 2));
  expect(help()).toEqual(plain);
  for (const file of first.keys()) writeFileSync(file, "not what V8 writes");
  expect(help()).toEqual(plain);
  for (const [file, bytes] of kept()) expect(bytes.length, file).toBeGreaterThan(100);
});

test("viewer, executor and supervisor of a run keep theirs, and those of the next run take them", () => {
  const project = join(dir, "project");
  mkdirSync(join(project, "runbooks"), { recursive: true });
  writeFileSync(join(project, "runbook.config.yaml"), "apiVersion: runbook/v1\ntargets: { local: {} }\n");
  const head = "apiVersion: runbook/v1\nname: one\nversion: 1.0.0\ntitle: t\nowner: o\nkind: audit\ndescription: d\n";
  writeFileSync(
    join(project, "runbooks/one.yaml"),
    `${head}steps: [{ id: a, title: A, run: "true", effects: read }]\n`,
  );
  const words = [join(dir, "bin/runbook.cjs"), "run", "one", "-t", "local", "--yes"];
  const run = () => spawnSync(process.execPath, words, { cwd: project, env: { PATH: process.env["PATH"], HOME: dir } });

  rmSync(cache, { recursive: true });
  expect(run().status).toBe(0);
  const first = kept();
  // Newer versions of Node keep them by themselves, under names of their own.
  if (process.version.startsWith("v20."))
    for (const program of ["cli", "executor", "supervisor"])
      expect([...first.keys()].some((file) => basename(file).startsWith(`${program}-`))).toBe(true);
  expect(run().status).toBe(0);
  const second = kept();
  for (const [file, bytes] of first) expect(second.get(file)?.equals(bytes), file).toBe(true);
});

test("a folder that cannot be written changes nothing", () => {
  rmSync(cache, { recursive: true });
  writeFileSync(cache, "a file where the folder would be");
  expect(help()).toMatchObject({ status: 0, stderr: "" });
  expect(readFileSync(cache, "utf8")).toBe("a file where the folder would be");
});

test("no chunk imports dynamically, which code from the cache cannot", () => {
  const chunks = readdirSync(join(dir, "dist/chunks")).filter((name) => name.endsWith(".cjs"));
  expect(chunks.length).toBeGreaterThan(5);
  for (const name of chunks) {
    const code = readFileSync(join(dir, "dist/chunks", name), "utf8").replaceAll(/^\s*\/?\*.*$|\/\*\*.*?\*\//gm, "");
    expect(code.match(/\bimport\([^)]*\)/g) ?? [], name).toEqual([]);
  }
});

test("programs only load chunks named by content, so that no cache meets another text", () => {
  for (const name of ["cli", "executor", "supervisor"]) {
    const [digest, loader, chunk, ...more] = readFileSync(join(dir, `dist/${name}.cjs`), "utf8")
      .trimEnd()
      .split("\n");
    expect(digest).toMatch(/^\/\/ sha256 of all chunks: [0-9a-f]{64}$/);
    expect(loader).toBe('require("./code-cache.cjs");');
    expect(chunk).toMatch(new RegExp(`^require\\("\\./chunks/${name}-[\\w-]{8}\\.cjs"\\);$`));
    expect(more).toEqual([]);
  }
});
