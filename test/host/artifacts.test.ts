/** Files of a step are kept from its working directory, and from nowhere a link leads to. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keepArtifacts } from "../../src/host/artifacts.ts";

let root: string;
let work: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "artifacts-"));
  work = join(root, "work");
  for (const folder of ["work/out", "elsewhere/deep"]) mkdirSync(join(root, folder), { recursive: true });
  for (const file of ["work/out/a.txt", "elsewhere/secret.txt", "elsewhere/deep/secret.txt"])
    writeFileSync(join(root, file), file);
  symlinkSync(join(root, "elsewhere"), join(work, "away"));
  symlinkSync(join(root, "elsewhere/secret.txt"), join(work, "out/link.txt"));
  symlinkSync("out", join(work, "inside"));
});

afterEach(() => rmSync(root, { recursive: true }));

function keep(pattern: string) {
  return keepArtifacts({ runDir: join(root, "run"), projectDir: root }, "step", "work", [pattern]);
}

describe("a link on the way to a file", () => {
  it.each(["away/secret.txt", "away/*.txt", "away/deep/secret.txt", "away/**/*.txt", "inside/../away/x"])(
    "%s leads out: refused",
    (pattern) => {
      expect(() => keep(pattern)).toThrow(expect.objectContaining({ class: "fatal", reason: "artifact-outside" }));
    },
  );

  it.each([
    ["inside/a.txt", ["inside/a.txt"]],
    ["inside/*.txt", ["inside/a.txt"]],
    ["**/*.txt", ["out/a.txt"]],
  ])("%s stays inside, and links met below it are passed over", (pattern, names) => {
    const kept = keep(pattern);
    expect(kept.map((artifact) => artifact.name)).toEqual(names);
    for (const { path } of kept) expect(readFileSync(join(root, "run", path), "utf8")).toBe("work/out/a.txt");
  });

  it.each(["out/link.txt", "away", "nowhere/*.txt"])("%s is no file to keep", (pattern) => {
    expect(() => keep(pattern)).toThrow(/no file matches/);
  });
});
