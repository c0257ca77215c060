import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ensureRuntimeDir, removeRuntimeDir, runtimeDirFor } from "../../../src/host/supervisor/runtime-dir.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "runtime-dir-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("runtimeDirFor", () => {
  it("is short, outside of the run directory, and the same by every name of it", () => {
    const deep = join(dir, ...Array.from({ length: 10 }, () => "a-long-directory-name"));
    mkdirSync(deep, { recursive: true });
    symlinkSync(deep, join(dir, "link"));
    const path = runtimeDirFor(deep);
    expect(path).toBe(runtimeDirFor(join(dir, "link")));
    expect(path).not.toBe(runtimeDirFor(dir));
    expect(path.startsWith(join(tmpdir(), "runbook-"))).toBe(true);
    expect(path.length - tmpdir().length).toBeLessThan(45);
  });
});

describe("runtimeDirFor a run that had an executor", () => {
  const names = (runtimeDir: unknown) => writeFileSync(join(dir, "executor.json"), JSON.stringify({ runtimeDir }));

  it("is the directory that executor worked with, as long as it is there", () => {
    const own = runtimeDirFor(dir);
    const other = join(dir, "elsewhere");
    names(other);
    expect(runtimeDirFor(dir)).toBe(own);
    mkdirSync(other);
    expect(runtimeDirFor(dir)).toBe(other);
  });

  it("is never a link or a file, nor what a damaged record says", () => {
    const own = runtimeDirFor(dir);
    symlinkSync(dir, join(dir, "link"));
    for (const wrong of [join(dir, "link"), join(dir, "executor.json"), 7, null]) {
      names(wrong);
      expect(runtimeDirFor(dir)).toBe(own);
    }
    writeFileSync(join(dir, "executor.json"), "{");
    expect(runtimeDirFor(dir)).toBe(own);
  });
});

describe("ensureRuntimeDir", () => {
  it("creates it for this user alone, and accepts it the second time", () => {
    const path = join(dir, "runbook-0", "x");
    ensureRuntimeDir(path);
    ensureRuntimeDir(path);
    for (const each of [path, join(dir, "runbook-0")]) expect(statSync(each).mode & 0o777).toBe(0o700);
    writeFileSync(join(path, "000001.ack"), "");
    removeRuntimeDir(path);
    expect(existsSync(join(dir, "runbook-0"))).toBe(false);
  });

  it("refuses one that others may enter, and says the command that helps", () => {
    const path = join(dir, "runbook-0", "x");
    ensureRuntimeDir(path);
    chmodSync(path, 0o750);
    expect(() => ensureRuntimeDir(path)).toThrow(`Run "chmod 700 ${path}"`);
    chmodSync(path, 0o700);
    chmodSync(join(dir, "runbook-0"), 0o701);
    expect(() => ensureRuntimeDir(path)).toThrow(`Run "chmod 700 ${join(dir, "runbook-0")}"`);
  });

  it("refuses a link and a file in its place", () => {
    symlinkSync(dir, join(dir, "link"));
    expect(() => ensureRuntimeDir(join(dir, "link"))).toThrow("is not a directory");
    writeFileSync(join(dir, "file"), "");
    expect(() => ensureRuntimeDir(join(dir, "file"))).toThrow("is not a directory");
  });

  it.skipIf(process.getuid?.() !== 0)("refuses one of another user (needs root to make one)", async () => {
    const { chownSync } = await import("node:fs");
    const path = join(dir, "x");
    mkdirSync(path, { mode: 0o700 });
    chownSync(path, 12345, 12345);
    expect(() => ensureRuntimeDir(path)).toThrow("belongs to user 12345");
  });
});
