/**
 * The sealed copy: a run executes what was copied into its directory at the start, and nothing is read again from the
 * working tree. `run.started.files` holds the digests; a sealed file that differs is corruption (exit 8).
 */
import { createHash } from "node:crypto";
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { JournalCorrupt } from "../engine/ports.ts";
import type { EvidenceDefaults, Policy, SecretProvider, Target, Window } from "../language/config.ts";
import { makeDirectory, replaceFile } from "./durable-file.ts";

/** `config.json` of a run directory: everything of the project file that the run needs. */
export interface SealedConfig {
  readonly format: "runbook.sealed-config/1.0";
  /** Absolute path of the project: where commands run. */
  readonly project: string;
  /** The runbook's file, relative to the project. */
  readonly file: string;
  readonly target: Target;
  readonly windows: Readonly<Record<string, Window>>;
  /** Approver keys as text (`ed25519:…`), not as paths. */
  readonly policy: Policy;
  readonly secrets: readonly SecretProvider[];
  /** Absent in runs that older versions began. */
  readonly evidence?: EvidenceDefaults;
}

export interface SealedFile {
  /** Relative to the run directory. */
  readonly path: string;
  readonly content: string | Uint8Array;
}

/** Writes the files into a new run directory; returns their digests. */
export function sealFiles(runDir: string, files: readonly SealedFile[]): Record<string, string> {
  const digests: Record<string, string> = {};
  for (const { path, content } of files) {
    const file = join(runDir, path);
    makeDirectory(dirname(file));
    replaceFile(file, content);
    digests[path] = digestOf(content);
  }
  return digests;
}

export function digestOf(content: string | Uint8Array): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

/** Reads a sealed file as text. Throws `JournalCorrupt` when it cannot be opened. */
export function readSealedText(runDir: string, path: string): string {
  let fd: number;
  try {
    fd = openSync(join(runDir, path), constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch {
    throw missing(runDir, path);
  }
  try {
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

/** Throws as `readSealedText`. */
export function readSealedConfig(runDir: string): SealedConfig {
  return JSON.parse(readSealedText(runDir, "config.json")) as SealedConfig;
}

/** Throws `JournalCorrupt` when a sealed file is missing or differs from the digest the journal holds. */
export function checkSealed(runDir: string, digests: Readonly<Record<string, string>>): void {
  for (const [path, digest] of Object.entries(digests)) {
    let actual: string;
    try {
      actual = digestOf(readFileSync(join(runDir, path)));
    } catch {
      throw missing(runDir, path);
    }
    if (actual !== digest) {
      throw new JournalCorrupt(
        1,
        `the sealed file ${path} was changed after the run began: ${actual} is not ${digest}`,
      );
    }
  }
}

function missing(runDir: string, path: string): JournalCorrupt {
  return new JournalCorrupt(1, `the sealed file ${path} is missing from ${runDir}`);
}
