import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { holderFiles, readCode } from "../../../src/host/supervisor/holder.ts";
import { createOutputFile, reopenOutputFile } from "../../../src/host/supervisor/output-file.ts";
import { findProgram } from "../../../src/host/supervisor/program-path.ts";
import { createLineSplitter, EMPTY_STREAM } from "../../../src/host/supervisor/protocol.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "supervisor-parts-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const limits = { headBytes: 10, tailBytes: 4 };
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

describe("output file", () => {
  it("comes with the first byte, mode 0600", () => {
    const path = join(dir, "out");
    const file = createOutputFile(path, limits);
    file.push(Buffer.alloc(0));
    expect(existsSync(path)).toBe(false);
    file.push(Buffer.from("x"));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(file.finish()).toEqual({ bytes: 1, sha256: sha256("x"), droppedBytes: 0 });
    const empty = join(dir, "empty");
    expect(createOutputFile(empty, limits).finish()).toEqual(EMPTY_STREAM);
    expect(existsSync(empty)).toBe(false);
  });

  it("never follows a link nor replaces a file, not even one that appears late", () => {
    const victim = join(dir, "victim");
    writeFileSync(victim, "precious");
    symlinkSync(victim, join(dir, "link"));
    expect(() => createOutputFile(join(dir, "link"), limits)).toThrow("exists already");
    expect(() => reopenOutputFile(join(dir, "link"), limits)).toThrow("ELOOP");
    const file = createOutputFile(join(dir, "late"), limits);
    symlinkSync(victim, join(dir, "late"));
    file.push(Buffer.from("text"));
    expect(file.finish()).toMatchObject({ bytes: 4, writeError: { code: "EEXIST" } });
    expect(readFileSync(victim, "utf8")).toBe("precious");
  });

  it("tells a full disk", () => {
    const file = reopenOutputFile("/dev/full", limits);
    file.push(Buffer.from("text"));
    expect(file.hasRoom()).toBe(false);
    expect(file.finish()).toMatchObject({
      bytes: 4,
      sha256: sha256("text"),
      writeError: { code: "ENOSPC" },
      kept: { bytes: 0, sha256: sha256("") },
    });
  });

  it("goes on after a dead writer: its bytes count and are hashed", () => {
    const path = join(dir, "out");
    writeFileSync(path, "12345678");
    const file = reopenOutputFile(path, limits);
    file.push(Buffer.from("90abcdefgh"));
    const kept = "1234567890\n[runbook: 4 bytes left out here]\nefgh";
    expect(file.finish()).toEqual({
      bytes: 18,
      sha256: sha256("1234567890abcdefgh"),
      droppedBytes: 4,
      kept: { bytes: kept.length, sha256: sha256(kept) },
    });
    expect(readFileSync(path, "utf8")).toBe(kept);
  });
});

describe("code file", () => {
  it("has a code only with its newline, and of the very attempt", () => {
    const { codes } = holderFiles(dir);
    expect(readCode(dir, "000001")).toBe(null);
    writeFileSync(codes, "1000001 9\n000001 14");
    expect(readCode(dir, "000001")).toBe(null);
    writeFileSync(codes, "1000001 9\n000001 143\n000002 0\n");
    expect([readCode(dir, "000001"), readCode(dir, "000002"), readCode(dir, "000003")]).toEqual([143, 0, null]);
  });
});

describe("findProgram", () => {
  it("searches PATH in its order, and takes a path relative to the working directory", () => {
    writeFileSync(join(dir, "sh"), "#!/bin/sh\n", { mode: 0o755 });
    expect(findProgram("sh", "/", `${dir}:/bin`)).toEqual({ file: join(dir, "sh") });
    expect(findProgram("./sh", dir, undefined)).toEqual({ file: join(dir, "sh") });
    expect(findProgram("sh", "/", undefined)).toEqual({ file: "/bin/sh" });
    writeFileSync(join(dir, "cat"), "", { mode: 0o644 });
    expect(findProgram("cat", "/", `${dir}:/bin`)).toEqual({ file: "/bin/cat" });
  });

  it("names what is missing", () => {
    const codeOf = (...args: Parameters<typeof findProgram>) => {
      const found = findProgram(...args);
      return "error" in found ? found.error.code : found.file;
    };
    expect(codeOf("nope", "/", "/bin")).toBe("ENOENT");
    expect(codeOf("", "/", "/bin")).toBe("ENOENT");
    expect(codeOf("/bin", "/", "/bin")).toBe("EACCES");
    expect(codeOf("sh", join(dir, "none"), "/bin")).toBe("ENOTDIR");
    writeFileSync(join(dir, "file"), "");
    expect(codeOf("sh", join(dir, "file"), "/bin")).toBe("ENOTDIR");
  });
});

describe("line splitter", () => {
  it("gives whole lines, however the text was cut", () => {
    const text = '{"a":1}\n\n{"b":"ü"}\nrest';
    for (let cut = 0; cut <= text.length; cut++) {
      const lines: string[] = [];
      const push = createLineSplitter((line) => lines.push(line));
      push(text.slice(0, cut));
      push(text.slice(cut));
      push("\n");
      expect(lines).toEqual(['{"a":1}', '{"b":"ü"}', "rest"]);
    }
  });
});
