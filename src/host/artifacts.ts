/** Files a step leaves behind, copied into the evidence with their hashes. Links are never followed out of the work directory. */
import { createHash } from "node:crypto";
import { closeSync, constants, type Dirent, fstatSync, openSync, readdirSync, readSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { Artifact } from "../engine/events.ts";
import { StepFailure } from "../steps/step-type.ts";
import { globExpression } from "../util/glob.ts";
import { onDisk } from "./command-runner.ts";
import { makeDirectory, syncData, syncDirectory, writeAll } from "./durable-file.ts";

const chunkBytes = 1024 * 1024;

/** Copies every file that matches; a pattern that matches nothing is a `StepFailure`. */
export function keepArtifacts(
  options: { readonly runDir: string; readonly projectDir: string },
  path: string,
  cwd: string | null,
  patterns: readonly string[],
): Artifact[] {
  const workDir = cwd === null ? options.projectDir : resolve(options.projectDir, cwd);
  const artifacts: Artifact[] = [];
  for (const pattern of patterns) {
    const names = match(workDir, pattern);
    if (names.length === 0)
      throw new StepFailure("failed", "artifact-missing", `no file matches ${pattern} in ${workDir}`);
    for (const name of names) {
      if (artifacts.some((artifact) => artifact.name === name)) continue;
      const kept = join("artifacts", onDisk(path), name);
      artifacts.push({ name, path: kept, ...copy(join(workDir, name), join(options.runDir, kept)) });
    }
  }
  return artifacts;
}

/** Copies one file that a person attached to an answer. Throws when it cannot be read. */
export function keepFile(runDir: string, path: string, name: string, file: string): Artifact {
  const kept = join("artifacts", onDisk(path), basename(name));
  return { name: basename(name), path: kept, ...copy(file, join(runDir, kept)) };
}

/** Names relative to `workDir`; `*` and `?` within a name, `**` across folders. */
function match(workDir: string, pattern: string): string[] {
  if (pattern.startsWith("/") || pattern.split("/").includes("..")) {
    throw new StepFailure("fatal", "artifact-outside", `the artifact ${pattern} is outside the working directory`);
  }
  const fixed = pattern.split(/[*?]/, 1)[0] ?? "";
  const start = resolve(workDir, dirname(`${fixed}x`));
  refuseLinkOut(workDir, start, pattern);
  if (fixed === pattern) return isFile(join(workDir, pattern)) ? [pattern] : [];
  const expression = globExpression(pattern);
  return [...filesBelow(start)]
    .map((file) => relative(workDir, file))
    .filter((name) => expression.test(name))
    .sort();
}

/** Below `folder` no link is followed; the way to it may hold one. */
function refuseLinkOut(workDir: string, folder: string, pattern: string): void {
  let real: string;
  try {
    real = relative(realpathSync(workDir), realpathSync(folder));
  } catch {
    return; // A folder that is not there holds no file.
  }
  if (real !== ".." && !real.startsWith("../") && !isAbsolute(real)) return;
  throw new StepFailure(
    "fatal",
    "artifact-outside",
    `the artifact ${pattern} lies behind a link that leads out of the working directory, to ${realpathSync(folder)}`,
  );
}

function* filesBelow(directory: string): Generator<string> {
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of entries) {
    const file = join(directory, entry.name);
    if (entry.isDirectory() && entry.name !== "node_modules" && entry.name !== ".git") yield* filesBelow(file);
    else if (entry.isFile()) yield file;
  }
}

function isFile(file: string): boolean {
  try {
    const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      return fstatSync(fd).isFile();
    } finally {
      closeSync(fd);
    }
  } catch {
    return false;
  }
}

function copy(from: string, to: string): { bytes: number; sha256: string } {
  makeDirectory(dirname(to));
  const source = openSync(from, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const sink = openSync(to, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, 0o600);
    try {
      const hash = createHash("sha256");
      const buffer = Buffer.allocUnsafe(chunkBytes);
      let bytes = 0;
      for (let read = readSync(source, buffer); read > 0; read = readSync(source, buffer)) {
        const chunk = buffer.subarray(0, read);
        hash.update(chunk);
        writeAll(sink, chunk, to);
        bytes += read;
      }
      syncData(sink, to);
      return { bytes, sha256: hash.digest("hex") };
    } finally {
      closeSync(sink);
    }
  } finally {
    closeSync(source);
    syncDirectory(dirname(to));
  }
}
